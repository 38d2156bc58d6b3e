"""The gate: the one way an effect takes from being asked for to having an outcome.

    request → changing hooks → permission (on the final arguments) → budget (reserve)
            → write the intent → perform → write the outcome, settle the budget → tell

Hooks stand here, permission in `permit`, what performing means for each kind in `perform`,
`ask_model` and `use_tool`. Nothing goes round it, and whatever happens on the way an effect gets
exactly one outcome row, unless its run is suspended: then it stays open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from workbench.errors import Denied, EndUnknown, WorkbenchError
from workbench.foreign import Raised, Returned, attempt, attempt_async
from workbench.run.ceilings import count_repeats
from workbench.run.doubt import settle_doubt
from workbench.run.hooks import HookCall, Refused
from workbench.run.interrupt import OWNER
from workbench.run.perform import INSTANT, PERFORMERS, perform_foreign
from workbench.run.reserve import fits_now, start
from workbench.run.scopes import open_scope
from workbench.run.step import Step
from workbench.run.world import Live
from workbench.workflow.effects import SCOPES

if TYPE_CHECKING:
    from workbench.run.run import Run


async def take(step: Step) -> None:
    """Take one effect through the gate and write its outcome."""
    OWNER.set(step)
    try:
        outcome = await attempt_async(_bounded(step) if step.parked.cleanup else _pass(step))
    except asyncio.CancelledError:
        if step.task is not None and step.task.cancelling():
            step.write_stopped()
            return
        outcome = Raised(WorkbenchError("what was performed cancelled itself"))
    if step.closed or (isinstance(outcome, Returned) and outcome.value is OPENED):
        return
    step.write(outcome)


async def _bounded(step: Step) -> Any:
    """Pass the gate as part of a cleanup: in limited time."""
    limit = step.run.world.cleanup_s
    try:
        async with asyncio.timeout(limit):
            return await _pass(step)
    except TimeoutError:
        raise Denied(f"cleanup took longer than {limit:g} s", by="cleanup") from None


def take_now(step: Step) -> bool:
    """Take an instant effect through the gate without a task; False when it has to wait."""
    perform = INSTANT.get(step.parked.effect.kind)
    hooks, event = step.run.world.hooks, f"before.{step.parked.effect.kind}"
    if perform is None or hooks.needs_loop(event) or not fits_now(step):
        return False
    outcome = attempt(_pass_now, step, perform, event)
    step.write(outcome, safe=False)
    return True


def _pass_now(step: Step, perform: Callable[[Step], Any], event: str) -> Any:
    hooks = step.run.world.hooks
    if hooks.has(event):
        step.run.world.stir()
        _ask_hooks(step, event)
    step.reserved.counted = True
    return perform(step)


OPENED: Any = object()
"""What passing the gate comes to for a scope: its start row, and no outcome yet."""


async def _pass(step: Step) -> Any:
    await step.run.world.room.wait()
    if step.prior is not None:
        settled = await settle_doubt(step)
        if settled is not None:
            return settled[0]
    await changing_hooks(step)
    kind = step.parked.effect.kind
    if kind in SCOPES:
        open_scope(step)
        return OPENED
    count_repeats(step)
    instant = INSTANT.get(kind)
    await step.run.hold.passes()
    if instant is None:
        return await _performed(step, PERFORMERS.get(kind, perform_foreign))
    await start(step, None)
    return instant(step)


async def _performed(step: Step, perform: Callable[[Step], Awaitable[Any]]) -> Any:
    """Perform it; where its end was lost in the middle, that is a doubt here and now."""
    while True:
        try:
            return await perform(step)
        except EndUnknown:
            if step.intent is None:
                raise  # a pure one, which nothing can have come of
            step.lose_sight()
            settled = await settle_doubt(step)
            if settled is not None:
                return settled[0]


async def changing_hooks(step: Step) -> None:
    """Ask the hooks for this kind; they may change the arguments or refuse."""
    hooks = step.run.world.hooks
    event = f"before.{step.parked.effect.kind}"
    if not hooks.has(event):
        return
    step.run.world.stir()
    if not hooks.needs_loop(event):
        _ask_hooks(step, event)
        return
    try:
        apply_notes(step, *await hooks.ask_async(hook_call(step, event)))
    except Refused as refused:
        _note_refusal(step, refused)
        raise


def _ask_hooks(step: Step, event: str) -> None:
    try:
        apply_notes(step, *step.run.world.hooks.ask(hook_call(step, event)))
    except Refused as refused:
        _note_refusal(step, refused)
        raise


def _note_refusal(step: Step, refused: Refused) -> None:
    told = {"hook": refused.data["hook"], "event": refused.data["event"]}
    step.run.rows.append("hook.refused", step.key, {**told, "reason": refused.message})


def hook_call(step: Step, event: str) -> HookCall:
    """What a hook is shown of a step."""
    effect = step.parked.effect
    return HookCall(
        event, step.run.run_id, step.key, step.agent, effect.kind, effect.name, step.arguments
    )


def apply_notes(step: Step, changed: HookCall, notes: list[dict[str, Any]]) -> None:
    """Take over changed arguments, with a row for each change."""
    if step.in_doubt and notes:
        names = ", ".join(str(note["hook"]) for note in notes)
        step.run.notice(f"{names}: not applied, because {step.key} repeats an attempt exactly")
        return
    for note in notes:
        step.run.rows.append("hook.changed", step.key, note)
    if notes:
        step.arguments = dict(changed.arguments)


def publish_live(run: Run, kind: Any, key: str, data: dict[str, Any]) -> None:
    """Tell the screen something that is no row."""
    run.world.publish(Live(kind, run.run_id, key, data))
