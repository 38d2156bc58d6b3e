"""Performing a tool call: permission, intent, the deed; and a deed whose end nobody knows.

A pure tool leaves one row, its outcome. Any other has its intent committed before it is
performed. When a run comes back to an intent without an outcome, the tool's class says what may
be done: run it again, ask the tool, or ask a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from workbench.agent.tool import Tool
from workbench.agent.turn import ToolUse
from workbench.errors import Denied, InDoubt, ToolError
from workbench.permission.danger import Facts
from workbench.run.waiting import Waiting
from workbench.run.world import Live
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.run.step import Step

DONE, NOT_DONE, AGAIN, ABORT = "done", "not done", "run again", "abort"


async def use_tool(step: Step) -> Any:
    """Perform one tool call."""
    tool = tool_of(step)
    if step.prior is not None and tool.repeat in {Repeat.PROBEABLE, Repeat.UNSAFE}:
        settled = await _settle_doubt(step, tool)
        if settled is not None:
            return settled[0]
    facts = await permit_tool(step, tool)
    if tool.repeat is not Repeat.PURE:
        prepared = step.run.world.toolbox.prepare(tool, step.arguments)
        data = {**step.start_data(), "danger": step.extra.get("danger", ""), "prepared": prepared}
        await step.run.rows.commit("step.started", step.key, data)
    else:
        live = {"effect": "tool", "name": tool.name, "arguments": step.arguments}
        step.run.world.publish(Live("started", step.run.run_id, step.key, live))
    step.begin()
    step.stoppable = tool.function is None
    return await step.run.world.toolbox.perform(
        tool, step.arguments, facts, lambda text: _progress(step, text), step.idempotency_key
    )


async def permit_tool(step: Step, tool: Tool) -> Facts:
    """Permission for the final arguments."""
    from workbench.run.permit import permit  # noqa: PLC0415 - a cycle of types only

    facts = await permit(step, tool)
    step.extra.pop("asked", None)
    return facts


def tool_of(step: Step) -> Tool:
    """The tool an effect means."""
    subject = step.parked.effect.subject
    if isinstance(subject, ToolUse):
        return subject.tool
    if isinstance(subject, Tool):
        return subject
    return step.run.scopes.tool(step.parked.effect.name)


async def _settle_doubt(step: Step, tool: Tool) -> tuple[Any] | None:
    """What became of an earlier attempt: its result, or None to perform (again)."""
    prior = cast("Any", step.prior).data
    verdict = "unknown"
    if tool.repeat is Repeat.PROBEABLE:
        probe = step.run.world.toolbox.probe
        verdict = probe(tool, prior["arguments"], prior.get("prepared"))
    if verdict == "not_done":
        return None
    if verdict == "done":
        step.extra["probed"] = True
        return (prior.get("prepared"),)
    return await _ask_about(step, tool, prior, verdict)


async def _ask_about(step: Step, tool: Tool, prior: dict[str, Any], verdict: str) -> Any:
    if step.parked.cleanup:
        raise InDoubt(f"nobody knows whether {tool.name!r} happened", key=step.key)
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/doubt#{step.attempt}",
        kind="in_doubt",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"did {tool.name} happen? it was started and its end is not recorded",
        asked_at=step.run.world.clock(),
        tool=tool.name,
        arguments=prior["arguments"],
        why=f"probe: {verdict}" if tool.repeat is Repeat.PROBEABLE else "",
        choices=(DONE, NOT_DONE, AGAIN, ABORT),
    )
    asked = {"id": waiting.id, "text": waiting.text, "choices": list(waiting.choices)}
    step.run.rows.append("question.asked", step.key, {**asked, "asked_as": "in_doubt"})
    answer = await step.run.world.inbox.ask(waiting)
    choice = str(answer.answer or "")
    told = {"id": waiting.id, "answer": choice, "by": answer.by}
    step.run.rows.append("question.answered", step.key, told)
    return _resolved(step, tool, choice, answer.reason, prior)


def _resolved(
    step: Step, tool: Tool, choice: str, said: str, prior: dict[str, Any]
) -> tuple[Any] | None:
    step.extra["resolved"] = choice
    if choice == DONE:
        return (said or f"a person confirmed that this {tool.name} call was done",)
    if choice == NOT_DONE:
        raise ToolError(f"{tool.name} did not happen: the program was stopped before it did")
    if choice == AGAIN:
        step.arguments = dict(prior["arguments"])
        return None
    if choice == ABORT:
        raise InDoubt(f"nobody knows whether {tool.name!r} happened", key=step.key)
    raise Denied(f"{choice!r} is no answer to a doubt", by="user")


def _progress(step: Step, text: str) -> None:
    step.run.world.publish(Live("progress", step.run.run_id, step.key, {"text": text}))
