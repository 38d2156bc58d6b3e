"""Doubt: an effect was started, the program died, and its outcome is not recorded.

What may be done follows from its class. Pure and keyed effects simply run again (a keyed one
under the same key). One that can be probed is looked at. For everything else a person says what
became of it; there is no default, and "run again" still has to be permitted like any attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workbench.errors import InDoubt, ToolError, UnknownName
from workbench.run.waiting import Waiting
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.run.step import Step

Verdict: TypeAlias = Literal["done", "not_done", "unknown"]

DONE, NOT_DONE, AGAIN, ABORT = "done", "not done", "run again", "abort"
CHOICES = (DONE, NOT_DONE, AGAIN, ABORT)


async def settle_doubt(
    step: Step, repeat: Repeat, probe: Callable[[], Verdict] | None = None
) -> tuple[Any] | None:
    """What became of an earlier attempt: its result in a tuple, or None to perform (again).

    Raises:
        ToolError: a person said that it did not happen.
        InDoubt: a person gave it up.
    """
    if step.prior is None or repeat in {Repeat.PURE, Repeat.KEYED}:
        return None
    verdict: Verdict = "unknown"
    if repeat is Repeat.PROBEABLE and probe is not None:
        verdict = probe()
    if verdict == "not_done":
        return None
    if verdict == "done":
        step.extra["resolved"] = "probed: done"
        return (step.prior.data.get("prepared"),)
    return await _ask_about(step, verdict)


async def _ask_about(step: Step, verdict: Verdict) -> tuple[Any] | None:
    assert step.prior is not None
    effect, prior = step.parked.effect, step.prior.data
    name = effect.name or effect.kind
    if step.parked.cleanup:
        raise InDoubt(f"nobody knows whether {name!r} happened", key=step.key)
    waiting = Waiting(
        id=f"{step.run.run_id}:{step.key}/doubt#{step.attempt}",
        kind="in_doubt",
        run_id=step.run.run_id,
        key=step.key,
        agent=step.agent,
        text=f"did {name} happen? it was started and its end is not recorded",
        asked_at=step.run.world.clock(),
        tool=name,
        arguments=prior["arguments"],
        why=f"the probe says: {verdict}",
        choices=CHOICES,
    )
    rows = step.run.rows
    asked = {"id": waiting.id, "text": waiting.text, "choices": list(CHOICES)}
    rows.append("question.asked", step.key, {**asked, "asked_as": "in_doubt"})
    answer = await step.run.world.inbox.ask(waiting)
    choice = str(answer.answer or "")
    rows.append(
        "question.answered", step.key, {"id": waiting.id, "answer": choice, "by": answer.by}
    )
    return _resolved(step, name, choice, answer.reason)


def _resolved(step: Step, name: str, choice: str, result: str) -> tuple[Any] | None:
    assert step.prior is not None
    step.extra["resolved"] = choice
    match choice:
        case "done":
            return (result or f"a person confirmed that {name} was done",)
        case "not done":
            raise ToolError(f"{name} did not happen: the program was stopped before it did")
        case "run again":
            step.arguments = dict(step.prior.data["arguments"])
            return None
        case "abort":
            raise InDoubt(f"nobody knows whether {name!r} happened", key=step.key)
        case _:
            raise UnknownName("answer to a doubt", choice, CHOICES)
