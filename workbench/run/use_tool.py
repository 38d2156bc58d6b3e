"""Performing a tool call: permission, its turn in the working copy, intent, the deed.

A pure tool leaves one row, its outcome, and waits for nobody. Any other has its intent committed
before it is performed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from workbench.agent.tool import Tool
from workbench.errors import ApprovalStale
from workbench.permission.danger import Facts
from workbench.permission.egress import brings_in
from workbench.run.asked_by import ask_for_server
from workbench.run.binding import check_still, tool_of
from workbench.run.permit import permit
from workbench.run.ports import Attempt, HeldTurn
from workbench.run.reserve import release, start
from workbench.run.working_copy import writing
from workbench.run.world import Live
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.run.step import Step


async def use_tool(step: Step) -> Any:
    """Perform one tool call; one that is not what was permitted any more is permitted anew."""
    while True:
        tool = tool_of(step)
        facts = await permit(step, tool)
        try:
            return await _use(step, tool, facts)
        except ApprovalStale:
            if step.begun or step.intended:
                raise
            release(step)


async def _use(step: Step, tool: Tool, facts: Facts) -> Any:
    if source := brings_in(facts) or _document(step):
        step.extra["untrusted"] = source
    if tool.repeat is Repeat.PURE:
        await step.run.hold.passes()
        await start(step, None)
        await step.assure()
        check_still(step)
        live = {"effect": "tool", "name": tool.name, "arguments": step.arguments}
        step.run.world.publish(Live("started", step.run.run_id, step.key, live))
        step.begin()
        return await _performed(step, tool, facts)
    async with writing(step, tool, facts) as found:
        schema = step.run.scopes.digest_of(tool)
        told = {"act": tool.act, "schema": schema, "prepared": found.prepared, **found.data}
        await step.intend(tool.repeat, lambda: check_still(step), **told)
        with found.within(tool):
            found.result = await _performed(step, tool, facts, found.turn)
        return found.result


def _document(step: Step) -> str:
    """The document whose text a call brings in: who wrote that is never known."""
    if step.parked.effect.name != "read_media" or step.arguments.get("media") != "document":
        return ""
    return str(step.arguments.get("path") or step.arguments.get("name") or "a document")


async def _performed(step: Step, tool: Tool, facts: Facts, turn: HeldTurn | None = None) -> Any:
    step.stoppable = tool.function is None
    made = attempt_of(step, turn)
    return await step.run.toolbox.perform(tool, step.arguments, facts, made)


def attempt_of(step: Step, turn: HeldTurn | None = None) -> Attempt:
    """The attempt that is made, or looked at, as tools see it."""
    return Attempt(
        step.run.run_id,
        step.key,
        step.idempotency_key,
        lambda text: _progress(step, text),
        step.run.world.redaction,
        turn,
        partial(ask_for_server, step),
    )


def _progress(step: Step, text: str) -> None:
    step.run.world.publish(Live("progress", step.run.run_id, step.key, {"text": text}))
