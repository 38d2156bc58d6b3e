"""Reserving: the way of one effect through every account that it draws from.

What does not fit waits in line while another effect may give something back. When nothing can, the
limit is used up: a person is asked, or what was decided for that case happens
(`workbench.run.exhausted`). Cleanup is bounded otherwise, and neither waits nor asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import LimitReached
from workbench.journal.events import Event
from workbench.journal.usage import NOT_LEAVES, Amount, day_at, day_of, used
from workbench.run import exhausted
from workbench.run.budget import Account, Waiter
from workbench.run.ceilings import note_refusal
from workbench.run.estimate import STEP, Expected
from workbench.run.shared import SharedAccount
from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.step import Step

_NOTHING_ANSWERED: Final = frozenset(
    {"unreachable", "rate_limited", "refused", "unknown_model", "unsupported", "too_long"}
    | {"unrecorded"}
)
"""Reasons of a model's failure after which nothing is owed."""
_LOOK_AGAIN_S: Final = 0.5
"""How often a limit that other processes share is looked at while something waits for it."""


def accounts_of(step: Step) -> list[Account]:
    """The accounts that limit an effect; empty where nothing does."""
    run, budgets = step.run.budget, step.run.world.budgets
    if run.is_free and budgets.is_free:
        return []
    found: list[Account] = [account for account in (run, budgets.session) if not account.is_free]
    return [*found, *budgets.shared_of(step.agent)]


def is_metered(step: Step) -> bool:
    """Whether anything limits what a call takes, of tokens or of money."""
    limits = [account.limits for account in accounts_of(step)]
    return any(one.tokens is not None or one.usd is not None for one in limits)


def is_bound(step: Step) -> bool:
    """Whether an answer's length is limited by what is reserved for it."""
    held, limits = step.reserved.held, [account.limits for account in step.reserved.accounts]
    if held is None or not held.tokens:
        return False
    costs = held.usd > 0 and any(one.usd is not None for one in limits)
    return costs or any(one.tokens is not None for one in limits)


def fits_now(step: Step) -> bool:
    """Whether an instant effect can be taken without a reservation: nothing comes between."""
    accounts = accounts_of(step)
    if not accounts:
        return True
    alone = all(not isinstance(account, SharedAccount) for account in accounts)
    return alone and not any(account.lacks(STEP.need) for account in accounts)


async def start(
    step: Step,
    make: Callable[[], dict[str, Any]] | None,
    expect: Callable[[], Expected] = lambda: STEP,
    *,
    safe: bool = False,
) -> None:
    """Reserve for an attempt and write its intent.

    Args:
        step: the effect.
        make: makes the intent's data once something is reserved; None for an effect that has
            no intent unless a limit over many processes makes one necessary.
        expect: what it may take, as far as is known: asked again whenever it has waited.
        safe: wait until the intent is committed.

    Raises:
        LimitReached: it will not be performed.
    """
    while True:
        await reserve(step, expect)
        shared = [
            account for account in step.reserved.accounts if isinstance(account, SharedAccount)
        ]
        within = [(account.who, account.limits, account.passed) for account in shared]
        if make is None and not within:
            return
        data = make() if make is not None else step.start_data()
        if step.reserved.held is not None and (within or step.parked.effect.kind == "model"):
            data["reserved"] = step.reserved.held.to_json()
            step.reserved.recorded = step.attempt
        if not (safe or within):
            step.run.rows.append("step.started", step.key, data)
            return
        step.intended = True
        try:
            row = await step.run.rows.commit("step.started", step.key, data, within)
            step.reserved.day = day_of(row) if within else ""
        except LimitReached:
            step.intended, step.reserved.recorded = False, 0
            release(step)
        else:
            return
        finally:
            for account in shared:
                account.logged(_key(step), step.attempt)


async def reserve(step: Step, expect: Callable[[], Expected]) -> None:
    """Set aside what an attempt may take. Raises LimitReached when it is not to be performed."""
    reserved, accounts = step.reserved, accounts_of(step)
    if accounts and step.parked.cleanup:
        _allow_cleanup(step, accounts, expect().need)
    elif accounts:
        await _wait_for_room(step, expect)
        accounts = accounts_of(step)  # others may limit it by now
    reserved.counted, reserved.accounts = True, accounts
    if accounts:
        reserved.held = _granted(accounts, expect().want)
        for account in accounts:
            account.hold(_key(step), step.attempt, reserved.held)


def _granted(accounts: list[Account], want: Amount) -> Amount:
    """As much of what is wanted as every account has room for."""
    tokens = min(want.tokens, *(account.room("tokens") for account in accounts), 1e15)
    usd = min(want.usd, *(account.room("usd") for account in accounts))
    return Amount(usd if usd < 1e15 else 0.0, max(int(tokens), 0), want.steps)


def _allow_cleanup(step: Step, accounts: list[Account], need: Amount) -> None:
    for account in accounts:
        name = Account.lacks(account, need)
        if name == "steps" and step.run.budget.cleanup_steps > 0:
            step.run.budget.cleanup_steps -= 1
            return
        if name:
            raise account.error(name, need)


async def _wait_for_room(step: Step, expect: Callable[[], Expected]) -> None:
    waiter: Waiter | None = None
    waited: set[Account] = set()
    try:
        while (short := _short(step, found := expect(), is_new=waiter is None)) is not None:
            account, name = short
            is_new, waiter = waiter is None, waiter or Waiter(step, found.need, _turn())
            waiter.need = found.need
            if waiter.turn.done():
                waiter.turn = _turn()
            waited.add(account)
            await _one_turn(account, name, waiter, is_new=is_new)
    finally:
        if waiter is not None:
            _leave(waiter, waited)


def _turn() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def _short(step: Step, expected: Expected, *, is_new: bool) -> tuple[Account, str] | None:
    """Which account has too little of what; it is enough to have less than wanted when alone."""
    accounts, need, want = accounts_of(step), expected.need, expected.want
    shared = [account for account in accounts if isinstance(account, SharedAccount)]
    world = step.run.world
    world.budgets.look(shared, world.log, world.clock())
    for account in accounts:
        if name := account.lacks(need):
            return account, name
    for account in accounts:
        if is_new and account.line and need.tokens and account.may_settle("tokens"):
            return account, "tokens"
        for name in ("tokens", "usd"):
            if getattr(want, name) > account.room(name) and account.running:
                return account, name
    return None


async def _one_turn(account: Account, name: str, waiter: Waiter, *, is_new: bool) -> None:
    """Wait until there is a reason to look again."""
    if not account.may_settle(name):
        exhausted.join(account, name, waiter)
        account.wake()
        await waiter.turn
        return
    _say_waiting(account, name, waiter.step)
    account.line.append(waiter) if is_new else account.line.appendleft(waiter)
    patience_s = _LOOK_AGAIN_S if isinstance(account, SharedAccount) else None
    # Another process settles without a word to this one.
    await asyncio.wait([waiter.turn], timeout=patience_s)
    if not waiter.turn.done():
        account.line.remove(waiter)
    elif (error := waiter.turn.exception()) is not None:
        raise error


def _say_waiting(account: Account, name: str, step: Step) -> None:
    text = f"waits for {name}: {max(account.room(name), 0):g} left, {account.running} calls running"
    step.run.world.publish(Live("progress", step.run.run_id, step.key, {"text": text}))


def _leave(waiter: Waiter, waited: set[Account]) -> None:
    exhausted.leave(waiter, waited)
    for account in waited:
        if waiter in account.line:
            account.line.remove(waiter)
        account.wake()


def _key(step: Step) -> tuple[str, str]:
    return step.run.run_id, step.key


def release(step: Step) -> None:
    """Give back what is reserved for an attempt that was not made."""
    if step.reserved.held is None:
        return
    held, step.reserved.held = step.reserved.held, None
    for account in step.reserved.accounts:
        account.holds.settle(_key(step), step.attempt)
        account.ended(held)


def marks(step: Step, data: dict[str, Any], *, is_outcome: bool) -> dict[str, Any]:
    """What a row that ends an attempt says of steps and reservations."""
    told: dict[str, Any] = {}
    never = step.parked.effect.kind in NOT_LEAVES or data.get("end") == "never"
    if is_outcome and not never and not step.reserved.counted and step.prior is None:
        told["steps"] = 0
    if step.reserved.recorded and _is_known(step, data):
        told["settles"] = step.reserved.recorded
    elif is_outcome and (left := step.reserved.recorded or step.reserved.unsettled):
        told["unsettled"] = left
    if step.reserved.day and step.reserved.day != day_at(step.run.world.clock()):
        told["day"] = step.reserved.day
    return told


def _is_known(step: Step, data: dict[str, Any]) -> bool:
    """Whether what the attempt took is known: else it stays reserved."""
    if step.parked.effect.kind != "model" or not step.begun:
        return True
    usage = data.get("usage")
    if usage is not None:
        return bool(usage["input_tokens"] or usage["output_tokens"])
    error = data.get("error")
    if error is None:
        return False
    is_models = error["code"] in {"model", "model_unreachable"}
    return not is_models or error["data"].get("reason") in _NOTHING_ANSWERED


def settle(step: Step, row: Event) -> None:
    """Count what a row that ends an attempt used, and let go what it settles."""
    run = step.run
    found = used(row)
    if found is not None:
        run.budget.count(found.amount)
        run.world.budgets.session.count(found.amount)
    if row.kind == "step.failed" and row.data["error"]["code"] == LimitReached.code:
        note_refusal(run, row)
    if step.reserved.accounts:
        _let_go(step, row)


def _let_go(step: Step, row: Event) -> None:
    reserved, own, shared = step.reserved, list[Account](), list[Account]()
    for account in reserved.accounts:
        (shared if isinstance(account, SharedAccount) else own).append(account)
    is_known = "settles" in row.data or not reserved.recorded
    for account in own:
        if reserved.held is not None and is_known:
            account.holds.settle(_key(step), step.attempt)
        elif "unsettled" in row.data:
            account.holds.count_step(_key(step), row.data["unsettled"])
    held, reserved.held = reserved.held, None
    if held is None:
        return
    reserved.unsettled, reserved.recorded = (0 if is_known else reserved.recorded), 0
    for account in own:
        account.ended(held)
    if shared:
        # The ledger knows once the row is written.
        step.run.rows.once_delivered(row.seq, lambda: [account.ended(held) for account in shared])
