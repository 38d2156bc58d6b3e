"""Rows of the trace: small tuples made from log rows, in a list that forgets its oldest.

A step is one row: its outcome replaces the row its start made, found by key. Text is cropped
when the row is made and cleaned when it is painted, because most rows never are.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any, NamedTuple, cast

from workbench.journal.events import Event, agent_of, agents_of
from workbench.permission.danger import Danger
from workbench.run.trying import passed_words

STEPS, RESULTS, EVERYTHING = 1, 2, 3
"""The three levels of detail; a row is shown at its own level and above."""

CROP = 160
"""Characters of ``what`` a row keeps; the detail pane reads the rest from the log."""


class TraceRow(NamedTuple):
    """One line of the trace."""

    seq: int
    at: float
    run_id: str
    agent: str
    kind: str
    """What is shown: the effect for a step, else the event's kind, shortened."""
    what: str
    danger: int
    """A `Danger`, or -1 when none was graded."""
    state: str
    """``running done failed denied cancelled waiting`` or empty."""
    duration_s: float
    """-1 while unknown."""
    tokens: int
    cost_usd: float
    level: int
    depth: int = 0
    """How many agents stand between this one and the run."""
    result: str = ""
    """The beginning of a step's result or error: its second line, at level 2."""
    parent: int = -1
    """The number of the line of the step in which this one was begun, or -1."""
    nest: int = 0
    """How many such lines there are above it."""
    line: str = ""
    """Where the workflow stands in it: ``debate.py:31``."""


class Trace:
    """Numbered rows in order; ``first`` is the number of the oldest that is still held."""

    def __init__(self, limit: int = 200_000) -> None:
        self.rows: list[TraceRow] = []
        self.first = 0
        self.changed: set[int] = set()
        """Numbers replaced since a view last looked; the view empties it."""
        self._limit = limit

    @property
    def end(self) -> int:
        """The number the next row will get."""
        return self.first + len(self.rows)

    def add(self, row: TraceRow) -> int:
        """Append; drops a tenth of the rows when there are too many."""
        self.rows.append(row)
        if len(self.rows) > self._limit:
            surplus = self._limit // 10
            del self.rows[:surplus]
            self.first += surplus
        return self.end - 1

    def at(self, number: int) -> TraceRow | None:
        """The row of that number, or None when it was dropped."""
        place = number - self.first
        return self.rows[place] if 0 <= place < len(self.rows) else None

    def replace(self, number: int, row: TraceRow) -> None:
        """Put another row in the place of ``number``; a dropped one stays dropped."""
        place = number - self.first
        if 0 <= place < len(self.rows):
            self.rows[place] = row
            self.changed.add(number)

    def clear(self) -> None:
        """Forget all rows; numbers go on."""
        self.first = self.end
        self.rows.clear()
        self.changed.clear()


def brief(value: Any, room: int = CROP) -> str:
    """A value on one line in at most ``room`` characters, looking at no more than that."""
    if isinstance(value, str):
        return value[:room]
    if isinstance(value, Mapping):
        return _brief_mapping(cast("Mapping[str, Any]", value), room)
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        inner = ", ".join(brief(item, 40) for item in items[:4])
        return f"[{inner}{', …' if len(items) > 4 else ''}]"[:room]
    return "" if value is None else str(value)[:room]


def _brief_mapping(mapping: Mapping[str, Any], room: int) -> str:
    """``a=1 b=text``; a lone value stands without its name."""
    if len(mapping) == 1:
        return brief(next(iter(mapping.values())), room)
    parts: list[str] = []
    left = room
    for key, value in short_first(mapping).items():
        parts.append(f"{key}={brief(value, min(left, 60))}")
        left -= len(parts[-1]) + 1
        if left <= 0:
            break
    return " ".join(parts)[:room]


def short_first(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What is short says most: a path before the text that is written there."""
    return dict(sorted(mapping.items(), key=lambda item: _is_long(item[1])))


def _is_long(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple) or (isinstance(value, str) and len(value) > 40)


def danger_of(value: Any) -> int:
    """The grade in a row's data, which is a name or a number, or -1."""
    if isinstance(value, int):
        return int(value)
    return int(Danger[value]) if isinstance(value, str) and value in Danger.__members__ else -1


def row_of(event: Event) -> TraceRow:
    """The line of an event that is not a step's start or outcome."""
    what, state, level = _words(event)
    return TraceRow(
        event.seq,
        event.at,
        event.run_id,
        intern(agent_of(event.key) or str(event.data.get("agent") or "")),
        intern(_KINDS.get(event.kind, event.kind)),
        what,
        danger_of(event.data.get("danger")),
        state,
        -1.0,
        0,
        0.0,
        level,
        _depth(event.key),
    )


def started(event: Event) -> TraceRow:
    """The line of a step that has just begun."""
    data = event.data
    effect = str(data.get("effect", ""))
    return TraceRow(
        event.seq,
        event.at,
        event.run_id,
        intern(agent_of(event.key)),
        intern(effect),
        _step_words(effect, data),
        danger_of(data.get("danger")),
        "running",
        -1.0,
        0,
        0.0,
        EVERYTHING if effect == "checkpoint" else STEPS,
        _depth(event.key),
        line=intern(str(data.get("line") or "")),
    )


def finished(event: Event, begun: TraceRow | None) -> TraceRow:
    """The line of a step whose outcome is ``event``; without a start the outcome is all."""
    data = event.data
    row = begun or started(event)
    usage = usage_of(data)
    took = _number(data.get("duration_s"), event.at - begun.at if begun else -1.0)
    danger = danger_of(data.get("danger"))
    return row._replace(
        at=begun.at if begun else event.at - max(took, 0.0),
        danger=row.danger if danger < 0 else danger,
        seq=row.seq or event.seq,
        state=event.kind.partition(".")[2].replace("finished", "done"),
        duration_s=took,
        tokens=usage[0],
        cost_usd=usage[1],
        result=_outcome_words(event),
    )


def usage_of(data: Mapping[str, Any]) -> tuple[int, float]:
    """Tokens and cost in US dollars that an outcome reports."""
    found = _mapping(data.get("usage"))
    tokens = _number(found.get("input_tokens"), 0) + _number(found.get("output_tokens"), 0)
    return int(tokens), _number(found.get("cost_usd"), 0.0)


def _outcome_words(event: Event) -> str:
    passed = passed_words(event.data)
    if event.kind == "step.finished":
        return f"{passed}{brief(event.data.get('result'))}"
    error = _mapping(event.data.get("error"))
    return f"{passed}{brief(error.get('message') or event.data.get('reason'))}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) else otherwise


def _depth(key: str) -> int:
    return max(0, len(agents_of(key)) - 1) if "ask." in key else 0


def _step_words(effect: str, data: Mapping[str, Any]) -> str:
    name = str(data.get("name", ""))
    if effect == "model":
        return str(data.get("model") or name)
    if effect == "line":
        return brief(_mapping(data.get("arguments")).get("text"))
    return f"{name} {brief(data.get('arguments'))}"[:CROP].strip()


_KINDS = {
    "approval.asked": "perm.asked",
    "approval.answered": "perm.answer",
    "approval.withdrawn": "perm.gone",
    "checkpoint.taken": "checkpoint",
    "message.sent": "message",
    "file.changed": "file",
    "value.defined": "value",
    "hook.changed": "hook",
    "hook.refused": "hook",
    "question.answered": "answer",
    "question.asked": "question",
}

_FIELDS: dict[str, tuple[tuple[str, ...], int]] = {
    "approval.asked": (("tool", "arguments"), STEPS),
    "approval.answered": (("verdict", "reason"), STEPS),
    "question.asked": (("text",), STEPS),
    "question.answered": (("answer", "by"), STEPS),
    "checkpoint.taken": (("name", "by"), STEPS),
    "message.sent": (("to", "text"), STEPS),
    "hook.refused": (("hook", "reason"), STEPS),
    "hook.changed": (("hook", "event"), RESULTS),
    "file.changed": (("path",), STEPS),
    "value.defined": (("digest",), EVERYTHING),
    "attempt.ended": (("end",), EVERYTHING),
    "run.started": (("pattern", "title"), STEPS),
    "run.finished": (("outcome",), STEPS),
    "run.suspended": (("by", "reason"), STEPS),
    "run.cancelled": (("by", "reason"), STEPS),
    "mode.changed": (("mode", "by"), STEPS),
}
"""What each kind of row says of itself, and from which level of detail on it shows."""


def _words(event: Event) -> tuple[str, str, int]:
    """What a row says, its state and its level."""
    data = event.data
    fields, level = _FIELDS.get(event.kind, ((), RESULTS))
    said = " ".join(brief(data.get(name)) for name in fields) if fields else brief(data)
    return said[:CROP].strip(), _state(event.kind, data), level


def _state(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "approval.asked" | "question.asked":
            return "waiting"
        case "approval.answered":
            return str(data.get("verdict", ""))
        case "hook.refused":
            return "denied"
        case "run.finished":
            outcome = str(data.get("outcome", ""))
            return "done" if outcome == "returned" else outcome
        case _:
            return ""
