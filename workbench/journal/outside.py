"""What a stretch of a run did outside: it is listed, because nothing ever undoes it.

Effects that left an intent may have touched the world, whatever became of them; files that were
written and words that a person was asked for stand beside them. Model calls cost money and change
nothing, so they are not among these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from workbench.journal.events import OUTCOMES, Event, agent_of


@dataclass(frozen=True, slots=True)
class Outside:
    """One thing that happened outside, or may have."""

    seq: int
    key: str
    agent: str
    what: str
    """The tool, function or file."""
    arguments: Mapping[str, Any]
    state: str
    """``done``, how it ended otherwise, or ``unknown`` while no outcome is recorded."""
    is_file: bool = False
    """A file of the working copy: the one kind that a restore can bring back."""


def outside_of(rows: Iterable[Event]) -> Iterator[Outside]:
    """Everything that a stretch of rows did outside, in the order in which it began."""
    begun: dict[str, Event] = {}
    ended: dict[str, str] = {}
    for row in rows:
        if row.kind == "step.started" and _touches(row.data):
            begun[row.key] = row
        elif row.kind in OUTCOMES and row.data.get("effect") in _TOUCHING:
            ended[row.key] = row.kind.partition(".")[2].replace("finished", "done")
        elif row.kind == "file.changed":
            intent = begun.get(row.key)
            if intent is not None and intent.data.get("prepared"):
                del begun[row.key]  # a file tool's call is what it did to its files
            begun[f"{row.key} {row.seq}"] = row
            ended[f"{row.key} {row.seq}"] = "written" if row.data.get("after") else "deleted"
    for key, row in begun.items():
        yield _outside(row, ended.get(key, "unknown"))


_TOUCHING = frozenset({"tool", "call", "line"})

_LINES = frozenset({"run", "ask", "fork", "resume", "export", "import"})
"""Lines of a script that start runs or write files; others settle something, or only look."""


def _touches(data: Mapping[str, Any]) -> bool:
    effect = data.get("effect")
    if data.get("repeat") == "pure" or data.get("proven_reading"):
        return False
    if effect == "line":
        return data.get("name") in _LINES
    return effect in _TOUCHING


def _outside(row: Event, state: str) -> Outside:
    data = row.data
    is_file = row.kind == "file.changed"
    what = str(data.get("path") if is_file else data.get("name") or "")
    given: Any = data.get("arguments") or {}
    arguments = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else {"": given})
    return Outside(row.seq, row.key, agent_of(row.key), what, arguments, state, is_file)
