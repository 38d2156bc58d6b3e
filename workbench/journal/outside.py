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
from workbench.workflow.effects import SCOPES


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
            begun[f"{row.key} {row.seq}"] = row
            ended[f"{row.key} {row.seq}"] = "written" if row.data.get("after") else "deleted"
    for key, row in begun.items():
        yield _outside(row, ended.get(key, "unknown"))


_TOUCHING = frozenset({"tool", "call", "line"})


def _touches(data: Mapping[str, Any]) -> bool:
    effect = data.get("effect")
    return effect in _TOUCHING and effect not in SCOPES and data.get("repeat") != "pure"


def _outside(row: Event, state: str) -> Outside:
    data = row.data
    what = str(data.get("path") if row.kind == "file.changed" else data.get("name") or "")
    given: Any = data.get("arguments") or {}
    arguments = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else {"": given})
    return Outside(row.seq, row.key, agent_of(row.key), what, arguments, state)
