"""Budgets: what may still be used below one limit's ceilings. Counting, and no waiting.

An `Account` belongs to a run, to the session, to a day or to an agent. An effect draws from all
that concern it at once (`workbench.run.reserve`). What is used is counted from the rows alone
(`workbench.journal.usage`), so an account, the tally of a run and the database cannot disagree.
A price that is unknown is not free: after one, whatever costs money is refused by a money limit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import LimitReached
from workbench.journal.events import Event
from workbench.journal.ledger import ROUNDING
from workbench.journal.limits import FAN_OUT, SPENDABLE, Limits, Scope, reached
from workbench.journal.usage import Amount, Holds, used
from workbench.run.stopwatch import Stopwatch

if TYPE_CHECKING:
    from workbench.run.exhausted import Question
    from workbench.run.step import Step

CLEANUP_STEPS: Final = 100
"""What the cleanups of one run may take beyond its limits: steps, and nothing that costs."""


@dataclass(eq=False, slots=True)
class Waiter:
    """An effect that waits for room."""

    step: Step
    need: Amount
    turn: asyncio.Future[None]
    """Set when it may look again; failed when it has to stop."""


@dataclass(eq=False, slots=True)
class Reservation:
    """What is set aside for one effect, as far as it has come."""

    counted: bool = False
    """It went through its budget, so it is a step whatever becomes of it."""
    held: Amount | None = None
    """For the attempt that is made."""
    accounts: list[Account] = field(default_factory=list["Account"])
    recorded: int = 0
    """The attempt whose intent says so; 0 for none."""
    unsettled: int = 0
    """The newest attempt that is over and of which nobody knows what it took; 0 for none."""
    day: str = ""
    """The day on which that was, where days are limited."""


class Account:
    """What one limit's owner has used and reserved, and who waits for it."""

    def __init__(self, scope: Scope, who: str = "", limits: Limits | None = None) -> None:
        self.scope: Scope = scope
        self.who = who
        self.spent = Amount()
        self.holds = Holds()
        self.running = 0
        """Reservations that may still give something back."""
        self.passed = 0
        """Calls without a known price that somebody let pass."""
        self.line: deque[Waiter] = deque()
        """Who waits for others to settle, in order."""
        self.questions: dict[str, Question] = {}
        """By measure: the question that is open about it."""
        self.limits = limits or Limits()

    @property
    def limits(self) -> Limits:
        """Its ceilings."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self.is_free = limits.is_free and limits.seconds is None
        """Whether nothing that is used up is limited: asked before every effect."""

    @property
    def held(self) -> Amount:
        """What is reserved."""
        return self.holds.total

    @property
    def name(self) -> str:
        """What its limits are called: ``run``, ``day``, ``agent.critic``."""
        return f"{self.scope}.{self.who}" if self.scope == "agent" else self.scope

    def room(self, name: str) -> float:
        """What is left of a measure; infinite where nothing limits it."""
        most = self.limits.most(name)
        return most - getattr(self.spent, name) - getattr(self.held, name)

    def lacks(self, need: Amount) -> str:
        """The first measure of which there is too little, or empty.

        What is not asked for counts for nothing: a tool call costs no money.
        """
        for name in SPENDABLE:
            wanted = getattr(need, name)
            if not wanted or getattr(self.limits, name) is None:
                continue
            unpriced = name == "usd" and self.spent.unpriced > self.passed
            if unpriced or wanted > self.room(name) + ROUNDING:
                return name
        return ""

    def may_settle(self, name: str) -> bool:
        """Whether waiting could bring some of a measure back: a step is never given back."""
        return name in {"usd", "tokens"} and self.running > 0

    def hold(self, key: Hashable, attempt: int, amount: Amount) -> None:
        """Reserve."""
        self.holds.put(key, attempt, amount)
        self.running += _gives_back(amount)

    def ended(self, amount: Amount) -> None:
        """An attempt for which this was reserved goes on no longer."""
        self.running -= _gives_back(amount)
        self.wake()

    def count(self, amount: Amount) -> None:
        """Count what was used."""
        self.spent.add(amount)

    def wake(self) -> None:
        """Let the first who waits look again."""
        while self.line:
            waiter = self.line.popleft()
            if not waiter.turn.done():
                waiter.turn.set_result(None)
                return

    def change(self, limits: Limits) -> None:
        """Set other ceilings; whoever waits looks again."""
        self.limits = limits
        for question in list(self.questions.values()):
            question.look_again()
        self.wake()

    def error(self, name: str, need: Amount | None = None) -> LimitReached:
        """The error of a measure that is used up."""
        more: dict[str, Any] = {}
        if name == "usd" and self.spent.unpriced > self.passed:
            more["unpriced"] = self.spent.unpriced - self.passed
        if need is not None:
            more["wanted"] = getattr(need, name, 0)
        most = self.limits.most(name)
        spent, held = getattr(self.spent, name, 0), getattr(self.held, name, 0)
        return reached(self.scope, self.who, name, most, used=spent, held=held, **more)

    def to_json(self) -> dict[str, Any]:
        """By measure that is limited or used: limit, used, reserved, left."""
        told: dict[str, Any] = {}
        for name in SPENDABLE:
            limit: Any = getattr(self.limits, name)
            spent, held = getattr(self.spent, name), getattr(self.held, name)
            if limit is None and not spent and not held:
                continue
            left = None if limit is None else max(self.room(name), 0)
            told[name] = {"limit": limit, "used": spent, "reserved": held, "left": left}
        return told


def _gives_back(amount: Amount) -> bool:
    return bool(amount.tokens or amount.usd)


class Budget(Account):
    """What one run, with all its children, may still use."""

    def __init__(self, limits: Limits, stopwatch: Stopwatch | None = None) -> None:
        super().__init__("run", "", limits)
        self.stopwatch = stopwatch or Stopwatch()
        self.changed: Callable[[], None] = lambda: None
        """Told when the ceilings are others."""
        self.calls: dict[str, dict[str, int]] = {}
        """How often the same was asked for: by turn (empty for the run), then fingerprint."""
        self.refused = 0
        """Effects that a limit refused."""
        self.asked: dict[str, int] = {}
        """Questions about used-up limits that were answered, by limit."""
        self.cleanup_steps = CLEANUP_STEPS

    @property
    def fan_out(self) -> int:
        """The most paths beside each other in one combinator."""
        return self.limits.fan_out or FAN_OUT

    @property
    def is_over_time(self) -> bool:
        """Whether the run has worked as long as it may."""
        seconds = self.limits.seconds
        return seconds is not None and self.stopwatch.worked_s >= seconds

    def lacks(self, need: Amount) -> str:
        """As for every account; without time there is room for nothing."""
        return "seconds" if self.is_over_time else super().lacks(need)

    def change(self, limits: Limits) -> None:
        """Set other ceilings; whoever waits looks again."""
        super().change(limits)
        self.changed()

    def error(self, name: str, need: Amount | None = None) -> LimitReached:
        """The error of a measure that is used up."""
        if name != "seconds":
            return super().error(name, need)
        worked_s = round(self.stopwatch.worked_s, 3)
        return reached("run", "", name, self.limits.most(name), used=worked_s)

    def recall(self, row: Event) -> None:
        """Count a row that an earlier process wrote."""
        found = used(row)
        if found is not None:
            self.count(found.amount)
        self.holds.take(row)
        data = row.data
        if row.kind == "budget.changed" and data.get("scope", "run") == "run":
            self.limits, self.passed = Limits.read(data["limits"]), int(data.get("passed", 0))
        elif row.kind == "question.answered" and ":budget/" in str(data["id"]):
            name = str(data["id"]).rpartition("/")[2].partition("#")[0]
            self.asked[name] = self.asked.get(name, 0) + 1

    def to_json(self) -> dict[str, Any]:
        """By measure, as for every account, and the time."""
        told = super().to_json()
        seconds, worked_s = self.limits.seconds, round(self.stopwatch.worked_s, 3)
        left = None if seconds is None else max(seconds - worked_s, 0)
        told["seconds"] = {"limit": seconds, "used": worked_s, "reserved": 0, "left": left}
        return told


def limits_row(account: Account, by: str) -> Mapping[str, Any]:
    """The data of ``budget.changed``."""
    told: dict[str, Any] = {"limits": account.limits.to_json(), "by": by}
    if account.passed:
        told["passed"] = account.passed
    if account.scope != "run":
        told |= {"scope": account.scope, "who": account.who}
    return told
