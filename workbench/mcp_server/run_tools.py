"""What there is to do with runs, as signatures: the tools that are no agent and no pattern."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from workbench.agent.signature import InputField, OutputField, Signature
from workbench.permission.roles import Action

_WHICH = "a run's id, or the beginning of it"


class ListRuns(Signature):
    """List runs, newest first."""

    search: str = InputField("words to look for in titles and results", default="")
    limit: int = InputField("how many, 100 at most", default=20)
    runs: list[dict[str, object]] = OutputField("id, title, status and times of each")


class ShowRun(Signature):
    """Show how a run stands or ended, and its events as text, a page at a time."""

    run: str = InputField(_WHICH)
    after: int = InputField("only events after this number", default=0)
    limit: int = InputField("how many events, 500 at most", default=100)
    run_id: str = OutputField()
    title: str = OutputField()
    status: str = OutputField("running, suspended, returned, failed, cancelled, out_of_budget")
    result: object = OutputField("what it returned, or null")
    error: object = OutputField("why it did not return, or null")
    usage: dict[str, object] = OutputField()
    events: list[str] = OutputField()
    next: int | None = OutputField("give it as after for the next page; null at the end")


class ResumeRun(Signature):
    """Go on with a run that was interrupted or cut off, and wait for its end."""

    run: str = InputField(_WHICH)
    run_id: str = OutputField()
    result: object = OutputField("what it returned")


class ForkRun(Signature):
    """Start a run that shares another's beginning, with something changed from there on; wait."""

    run: str = InputField(_WHICH)
    at: int | str | None = InputField(
        "an event's number or a checkpoint's name; null for the newest", default=None
    )
    changes: dict[str, object] = InputField(
        "model, instructions, tools, options, reply or arguments", default={}
    )
    run_id: str = OutputField("the fork's")
    result: object = OutputField("what it returned")


class InterruptRun(Signature):
    """Have a run suspended, in whatever process it is driven; it can be resumed."""

    run: str = InputField(_WHICH)
    how: Literal["graceful", "immediate"] = InputField(
        "let running steps finish, or stop them", default="graceful"
    )
    run_id: str = OutputField()
    status: str = OutputField("suspended, or running while its driver has not taken it up")


class ListWaiting(Signature):
    """List what waits for a person, in all runs that are driven now."""

    waiting: list[dict[str, object]] = OutputField("id, run, agent, action, arguments, danger")


class AnswerWaiting(Signature):
    """Answer what waits for a person: a permission, or a question."""

    waiting: str = InputField("its id, as listed")
    answer: str = InputField("allow or deny; for a question one of its choices, or a text")
    digest: str = InputField("of a permission: of the action, as listed", default="")
    tool: str = InputField("to allow what is CRITICAL: the tool's name", default="")
    reason: str = InputField("why; an agent that is denied hears it", default="")
    run_id: str = OutputField()
    answer_given: str = OutputField()


RUN_TOOLS: Final[Mapping[str, tuple[Action, Signature]]] = {
    "list_runs": ("look", ListRuns.signature),
    "show_run": ("look", ShowRun.signature),
    "resume_run": ("drive", ResumeRun.signature),
    "fork_run": ("start", ForkRun.signature),
    "interrupt_run": ("drive", InterruptRun.signature),
    "list_waiting": ("answer", ListWaiting.signature),
    "answer_waiting": ("answer", AnswerWaiting.signature),
}

Given = dict[str, Any]
"""The inputs of a tool, read."""
