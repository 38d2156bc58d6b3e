"""What performing means for each kind of effect. One function a kind, one table."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from workbench.agent.memory import SharedMemory, check_key, check_limit, find
from workbench.errors import UnknownName
from workbench.journal.checkpoints import check_name
from workbench.run.ask_model import ask_model
from workbench.run.reserve import start
from workbench.run.review import afford, review
from workbench.run.use_tool import use_tool
from workbench.run.waiting import Waiting
from workbench.values import copied
from workbench.workflow.effects import Repeat
from workbench.workflow.keyed import IdempotencyKey, key_parameter

if TYPE_CHECKING:
    from workbench.run.step import Step

Perform: TypeAlias = "Callable[[Step], Awaitable[Any]]"


async def _call(step: Step) -> Any:
    """A Python function: on the loop when async, beside it when not."""
    effect = step.parked.effect
    if effect.repeat is not Repeat.PURE:
        await step.intend(effect.repeat)
    else:
        await start(step, None)
        await step.assure()
    step.begin()
    step.stoppable = inspect.iscoroutinefunction(effect.subject)
    engine, given = step.run.world.engine, step.arguments
    key_name = key_parameter(effect.subject)
    keyed = {key_name: IdempotencyKey(step.idempotency_key)} if key_name else {}
    function, named = effect.subject, {**given["named"], **keyed}
    return copied(await engine.run(function, *given["arguments"], **named))


async def _question(step: Step) -> Any:
    await start(step, None)
    given = step.arguments
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/question#0",
        kind="question",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=given["text"],
        asked_at=step.run.world.clock(),
        choices=tuple(given["choices"]),
    )
    rows = step.run.rows
    rows.append("question.asked", step.key, waiting.asked_data())
    answer = await step.run.world.inbox.ask(waiting)
    if waiting.choices and answer.answer not in waiting.choices:
        raise UnknownName("choice", str(answer.answer), waiting.choices)
    told = {"id": waiting.id, "answer": answer.answer, "by": answer.by}
    rows.append("question.answered", step.key, told)
    return answer.answer


def _send(step: Step) -> dict[str, Any]:
    step.run.mail.put(step.parked.effect.name, step.arguments["message"])
    return {"message": step.arguments["message"]}


async def _receive(step: Step) -> Any:
    await start(step, None)
    return await step.run.mail.take(step.parked.effect.name)


def _remember(step: Step) -> dict[str, Any]:
    given = step.run.world.redaction.value(step.arguments)
    memory, key = _memory(step, given), check_key(given["key"])
    if given["scope"] == "run":
        memory.pop(key, None)  # what was written last stands last
    memory[key] = given["value"]
    return {"key": given["key"], "value": given["value"], "scope": given["scope"]}


def _recall(step: Step) -> Any:
    # A key was kept without its secrets, and is found by them.
    given = step.run.world.redaction.value(step.arguments)
    memory = _memory(step, given)
    if "search" in given:
        search, limit = given["search"], check_limit(given["limit"])
        if isinstance(memory, SharedMemory):
            return memory.search(search, limit)
        return find(memory, search, limit)
    if given["key"] not in memory:
        raise UnknownName("memory", given["key"], list(memory))
    return memory[given["key"]]


def _forget(step: Step) -> dict[str, Any]:
    given = step.run.world.redaction.value(step.arguments)
    _memory(step, given).pop(given["key"], None)
    return {"key": given["key"], "scope": given["scope"]}


def _memory(step: Step, given: Mapping[str, Any]) -> MutableMapping[str, Any]:
    scopes = {"run": step.run.memory, "workspace": step.run.world.memory}
    if given["scope"] not in scopes:
        raise UnknownName("scope", str(given["scope"]), list(scopes))
    return scopes[given["scope"]]


async def _sleep(step: Step) -> None:
    """Until a wall-clock time that is recorded first, so a resumed run waits only for the rest."""
    clock, seconds = step.run.world.clock, float(step.arguments["seconds"])
    if step.prior is not None and "wake_at" in step.prior.data:
        await start(step, None)
        wake_at = float(step.prior.data["wake_at"])
    else:
        wake_at = clock() + seconds
        await start(step, lambda: {**step.start_data(), "wake_at": wake_at})
    await asyncio.sleep(min(max(wake_at - clock(), 0.0), seconds))


def _now(step: Step) -> str:
    return datetime.fromtimestamp(step.run.world.clock(), UTC).isoformat()


def _random(_step: Step) -> float:
    return random.SystemRandom().random()


def _discover(step: Step) -> list[str]:
    return sorted(step.run.world.agents)


def _checkpoint(step: Step) -> None:
    check_name(step.parked.effect.name)
    taken = {"name": step.parked.effect.name, "by": "workflow"}
    step.run.rows.append("checkpoint.taken", step.key, taken)


async def perform_foreign(step: Step) -> Any:
    """A kind that a front has registered a performer for."""
    effect = step.parked.effect
    performer = step.run.world.performers.get(effect.kind)
    if performer is None:
        known = [*INSTANT, *PERFORMERS, *step.run.world.performers]
        raise UnknownName("kind of effect", effect.kind, known)
    if effect.repeat is not Repeat.PURE:
        await step.intend(effect.repeat)
    else:
        await start(step, None)
        await step.assure()
    step.begin()
    return copied(await performer(effect, step.key, step.idempotency_key))


INSTANT: Mapping[str, Callable[[Step], Any]] = {
    "send": _send,
    "remember": _remember,
    "recall": _recall,
    "forget": _forget,
    "now": _now,
    "random": _random,
    "discover": _discover,
    "checkpoint": _checkpoint,
}
"""Kinds that are performed at once, with no task and no intent."""

PERFORMERS: Mapping[str, Perform] = {
    "model": ask_model,
    "tool": use_tool,
    "call": _call,
    "question": _question,
    "review": review,
    "afford": afford,
    "receive": _receive,
    "sleep": _sleep,
}
