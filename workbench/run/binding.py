"""Binding: what an approval is bound to, looked at when it is asked for and before it is used.

Whatever passes permission is looked at once more before its intent is written, because it may have
waited since: for its turn in the folder, for a pause, for a budget. What was allowed by a rule is
only decided again when the policy is another one; what a person allowed is asked for again when
anything of it is otherwise.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.agent.tool import Tool
from workbench.agent.turn import ToolUse
from workbench.errors import ApprovalStale, InputError
from workbench.permission.bound import Bound
from workbench.permission.policy import Policy
from workbench.values import digest, dumps

if TYPE_CHECKING:
    from workbench.run.step import Step


class Permitted:
    """What a step was permitted on: changes whenever it is decided or asked anew."""

    __slots__ = ("approval", "asked", "bound", "policy", "why_again")

    def __init__(self, asked: int) -> None:
        self.asked = asked
        """How many approvals were asked for: the next one's number."""
        self.approval = ""
        """The id of the approval that is used, when a person gave one."""
        self.bound: Bound | None = None
        """What that is bound to."""
        self.policy: Policy | None = None
        """What it was decided under."""
        self.why_again = ""
        """Why an approval was not good any more, for the next question."""

    def by_rule(self, policy: Policy) -> None:
        """It was decided without a person."""
        self.approval, self.bound, self.policy = "", None, policy

    def by_person(self, approval: str, bound: Bound, policy: Policy) -> None:
        """A person allowed exactly this."""
        self.approval, self.bound, self.policy = approval, bound, policy


def tool_of(step: Step) -> Tool:
    """The tool an effect means."""
    subject = step.parked.effect.subject
    if isinstance(subject, ToolUse):
        return subject.tool
    if isinstance(subject, Tool):
        return subject
    found = step.run.scopes.tool(step.parked.effect.name)
    if found.scope is not None:
        raise InputError(
            f"{found.name!r} is an agent or a pattern, and no tool of its own",
            hint="In a workflow, write ask(…) or follow(…)",
            tool=found.name,
        )
    return found


def bound_of(step: Step, tool: Tool, arguments: dict[str, Any] | None = None) -> Bound:
    """What an approval of this call would be bound to now."""
    run = step.run
    return Bound(
        tool.name,
        tool.digest,
        digest(dumps(step.arguments if arguments is None else arguments)),
        _standing(run.folder),
        run.toolbox.profile(tool),
        run.policy.version,
    )


def check_still(step: Step) -> None:
    """Whether what was permitted is still what would be done.

    Raises:
        ApprovalStale: it is not; an approval that was used for it says so in a row.
    """
    permitted, policy = step.permitted, step.run.policy
    if permitted.bound is None:
        if permitted.policy is not None and permitted.policy is not policy:
            raise ApprovalStale("the policy changed since it was decided", by="policy")
        return
    check_bound(step, permitted.approval, permitted.bound)


def check_bound(step: Step, approval: str, bound: Bound) -> None:
    """Whether an approval still holds. Raises ApprovalStale, with a row that withdraws it."""
    why = bound.changes(bound_of(step, tool_of(step)))
    if why:
        withdraw(step, approval, why)
        raise ApprovalStale(why, by="binding")


def withdraw(step: Step, approval: str, why: str) -> None:
    """Say that an approval is not good any more, and that it will be asked anew."""
    step.permitted.why_again = why
    step.run.rows.append("approval.withdrawn", step.key, {"id": approval, "reason": why})


def for_arguments(bound: Bound, arguments: dict[str, Any]) -> Bound:
    """The same for arguments that a person edited."""
    return replace(bound, arguments=digest(dumps(arguments)))


def _standing(folder: str) -> str:
    """A folder by path and identity: another one under its name is another one."""
    try:
        found = os.stat(folder)  # noqa: PTH116 - a string, and often
    except OSError as error:
        return f"{folder} ({os.strerror(error.errno or 0)})"
    return f"{folder} {found.st_dev}:{found.st_ino}"
