"""Performing a model call: render what the request names, send it, and count every attempt.

The only retries there are stand here. Each attempt is recorded and charged, its wait is bounded,
and a reply that broke off is a failure, never a short answer.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from workbench.agent.agent import Agent
from workbench.agent.conversation import Entry, ModelReply, ModelRequest, ToolSpec, Usage
from workbench.agent.prompt import asked, render_inputs, render_system
from workbench.agent.turn import ModelAsk
from workbench.errors import LimitReached, ModelError, describe
from workbench.foreign import Raised, attempt_async
from workbench.journal.overlay import part_for
from workbench.run.attach import attached, readable, send
from workbench.run.deltas import Deltas
from workbench.run.estimate import STEP, Expected, limited, size_of
from workbench.run.mail import steering_box
from workbench.run.reserve import is_bound, is_metered, start
from workbench.run.trying import Trying, chain_of
from workbench.run.world import Live
from workbench.values import digest

if TYPE_CHECKING:
    from workbench.run.scopes import Scopes
    from workbench.run.step import Step

_SILENT_S = 2.0
"""A longer pause between attempts is told."""


async def ask_model(step: Step) -> dict[str, Any]:
    """Perform one model call; its result as a row holds it."""
    wanted: ModelAsk = step.parked.effect.subject
    steered = _steered(step, wanted.agent)
    request, prompt = _rendered(step, wanted, steered)
    trying, was_cut = _trying(step, request, prompt.agent), False
    size = size_of(request) if is_metered(step) else 0

    def told() -> dict[str, Any]:
        return {**step.start_data(), "model": request.model, "prompt": prompt.digest}

    def expect() -> Expected:
        return _expected(step, request, size, whole=was_cut)

    while True:
        request = replace(request, model=trying.model)
        await start(step, told, expect)
        sent, held = request, step.reserved.held
        if held is not None and is_bound(step):
            sent = limited(request, expect().answer_limit(held))
        await step.assure()
        step.begin()
        sent = replace(sent, timeout_s=min(sent.timeout_s, trying.left_s))
        deltas = Deltas(step)
        try:
            answered = await attempt_async(send(step.run.world.models, sent, deltas.take))
        finally:
            deltas.close()
        if isinstance(answered, Raised):
            await _pause_or_raise(step, answered.error, trying)
        else:
            if size:
                step.run.world.budgets.habits.learn(sent, size, answered.value.usage)
            if answered.value.finish != "length" or sent.options == request.options:
                return _result(step, answered.value, steered, prompt.offered)
            _note_cut(step, answered.value, sent)
            was_cut = True
        step.attempt += 1


def _trying(step: Step, request: ModelRequest, agent: Agent) -> Trying:
    """The models that may be asked: what the agent names counts where its own model is meant."""
    world = step.run.world
    own = agent.fallback if request.model == agent.model else ()
    chain = chain_of(request.model, own, world.fallback)
    return Trying(chain, world.model_attempts, world.model_wait_s)


def _expected(step: Step, request: ModelRequest, size: int, *, whole: bool) -> Expected:
    """What a call may take, as far as is known now.

    Args:
        step: the call.
        request: what is sent.
        size: of the request; 0 where nothing limits what it takes.
        whole: be content with no less than what is wanted: less was too little before.
    """
    if not size:
        return STEP
    world = step.run.world
    found = world.budgets.habits.expected(request, size, world.models.price(request))
    return replace(found, need=found.want) if whole else found


def _note_cut(step: Step, reply: ModelReply, sent: ModelRequest) -> None:
    """The answer was longer than what was reserved for it: this attempt is charged and over."""
    most = sent.options["max_tokens"]
    error = LimitReached(f"the answer did not fit into the {most} tokens reserved for it")
    data = {"attempt": step.attempt, "end": "failed", "effect": "model", "error": describe(error)}
    step.end("attempt.ended", {**data, "usage": asdict(reply.usage)}, safe=False)
    step.begun = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """What of a request does not change from call to call, and the row that holds it."""

    agent: Agent
    system: str
    schema: dict[str, Any] | None
    tools: tuple[ToolSpec, ...]
    digest: str
    offered: tuple[str, ...] | None
    """Names of the tools, when they are not the agent's own."""


def _rendered(step: Step, wanted: ModelAsk, steered: list[str]) -> tuple[ModelRequest, Prompt]:
    prompt = step.run.scopes.prompt(wanted, _prompt)
    overlay, agent = step.run.header.overlay, prompt.agent
    # Only a hook can have put these there: a workflow's request names neither.
    changed = step.arguments
    signature, read = asked(agent), step.run.world.copies.read
    shown = readable(signature.inputs, wanted.inputs, read)
    entries = [Entry("user", render_inputs(signature, shown))]
    entries += [*wanted.conversation.entries, *(Entry("user", text) for text in steered)]
    request = ModelRequest(
        model=changed.get("model")
        or part_for(overlay, "model", agent.name)
        or agent.model
        or step.run.header.model,
        system=prompt.system,
        entries=entries,
        tools=prompt.tools,
        schema=prompt.schema,
        agent=agent.name,
        inputs=wanted.inputs,
        media=attached(signature.inputs, wanted.inputs, entries, read),
        options={**agent.options, **overlay.get("options", {}), **changed.get("options", {})},
        timeout_s=step.run.world.model_timeout_s,
    )
    return request, prompt


def _prompt(scopes: Scopes, wanted: ModelAsk, overlay: Any) -> Prompt:
    """Render an agent's prompt and have it in the log, once per run."""
    agent = overlaid(wanted.agent, overlay)
    signature = asked(agent)
    offered = offered_to(agent, overlay)
    tools = wanted.tools if offered is None else [scopes.tool(name) for name in offered]
    specs = tuple(tool.spec() for tool in tools)
    schema = None if signature.is_plain else signature.output_schema()
    system = render_system(agent, specs)
    name = scopes.define({"system": system, "schema": schema, "tools": list(specs)})
    return Prompt(agent, system, schema, specs, name, offered)


def overlaid(agent: Agent, overlay: Any) -> Agent:
    """The agent as a fork's overlay has it: other instructions, for all or for this one."""
    text = part_for(overlay, "instructions", agent.name)
    if text is None:
        return agent
    changed = {**agent.definition(), "instructions": text}
    return Agent.from_definition(changed)


def offered_to(agent: Agent, overlay: Any) -> tuple[str, ...] | None:
    """The tools that a fork's overlay gives an agent; None for its own. Some use none at all."""
    names = part_for(overlay, "tools", agent.name)
    return None if names is None or agent.style == "single" else tuple(names)


def _steered(step: Step, agent: Agent) -> list[str]:
    """What a person said to the agent since its last call; recorded with this one's outcome."""
    box = steering_box(agent.name)
    texts = [str(text) for text in step.run.mail.take_all(box)]
    if texts:
        step.extra["steered"] = [box] * len(texts)
    return texts


def _result(
    step: Step, reply: ModelReply, steered: list[str], offered: tuple[str, ...] | None
) -> dict[str, Any]:
    step.usage = reply.usage
    stem = digest(f"{step.key}#{step.attempt}", 4)
    result: dict[str, Any] = {"text": reply.text, "model": reply.model}
    if reply.finish != ("tools" if reply.calls else "stop"):
        result["finish"] = reply.finish
    if reply.calls:
        result["calls"] = [
            {"name": c.name, "arguments": c.arguments, "id": f"{stem}-{i}"}
            for i, c in enumerate(reply.calls)
        ]
    if reply.thinking:
        result["thinking"] = reply.thinking
    if steered:
        result["steered"] = steered
    if offered is not None:
        result["offered"] = list(offered)
    return result


async def _pause_or_raise(step: Step, error: BaseException, trying: Trying) -> None:
    """Before another attempt: is there one, of which model, and after how long?"""
    spent = error.data.pop("usage", None) if isinstance(error, ModelError) else None
    # What a reply took that could not be used is charged as any other.
    step.usage = Usage(**spent) if spent else None
    asked = trying.model
    pause_s = trying.after(error, time.perf_counter() - step.begun_s)
    step.extra |= trying.said
    data = {"attempt": step.attempt, "end": "failed", "effect": "model", "error": describe(error)}
    used = {"usage": spent} if spent else {}
    step.end("attempt.ended", {**data, "model": asked, **used}, safe=False)
    # Between attempts nothing runs, and after an interrupt no other one is begun.
    step.begun, step.usage = False, None
    if step.run.hold.is_suspending:
        step.stop("")
    if trying.model != asked:
        _say(step, f"{asked} cannot answer ({error}); {trying.model} is asked instead")
    elif pause_s > _SILENT_S:
        _say(step, f"{asked} is asked again in {pause_s:g} s ({error})")
    await asyncio.sleep(pause_s)


def _say(step: Step, text: str) -> None:
    step.run.world.publish(Live("progress", step.run.run_id, step.key, {"text": text}))
