"""The ledger: what each agent used on each day over all runs, and what is reserved of it.

It says whether an intent's reservation still fits below the limits of a day and of an agent. A
store asks it within the transaction that writes the intent, so that two processes cannot both
take what is left. An intent that does not fit is not written: `refused` stands in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from workbench.errors import LimitReached
from workbench.journal.events import Event, agent_of, parent_of
from workbench.journal.limits import SPENDABLE, Limits, reached
from workbench.journal.usage import Amount, day_of, used

Place: TypeAlias = tuple[str, str]
"""Day (UTC) and agent."""
Within: TypeAlias = Sequence[tuple[str, Limits, int]]
"""Limits an intent has to fit below: of an agent by its name, of the day under an empty one. The
number is of calls without a known price that somebody let pass."""

ROUNDING: Final = 1e-9
"""Sums of money are floats: so little is no overshoot."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation and where it counts."""

    place: Place
    amount: Amount


@dataclass(frozen=True, slots=True)
class Dues:
    """A day as it stands: by agent what was used and what is reserved, and by which runs."""

    spent: dict[str, Amount] = field(default_factory=dict[str, Amount])
    held: dict[str, Amount] = field(default_factory=dict[str, Amount])
    holders: frozenset[str] = frozenset()

    def of(self, agent: str) -> tuple[Amount, Amount]:
        """Used and reserved, of one agent or (empty name) of all."""
        return _sum(self.spent, agent), _sum(self.held, agent)


def _sum(amounts: dict[str, Amount], agent: str) -> Amount:
    if agent:
        return amounts.get(agent, Amount())
    total = Amount()
    for name in sorted(amounts):
        total.add(amounts[name])
    return total


class Ledger:
    """Days and reservations while rows are added to them."""

    def __init__(self) -> None:
        self.spent: dict[Place, Amount] = {}
        self.held: dict[Place, Amount] = {}
        self.open: dict[tuple[str, str], dict[int, Hold]] = {}
        """By run and key, then attempt."""

    def take(self, row: Event) -> None:
        """Add one row's consequences."""
        found = used(row)
        if found is not None:
            place = place_of(row)
            self.spent_at(place).add(found.amount)
        if "settles" in row.data:
            self.drop((row.run_id, row.key), int(row.data["settles"]))
        elif "unsettled" in row.data:
            self.count_step((row.run_id, row.key), int(row.data["unsettled"]))
        elif "reserved" in row.data and row.kind == "step.started":
            hold = Hold(place_of(row), Amount.read(row.data["reserved"]))
            self.put((row.run_id, row.key), int(row.data["attempt"]), hold)

    def spent_at(self, place: Place) -> Amount:
        """The sum of one place, to be added to."""
        return self.spent.setdefault(place, Amount())

    def put(self, key: tuple[str, str], attempt: int, hold: Hold) -> None:
        """Reserve; as in `Holds`, an effect is one step however many attempts it takes."""
        for number, earlier in list(self.attempts(key).items()):
            self.drop(key, number)
            left = Amount(earlier.amount.usd, earlier.amount.tokens)
            if number != attempt and (left.usd or left.tokens):
                self.keep(key, number, Hold(earlier.place, left))
        self.keep(key, attempt, hold)

    def count_step(self, key: tuple[str, str], attempt: int) -> None:
        """The effect is over and a step; what else the attempt took is not known."""
        hold = self.attempts(key).get(attempt)
        if hold is not None:
            self.drop(key, attempt)
            self.keep(key, attempt, Hold(hold.place, Amount(hold.amount.usd, hold.amount.tokens)))

    def attempts(self, key: tuple[str, str]) -> dict[int, Hold]:
        """What is reserved for an effect."""
        return self.open.get(key, {})

    def keep(self, key: tuple[str, str], attempt: int, hold: Hold) -> None:
        """Note one reservation."""
        self.open.setdefault(key, {})[attempt] = hold
        self.held.setdefault(hold.place, Amount()).add(hold.amount)

    def drop(self, key: tuple[str, str], attempt: int) -> None:
        """Forget one reservation."""
        hold = self.attempts(key).pop(attempt, None)
        if hold is None:
            return
        self.held[hold.place].add(hold.amount, -1)
        if not self.open[key]:
            del self.open[key]
        if not self.open:
            self.held.clear()

    def forget(self, run_id: str) -> None:
        """Drop what is reserved for a run that was deleted; what it used was used."""
        for key in [key for key in self.open if key[0] == run_id]:
            for attempt in list(self.open[key]):
                self.drop(key, attempt)

    def sums(self, day: str) -> Dues:
        """One day as it stands, without who holds what."""
        spent = {agent: amount for (at, agent), amount in self.spent.items() if at == day}
        held = {agent: amount for (at, agent), amount in self.held.items() if at == day}
        return Dues(spent, held)

    def dues(self, day: str) -> Dues:
        """One day as it stands."""
        runs = {
            run_id
            for (run_id, _), attempts in self.open.items()
            if any(hold.place[0] == day for hold in attempts.values())
        }
        return replace(self.sums(day), holders=frozenset(runs))

    def refusal(self, row: Event, within: Within) -> LimitReached | None:
        """Why an intent does not fit, or None."""
        asked = Amount.read(row.data.get("reserved") or {})
        return short_of(self.sums(day_of(row)), asked, within)


def short_of(dues: Dues, asked: Amount, within: Within) -> LimitReached | None:
    """The first limit that an amount does not fit below; only what it asks for counts."""
    for agent, limits, passed in within:
        spent, held = dues.of(agent)
        for name in SPENDABLE:
            wanted, most = getattr(asked, name), getattr(limits, name)
            if most is None or not wanted:
                continue
            taken = getattr(spent, name) + getattr(held, name)
            unpriced = max(spent.unpriced - passed, 0) if name == "usd" else 0
            if unpriced or taken + wanted > most + ROUNDING:
                more: dict[str, Any] = {"unpriced": unpriced} if unpriced else {}
                more |= {"used": getattr(spent, name), "held": getattr(held, name)}
                scope = "agent" if agent else "day"
                return reached(scope, agent, name, most, wanted=wanted, **more)
    return None


def place_of(row: Event) -> Place:
    """The day and the agent a row's use counts for."""
    return day_of(row), agent_of(parent_of(row.key))


def refused(row: Event, error: LimitReached) -> Event:
    """What stands in the log in the place of an intent that did not fit."""
    told = {"effect": row.data.get("effect"), "attempt": row.data.get("attempt"), **error.data}
    return Event(row.run_id, row.seq, row.at, "budget.refused", row.key, told)


def totals(rows: Iterable[Event]) -> Amount:
    """The plain sum over rows: what every other sum must come to."""
    total = Amount()
    for row in rows:
        found = used(row)
        if found is not None:
            total.add(found.amount)
    return total
