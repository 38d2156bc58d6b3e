"""Rows of the log as a filter sees them and as a line of text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from workbench.journal.events import Event, agent_of
from workbench.plain import one_line
from workbench.run.trying import passed_words

_STATES = {"started": "running", "finished": "done"}
_MOST = 160


def fields_of(row: Event) -> dict[str, Any]:
    """What a filter can ask about: a step's kind is its effect, any other row's its own."""
    data = row.data
    is_step = row.kind.startswith("step.")
    usage = cast("Mapping[str, Any]", data.get("usage") or {})
    ending = row.kind.rpartition(".")[2]
    return {
        "agent": str(data.get("agent") or agent_of(row.key)),
        "kind": str(data.get("effect", row.kind)) if is_step else row.kind,
        "name": str(data.get("name") or data.get("tool") or data.get("pattern") or ""),
        "state": str(data.get("outcome") or _STATES.get(ending, ending)),
        "key": row.key,
        "run_id": row.run_id,
        "text": text_of(row),
        "danger": data.get("danger"),
        "duration_s": data.get("duration_s"),
        "cost_usd": usage.get("cost_usd"),
    }


def text_of(row: Event) -> str:
    """What a row says, in words: its error, result, question or arguments."""
    data = row.data
    error = data.get("error")
    if isinstance(error, Mapping):
        return str(cast("Mapping[str, Any]", error).get("message", ""))
    if row.kind == "question.answered":
        return f"{brief(data.get('answer'))} by {brief(data.get('by', ''))}"
    passed = passed_words(data)
    for name in ("result", "text", "reason", "rule", "mode", "answer", "verdict", "arguments"):
        if data.get(name) not in (None, ""):
            return brief(f"{passed}{brief(data[name])}")
    return passed


def line_of(row: Event) -> str:
    """``12:03:41.220    7 coder        tool   write_file   done   …``."""
    told = fields_of(row)
    at = datetime.fromtimestamp(row.at, UTC).strftime("%H:%M:%S.%f")[:-3]
    words = " ".join(word for word in (told["name"], told["state"], told["text"]) if word)
    return one_line(f"{at} {row.seq:>5} {told['agent']:<12} {told['kind']:<10} {words}")[:_MOST]


def data_of(row: Event) -> dict[str, Any]:
    """The whole row as JSON."""
    return {
        "run_id": row.run_id,
        "seq": row.seq,
        "at": row.at,
        "kind": row.kind,
        "key": row.key,
        "data": row.data,
    }


def brief(value: Any, most: int = _MOST) -> str:
    """A value on one line, cut."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        text = " ".join(f"{name}={brief(item, 60)}" for name, item in items)
    else:
        text = value if isinstance(value, str) else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"
