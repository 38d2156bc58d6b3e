"""How the setting ``hooks`` is read: commands that are asked before effects, or told of rows."""

from __future__ import annotations

from typing import Any

from workbench.config import values as v
from workbench.errors import WorkbenchError


def _event(value: Any) -> str:
    from workbench.run.hook_events import NAMED  # noqa: PLC0415 - for those who have hooks

    # What a run is given is looked at on the spot, where nothing can wait for a process.
    return v.one_of(*sorted(NAMED - {"before.run"}))(value)


def _where(value: Any) -> str:
    from workbench.permission.filter import Filter  # noqa: PLC0415

    text = v.text(value)
    try:
        Filter.parse(text)
    except WorkbenchError as error:
        raise v.Unfit(f"is no filter: {error}") from error
    return text


def _command(value: Any) -> tuple[str, ...]:
    words = v.texts(value)
    if not words or not words[0]:
        raise v.Unfit(f"expects a program and its arguments, got {value!r}")
    return words


def _deadline(value: Any) -> float:
    seconds = v.amount(value)
    if not seconds:
        raise v.Unfit("expects more than 0 seconds")
    return seconds


_HOOK = v.record(
    event=_event,
    command=_command,
    where=_where,
    priority=v.whole,
    deadline_s=_deadline,
    name=v.text,
)


def hooks(value: Any) -> tuple[Any, ...]:
    """The hooks of a file, in their order. Raises Unfit."""
    found = v.records(_HOOK)(value)
    for index, one in enumerate(found):
        for name in ("event", "command"):
            if name not in one:
                raise v.Unfit(f"needs {name}", (str(index),))
    return found
