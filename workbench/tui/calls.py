"""What a step's own rows do not say: in which step it was begun, where, with which arguments.

All of it follows from what is under way in its run when its row comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from workbench.journal.events import Event, parent_of
from workbench.tui.shown import OpenStep, RunShown
from workbench.tui.trace_rows import Trace, TraceRow


def nested(row: TraceRow, run: RunShown, trace: Trace, above: str) -> TraceRow:
    """The row below the innermost step under way that has ``above`` or a key over it."""
    step = _around(run, above)
    if step is None:
        return row
    around = trace.at(step.number)
    if around is None:
        return row._replace(parent=step.number, nest=1)
    return row._replace(parent=step.number, nest=around.nest + 1, line=row.line or around.line)


def line_of(run: RunShown | None, trace: Trace, key: str) -> str:
    """Where the workflow stands in the innermost step under way that has ``key`` in it."""
    step = _around(run, key) if run is not None else None
    row = trace.at(step.number) if step is not None else None
    return row.line if row is not None else ""


def _around(run: RunShown, key: str) -> OpenStep | None:
    while key:
        step = run.open.get(key)
        if step is not None:
            return step
        key = parent_of(key)
    return None


def completed(run: RunShown, event: Event) -> Event:
    """The outcome of a tool call with its arguments, from the reply that asked for it."""
    data, turn = event.data, parent_of(event.key)
    result = data.get("result")
    if data.get("effect") == "model" and isinstance(result, Mapping):
        _note_calls(run, turn, cast("Mapping[str, Any]", result))
    if data.get("effect") != "tool" or "arguments" in data:
        return event
    calls = run.calls.get(turn, [])
    call = next((call for call in calls if call.get("name") == data.get("name")), None)
    if call is None:
        return event
    calls.remove(call)
    if not calls:
        del run.calls[turn]
    told = data | {"arguments": call.get("arguments")}
    return Event(event.run_id, event.seq, event.at, event.kind, event.key, told)


def _note_calls(run: RunShown, turn: str, reply: Mapping[str, Any]) -> None:
    calls = cast("list[Mapping[str, Any]]", reply.get("calls") or ())
    if calls:
        run.calls[turn] = [*calls]
    else:
        run.calls.pop(turn, None)
