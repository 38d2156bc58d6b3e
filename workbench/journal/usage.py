"""What a row used up, and what is reserved: the one arithmetic of all sums over rows.

The tally of a run, its budget, the projections and the ledger of days add up the same function of
the same rows, so that they cannot disagree. A reservation is a fact of two rows: an intent's
``reserved`` opens it, ``settles`` in a later row of the same effect closes it. What an attempt
used may never become known (the program died, the call was stopped): then it stays reserved, and
``unsettled`` in the effect's outcome says that only its step is known.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, cast

from workbench.journal.events import OUTCOMES, Event
from workbench.values import copied
from workbench.workflow.effects import SCOPES

NOT_LEAVES: Final = SCOPES | {"line"}
"""Kinds that only contain others: what they used is what their parts used."""
DAY_S: Final = 86400
_COUNTED: Final = OUTCOMES | {"attempt.ended"}


@dataclass(slots=True)
class Amount:
    """What was used, or is reserved. A call is whatever told its usage."""

    usd: float = 0.0
    """The sum of the known prices."""
    tokens: int = 0
    steps: int = 0
    unpriced: int = 0
    """Calls whose price nobody knows, which is not the same as free."""

    def add(self, other: Amount, sign: int = 1) -> None:
        """Take in, or give back, another amount."""
        self.usd += sign * other.usd
        self.tokens += sign * other.tokens
        self.steps += sign * other.steps
        self.unpriced += sign * other.unpriced

    def to_json(self) -> dict[str, Any]:
        """What is not zero."""
        told = {"usd": self.usd, "tokens": self.tokens, "steps": self.steps}
        return {name: value for name, value in told.items() if value}

    @staticmethod
    def read(values: Mapping[str, Any]) -> Amount:
        """What `to_json` wrote."""
        usd, tokens = float(values.get("usd", 0.0)), int(values.get("tokens", 0))
        return Amount(usd, tokens, int(values.get("steps", 0)))


@dataclass(frozen=True, slots=True)
class Used:
    """What one row says was used."""

    steps: int = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    unpriced: int = 0

    @property
    def amount(self) -> Amount:
        """The same as budgets count it."""
        return Amount(self.usd, self.input_tokens + self.output_tokens, self.steps, self.unpriced)


_STEP: Final = Used(steps=1)


def used(row: Event) -> Used | None:
    """What a row used up; None for rows that use nothing."""
    if row.kind not in _COUNTED:
        return None
    data = row.data
    if data.get("effect") in NOT_LEAVES:
        return None
    steps = _steps(row.kind, data)
    given: Any = data.get("usage")
    if not given:
        return _STEP if steps else None
    usage = cast("Mapping[str, Any]", given if isinstance(given, dict) else copied(given))
    cost = usage.get("cost_usd")
    return Used(
        steps,
        1,
        int(usage.get("input_tokens") or 0),
        int(usage.get("output_tokens") or 0),
        float(cost or 0.0),
        int(cost is None),
    )


def _steps(kind: str, data: Mapping[str, Any]) -> int:
    """1 for the outcome of an effect that was performed, or may have been."""
    if kind == "attempt.ended" or data.get("end") == "never":
        return 0
    return int(data.get("steps", 1))


def day_of(row: Event) -> str:
    """The day (UTC) that a row's use counts for: that of its reservation."""
    return str(row.data.get("day") or day_at(row.at))


def day_at(at: float) -> str:
    """The UTC day of a time, as ``2025-11-20``."""
    return _day(at // DAY_S)


@lru_cache(maxsize=8)
def _day(number: float) -> str:
    return datetime.fromtimestamp(number * DAY_S, UTC).date().isoformat()


class Holds:
    """Reservations that nothing has settled, by effect and attempt, and their sum."""

    def __init__(self) -> None:
        self.total = Amount()
        self._held: dict[Hashable, dict[int, Amount]] = {}

    def __len__(self) -> int:
        """Of how many effects something is reserved."""
        return len(self._held)

    def put(self, key: Hashable, attempt: int, amount: Amount) -> None:
        """Reserve for an attempt. An effect is one step, however many attempts it takes."""
        attempts = self._held.setdefault(key, {})
        for number, earlier in list(attempts.items()):
            self.total.add(earlier, -1)
            left = Amount(earlier.usd, earlier.tokens)
            if number == attempt or not (left.usd or left.tokens):
                del attempts[number]
            else:
                attempts[number] = left
                self.total.add(left)
        attempts[attempt] = amount
        self.total.add(amount)

    def settle(self, key: Hashable, attempt: int) -> bool:
        """Give an attempt's reservation back; whether there was one."""
        attempts = self._held.get(key, {})
        amount = attempts.pop(attempt, None)
        if amount is None:
            return False
        self.total.add(amount, -1)
        if not attempts:
            del self._held[key]
        if not self._held:
            self.total = Amount()  # sums of money are floats: nothing is left of nothing
        return True

    def count_step(self, key: Hashable, attempt: int) -> None:
        """The effect is over and a step; what else the attempt took is not known."""
        amount = self._held.get(key, {}).get(attempt)
        if amount is not None:
            self.settle(key, attempt)
            self.put(key, attempt, Amount(amount.usd, amount.tokens))

    def take(self, row: Event) -> None:
        """Let a row open or settle a reservation."""
        data = row.data
        if row.kind == "step.started" and "reserved" in data:
            self.put(row.key, int(data["attempt"]), Amount.read(data["reserved"]))
        elif "settles" in data:
            self.settle(row.key, int(data["settles"]))
        elif "unsettled" in data:
            self.count_step(row.key, int(data["unsettled"]))
