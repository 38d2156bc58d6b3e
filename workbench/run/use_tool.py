"""Performing a tool call: permission, intent, the deed.

A pure tool leaves one row, its outcome. Any other has its intent committed before it is
performed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.agent.tool import Tool
from workbench.agent.turn import ToolUse
from workbench.run.doubt import Verdict, settle_doubt
from workbench.run.permit import permit
from workbench.run.world import Live
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.run.step import Step


async def use_tool(step: Step) -> Any:
    """Perform one tool call."""
    tool = tool_of(step)
    if step.prior is not None:
        settled = await settle_doubt(step, tool.repeat, lambda: _probed(step, tool))
        if settled is not None:
            return settled[0]
    facts = await permit(step, tool)
    if tool.repeat is not Repeat.PURE:
        prepared = step.run.toolbox.prepare(tool, step.arguments)
        await step.intend(danger=step.extra.get("danger", ""), prepared=prepared)
    else:
        await step.run.hold.passes()
        live = {"effect": "tool", "name": tool.name, "arguments": step.arguments}
        step.run.world.publish(Live("started", step.run.run_id, step.key, live))
        step.begin()
    step.stoppable = tool.function is None
    return await step.run.toolbox.perform(
        tool, step.arguments, facts, lambda text: _progress(step, text), step.idempotency_key
    )


def tool_of(step: Step) -> Tool:
    """The tool an effect means."""
    subject = step.parked.effect.subject
    if isinstance(subject, ToolUse):
        return subject.tool
    if isinstance(subject, Tool):
        return subject
    return step.run.scopes.tool(step.parked.effect.name)


def _probed(step: Step, tool: Tool) -> Verdict:
    assert step.prior is not None
    data = step.prior.data
    return step.run.toolbox.probe(tool, data["arguments"], data.get("prepared"))


def _progress(step: Step, text: str) -> None:
    step.run.world.publish(Live("progress", step.run.run_id, step.key, {"text": text}))
