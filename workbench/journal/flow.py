"""Whose words went where: which result stands, word for word, in which later input.

Only what can be seen is told: a text of a finished turn or pattern that a later one was given as
it was, or inside a longer text. What a program rewrote on the way leaves no trace here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

from workbench.journal.events import Event
from workbench.workflow.effects import SCOPES

SHORTEST: Final = 12
"""Characters; shorter texts are alike by chance."""
MOST_LOOKS: Final = 200_000


class Flow(NamedTuple):
    """A field of one step's result, found in a field of a later step's inputs."""

    source: str
    source_field: str
    source_seq: int
    target: str
    target_field: str
    target_seq: int


class _Said(NamedTuple):
    name: str
    field: str
    seq: int
    text: str


def flows(rows: Iterable[Event]) -> tuple[list[Flow], bool]:
    """What went where, and whether everything was looked at: `MOST_LOOKS` bounds the cost."""
    said: list[_Said] = []
    found: list[Flow] = []
    looks = 0
    for row in rows:
        effect, name = row.data.get("effect"), str(row.data.get("name") or "")
        if effect not in SCOPES:
            continue
        if row.kind == "step.started":
            for field, text in _texts(_inputs(row.data)):
                looks += len(said)
                if looks > MOST_LOOKS:
                    return found, False
                found += [
                    Flow(one.name, one.field, one.seq, name, field, row.seq)
                    for one in said
                    if one.text in text
                ]
        elif row.kind == "step.finished":
            said += [_Said(name, field, row.seq, text) for field, text in _texts(_result(row))]
    return found, True


def _inputs(data: Mapping[str, Any]) -> Any:
    arguments = cast("Mapping[str, Any]", data.get("arguments") or {})
    return arguments.get("inputs", arguments)


def _result(row: Event) -> Any:
    return row.data.get("result")


def _texts(value: Any, field: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """The texts in a value that are long enough, each with the outermost field it stands in."""
    if isinstance(value, str) and len(value) >= SHORTEST:
        yield field, value
    elif isinstance(value, Mapping) and depth < 8:
        for name, item in cast("Mapping[str, Any]", value).items():
            yield from _texts(item, field or str(name), depth + 1)
    elif isinstance(value, list | tuple) and depth < 8:
        for item in cast("list[Any]", value):
            yield from _texts(item, field, depth + 1)
