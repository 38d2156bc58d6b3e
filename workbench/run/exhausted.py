"""A used-up limit is a question: continue, extend or stop. One question, whoever waits for it.

Its id names run and limit and how often this was asked before, so that it is the same again after
a crash. Where nobody is asked, what was decided beforehand happens (`OnLimit`).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import InputError, LimitReached
from workbench.foreign import Raised, attempt
from workbench.journal.limits import limit
from workbench.journal.usage import Amount
from workbench.run.budget import Account, Waiter, limits_row
from workbench.run.shared import SharedAccount
from workbench.run.waiting import Answer, Waiting
from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.run import Run

CONTINUE, EXTEND, STOP = CHOICES = ("continue", "extend", "stop")
_NO_LONGER: Final = "no longer needed"
_LOOK_AGAIN_S: Final = 1.0
"""How often a limit of other processes, or of a day that ends, is looked at while it is asked."""


def join(account: Account, name: str, waiter: Waiter) -> None:
    """Have an effect wait for what becomes of a used-up limit."""
    run = waiter.step.run
    question = account.questions.get(name)
    if question is not None:
        question.add(waiter)
        return
    match run.world.budgets.on_limit:
        case "ask":
            Question(account, name, run).put(waiter)
        case "extend":
            _extend(account, name, run, _as_much_again(account, name, waiter.need), "script")
            waiter.turn.set_result(None)
        case "stop" if account.scope == "agent":
            raise account.error(name, waiter.need)
        case "stop":
            run.at_limit.end(account.error(name, waiter.need), by="script")
        case "rest":
            run.at_limit.rest(account.error(name, waiter.need))


def leave(waiter: Waiter, accounts: Iterable[Account]) -> None:
    """An effect no longer waits: it goes on, or was ended."""
    for account in accounts:
        for question in list(account.questions.values()):
            question.remove(waiter)


def time_is_over(run: Run) -> None:
    """The run has worked as long as it may: say so even if nothing new is asked for."""
    account, name = run.budget, "seconds"
    if account.questions.get(name) is not None:
        return
    match run.world.budgets.on_limit:
        case "ask":
            Question(account, name, run).put(None)
        case "extend":
            _extend(account, name, run, _as_much_again(account, name, Amount()), "script")
        case "stop":
            run.at_limit.end(account.error(name), by="script")
        case "rest":
            run.at_limit.rest(account.error(name))


class Question:
    """One question about one used-up limit."""

    def __init__(self, account: Account, name: str, run: Run) -> None:
        self._account, self._name, self._run = account, name, run
        self._waiters: list[Waiter] = []
        self._asking: asyncio.Task[None] | None = None

    def put(self, first: Waiter | None) -> None:
        """Ask it."""
        self._account.questions[self._name] = self
        if first is not None:
            self.add(first)
        self._asking = asyncio.get_running_loop().create_task(self._ask(first))

    def add(self, waiter: Waiter) -> None:
        """One more waits for the answer."""
        if waiter not in self._waiters:
            self._waiters.append(waiter)
            waiter.step.run.time.idles(1)

    def remove(self, waiter: Waiter) -> None:
        """One does no longer; without any the question is withdrawn."""
        if waiter not in self._waiters:
            return
        self._waiters.remove(waiter)
        waiter.step.run.time.idles(-1)
        if not self._waiters:
            self.withdraw()
        elif waiter.step.run is self._run and all(
            w.step.run is not self._run for w in self._waiters
        ):
            self.look_again()  # it is asked in the name of a run that goes on without it

    def look_again(self) -> None:
        """Something is otherwise: let everybody see; who has no room still asks anew."""
        if not self._waiters and self._account.lacks(Amount(steps=1)):
            return
        self.withdraw()
        for waiter in self._let_go():
            if not waiter.turn.done():
                waiter.turn.set_result(None)

    def withdraw(self) -> None:
        """Nobody needs an answer any more."""
        self._account.questions.pop(self._name, None)
        if self._asking is not None:
            self._asking.cancel()

    def _let_go(self) -> list[Waiter]:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.step.run.time.idles(-1)
        return waiters

    async def _ask(self, first: Waiter | None) -> None:
        run, spelt = self._run, f"{self._account.name}.{self._name}"
        number = run.budget.asked.get(spelt, 0)
        waiting_id = f"{run.run_id}:budget/{spelt}#{number}"
        waiting = self._waiting(waiting_id, first)
        told = {"agent": waiting.agent, "why": waiting.why, "preview": waiting.preview}
        run.rows.append("question.asked", waiting.key, {**waiting.asked_data(), **told})
        looking = asyncio.get_running_loop().create_task(self._keep_looking())
        try:
            answer = await run.world.inbox.ask(waiting)
        except asyncio.CancelledError:
            if not run.at_limit.is_leaving:
                self._answered(waiting, _NO_LONGER, "budget")
            raise
        finally:
            looking.cancel()
        self._answered(waiting, str(answer.answer), answer.by)
        self._do(answer)

    def _answered(self, waiting: Waiting, answer: str, by: str) -> None:
        run, spelt = self._run, f"{self._account.name}.{self._name}"
        run.budget.asked[spelt] = run.budget.asked.get(spelt, 0) + 1
        told = {"id": waiting.id, "answer": answer, "by": by, "asked_as": "budget"}
        run.rows.append("question.answered", waiting.key, told)

    def _waiting(self, waiting_id: str, first: Waiter | None) -> Waiting:
        account, name, need = self._account, self._name, first.need if first else Amount()
        step = first.step if first is not None else None
        more = _as_much_again(account, name, need)
        wanted = getattr(need, name, 0)
        who = (step.agent or step.key) if step is not None else "the run"
        lines = [f"{EXTEND}: {more:g} {name} more, or as many as you say: {EXTEND} NUMBER",
                 f"{CONTINUE}: without this limit", f"{STOP}: {_ends(account)}"]  # fmt: skip
        return Waiting(
            id=waiting_id,
            kind="budget",
            run_id=self._run.run_id,
            key=step.key if step is not None else "",
            agent=step.agent if step is not None else "",
            text=account.error(name, need).message,
            asked_at=self._run.world.clock(),
            why=f"{who} wants {wanted:g} {name}" if wanted else "",
            preview="\n".join(lines),
            choices=CHOICES,
            check=lambda answer: _read(answer, name, more),
        )

    async def _keep_looking(self) -> None:
        """Other processes settle without a word, and a day ends."""
        while isinstance(self._account, SharedAccount):
            await asyncio.sleep(_LOOK_AGAIN_S)
            world = self._run.world
            world.budgets.look([self._account], world.log, world.clock())
            first = next(iter(self._waiters), None)
            if first is not None and not self._account.lacks(first.need):
                self.look_again()

    def _do(self, answer: Answer) -> None:
        account, name, run = self._account, self._name, self._run
        account.questions.pop(name, None)
        waiters = self._let_go()
        need = waiters[0].need if waiters else Amount()
        choice, amount = _read(answer.answer, name, _as_much_again(account, name, need))
        if choice == STOP:
            _stop(account, account.error(name, need), run, waiters, answer.by)
            return
        _extend(account, name, run, amount, answer.by)
        for waiter in waiters:
            if not waiter.turn.done():
                waiter.turn.set_result(None)


def _stop(account: Account, error: LimitReached, run: Run, waiters: list[Waiter], by: str) -> None:
    if account.scope != "agent":
        for one in {run, *(waiter.step.run for waiter in waiters)}:
            one.at_limit.end(error, by=by)
        return
    for waiter in waiters:
        if not waiter.turn.done():
            waiter.turn.set_exception(error)


def _extend(account: Account, name: str, run: Run, amount: float | None, by: str) -> None:
    """Raise a limit, or with None lift it; a row says so."""
    most = None if amount is None else account.limits.most(name) + amount
    if most is not None and name not in {"usd", "seconds"}:
        most = math.ceil(most)
    if name == "usd":
        account.passed = account.spent.unpriced  # whoever extends has read what is not known
    changed = account.limits.changed({name: most}, account.scope)
    account.change(changed)
    run.rows.append("budget.changed", "", dict(limits_row(account, by)))
    said = "lifted" if most is None else f"{most:g} now"
    text = f"the limit {account.name}.{name} is {said} (by {by})"
    run.world.publish(Live("notice", run.run_id, "", {"text": text}))


def _as_much_again(account: Account, name: str, need: Amount) -> float:
    """What extending adds if nobody says how much: the limit itself, or what is missing."""
    most = account.limits.most(name)
    missing = max(getattr(need, name, 0) - account.room(name), 0) if name != "seconds" else 0
    return max(most, missing, 1 if name != "usd" else 0.01) if most < math.inf else 0


def _read(answer: Any, name: str, again: float) -> tuple[str, float | None]:
    """An answer as a choice and an amount. Raises InputError."""
    choice, _, rest = str(answer).strip().partition(" ")
    if choice not in CHOICES or (rest and choice != EXTEND):
        raise InputError(
            f"{answer!r} is no answer to a used-up limit",
            hint=f"Answer {CONTINUE}, {EXTEND}, {EXTEND} NUMBER or {STOP}",
        )
    if choice != EXTEND:
        return choice, None
    if not rest:
        return choice, again
    number = attempt(float, rest.strip())
    read = number if isinstance(number, Raised) else attempt(limit, name, number.value)
    if isinstance(read, Raised) or not read.value:
        raise InputError(f"{rest.strip()!r} is no amount of {name} to extend by")
    return choice, float(read.value)


def _ends(account: Account) -> str:
    if account.scope == "agent":
        return f"what {account.who} does fails, and whoever asked it hears that"
    return "the run ends; its cleanups still run"
