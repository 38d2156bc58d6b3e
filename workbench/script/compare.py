"""What differs between two runs: where they part, what they answered, did and cost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.journal.events import Event
from workbench.plain import one_line
from workbench.script.ended import from_store
from workbench.script.rows import brief, line_of, text_of
from workbench.store.memory import MemoryStore
from workbench.store.store import Store

_TOLD = {"step.finished", "step.failed", "step.denied", "message.sent", "question.answered"}


def compare(store: Store | MemoryStore, left: str, right: str) -> dict[str, Any]:
    """The differences of two runs as values; equal runs have none."""
    one, two = list(store.rows(left)), list(store.rows(right))
    first, second = from_store(store, left), from_store(store, right)
    return {
        "left": left,
        "right": right,
        "shared_rows": _shared(one, two),
        "outcome": [first.outcome, second.outcome],
        "result": [first.result, second.result],
        "cost_usd": [first.usage["cost_usd"], second.usage["cost_usd"]],
        "tokens": [_tokens(first.usage), _tokens(second.usage)],
        "steps": [first.usage["steps"], second.usage["steps"]],
        "rows": _different_rows(one, two),
        "files": _different_files(one, two),
    }


def compare_lines(found: dict[str, Any]) -> list[str]:
    """The same for people: ``-`` is the first run, ``+`` the second."""
    lines = [f"{found['shared_rows']} rows in common"]
    for row in found["rows"]:
        lines += [f"  {row['key']}"]
        lines += [f"  - {row['left']}"] if row["left"] is not None else []
        lines += [f"  + {row['right']}"] if row["right"] is not None else []
    for name in ("outcome", "result", "steps", "tokens", "cost_usd"):
        left, right = found[name]
        if left != right:
            lines.append(f"{name}: {one_line(brief(left))} → {one_line(brief(right))}")
    lines += [f"file {name}: {a or 'absent'} → {b or 'absent'}" for name, a, b in found["files"]]
    return lines


def _shared(one: list[Event], two: list[Event]) -> int:
    count = 0
    for a, b in zip(one, two, strict=False):
        if (a.run_id, a.seq) != (b.run_id, b.seq):
            break
        count += 1
    return count


def _tokens(usage: dict[str, Any]) -> int:
    return usage["input_tokens"] + usage["output_tokens"]


def _different_rows(one: list[Event], two: list[Event]) -> list[dict[str, Any]]:
    left, right = _by_key(one), _by_key(two)
    return [
        {"key": key, "left": left.get(key), "right": right.get(key)}
        for key in [*left, *(key for key in right if key not in left)]
        if left.get(key) != right.get(key)
    ]


def _by_key(rows: Iterable[Event]) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in rows:
        if row.kind in _TOLD:
            name = row.key or line_of(row)
            found[name] = f"{row.kind.partition('.')[2]}: {one_line(text_of(row))}"
    return found


def _different_files(one: list[Event], two: list[Event]) -> list[tuple[str, Any, Any]]:
    left, right = _files(one), _files(two)
    return [
        (name, left.get(name), right.get(name))
        for name in sorted({*left, *right})
        if left.get(name) != right.get(name)
    ]


def _files(rows: Iterable[Event]) -> dict[str, Any]:
    changed = (row.data for row in rows if row.kind == "file.changed")
    return {str(data["path"]): data.get("after") for data in changed}
