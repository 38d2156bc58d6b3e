"""The events of hooks: when each comes, what it carries and what an answer to it may do.

One table is the truth: what may be registered, `kaizen-tui hooks` and the tests follow from it.
An event ``before.…`` is asked; every other one is a name for rows of the log that are told once
they are recorded. There is no event before what has happened already when it becomes known here:
a message of a person, an error, an answer. Nor before an interrupt: an order to stop waits for
nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workbench.journal.events import OUTCOMES, Event

CHANGE: Final = "may change or refuse"
REFUSE: Final = "may refuse"
TOLD: Final = "is told"


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event."""

    name: str
    when: str
    fields: tuple[str, ...]
    """Asked: what ``arguments`` holds beyond what every call has. Told: what ``data`` holds."""
    may: str = TOLD


_OUTCOME: Final = ("effect", "fingerprint")

_EFFECTS: Final = (
    ("ask", "a turn of an agent, or of a sub-agent", ("inputs",)),
    ("call", "a Python function is called", ("arguments", "named")),
    ("discover", "a workflow looks who is there", ()),
    ("follow", "a pattern, a step of one, or an item of a plan is followed", ("inputs",)),
    ("forget", "something is taken out of memory", ("key",)),
    ("line", "a line of a script is carried out", ()),
    ("model", "a model is asked", ()),
    ("now", "a workflow reads the clock", ()),
    ("question", "a person is asked something", ("text",)),
    ("random", "a workflow draws a number", ()),
    ("recall", "memory is read, by key or by words (search, limit)", ("key",)),
    ("receive", "a workflow waits for a message", ()),
    ("remember", "something is written to memory", ("key", "value")),
    ("review", "a plan is put to a person, or accepted by rule", ()),
    ("send", "a workflow sends a message", ("message",)),
    ("sleep", "a workflow sleeps", ()),
    ("tool", "a tool is used; its parameters are the arguments", ()),
)


def _may(kind: str) -> str:
    """A plan is what a person is shown: it is edited there, and refused here."""
    return REFUSE if kind == "review" else CHANGE


TABLE: Final = (
    HookEvent("before.run", "a run is started; its inputs are the arguments", (), CHANGE),
    HookEvent("after.run", "a run has ended", ("outcome",)),
    *(HookEvent(f"before.{kind}", when, given, _may(kind)) for kind, when, given in _EFFECTS),
    *(HookEvent(f"after.{kind}", f"the end of it: {when}", _OUTCOME) for kind, when, _ in _EFFECTS),
    HookEvent(
        "before.permission",
        "a tool call is about to be allowed or put to a person; never where a rule denies",
        ("arguments", "danger", "verdict", "reason"),
        REFUSE,
    ),
    HookEvent("after.permission", "a person answered; or a tool call was denied", ()),
    HookEvent("on.approval.asked", "a person is asked for a permission", ("id", "tool", "danger")),
    HookEvent("on.approval.answered", "a person answered", ("id", "verdict", "by")),
    HookEvent("before.checkpoint", "a workflow takes a checkpoint, by this name", (), CHANGE),
    HookEvent("after.checkpoint", "a workflow, a person or a rule took one", ("name", "by")),
    HookEvent("on.interrupt", "somebody orders a run to stop", ("by", "how")),
    HookEvent("after.interrupt", "a run is suspended", ("by", "reason")),
    HookEvent("on.message", "a workflow sent a message; or a person did (to, text, by)", ()),
    HookEvent("on.error", "a step or a run has failed", ("error",)),
)  # fmt: skip

BEFORE: Final = frozenset(one.name for one in TABLE if one.may is not TOLD)
NAMED: Final = frozenset(one.name for one in TABLE)

_OF_KIND: Final = {
    "run.finished": ("after.run",),
    "approval.asked": ("on.approval.asked",),
    "approval.answered": ("on.approval.answered", "after.permission"),
    "checkpoint.taken": ("after.checkpoint",),
    "interrupt.asked": ("on.interrupt",),
    "run.suspended": ("after.interrupt",),
    "message.sent": ("on.message",),
}


def names_of(row: Event) -> tuple[str, ...]:
    """Under which events a row is told, beside its own kind."""
    names = _OF_KIND.get(row.kind, ())
    if row.kind in OUTCOMES:
        effect = row.data.get("effect")
        if effect != "checkpoint":  # what is told of that is that it was taken
            names = (f"after.{effect}",)
        if row.kind == "step.finished" and effect == "send":
            names = (*names, "on.message")
        if row.kind == "step.denied" and effect == "tool":
            names = (*names, "after.permission")
    if row.kind in {"step.failed", "run.finished"} and row.data.get("error"):
        names = (*names, "on.error")
    return names
