"""The ledger as the writer keeps it: what was asked for of it is read, what changed is written.

As with `States`, what is remembered is only true as long as nobody else commits and no
transaction fails; the writer calls `forget` then.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from workbench.errors import LimitReached
from workbench.journal.events import Event
from workbench.journal.ledger import Dues, Hold, Ledger, Place, Within
from workbench.journal.usage import Amount, day_of

REMEMBERED: Final = 4096
"""Effects kept in memory; more than that and all are read anew."""

_COLUMNS: Final = "usd, tokens, steps, unpriced"
_SPENT_AT: Final = f"SELECT {_COLUMNS} FROM days WHERE day = ? AND agent = ?"  # noqa: S608 - ours
_SPENT_ON: Final = f"SELECT agent, {_COLUMNS} FROM days WHERE day = ?"  # noqa: S608 - ours
_PUT_SPENT: Final = """
    INSERT INTO days (day, agent, usd, tokens, steps, unpriced) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (day, agent) DO UPDATE SET usd = excluded.usd, tokens = excluded.tokens,
      steps = excluded.steps, unpriced = excluded.unpriced"""
_HELD_BY: Final = """
    SELECT attempt, day, agent, usd, tokens, steps FROM reserved WHERE run_id = ? AND key = ?"""
_HELD_ON: Final = """
    SELECT run_id, key, attempt, agent, usd, tokens, steps FROM reserved WHERE day = ?"""
_DROP: Final = "DELETE FROM reserved WHERE run_id = ? AND key = ?"
_PUT_HELD: Final = """
    INSERT INTO reserved (run_id, key, attempt, day, agent, usd, tokens, steps)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


class Days:
    """Days and reservations in the database; every method inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ledger = _Lazy(connection)

    def forget(self) -> None:
        """Read everything anew from now on."""
        self._ledger = _Lazy(self._connection)

    def refusal(self, row: Event, within: Within) -> LimitReached | None:
        """Why an intent does not fit, or None."""
        self._ledger.read_day(day_of(row))
        return self._ledger.refusal(row, within)

    def take(self, row: Event) -> None:
        """Add one row's consequences."""
        self._ledger.take(row)

    def write(self) -> None:
        """Write what changed."""
        ledger, execute = self._ledger, self._connection.execute
        for place in ledger.touched:
            sums = ledger.spent[place]
            execute(_PUT_SPENT, (*place, sums.usd, sums.tokens, sums.steps, sums.unpriced))
        for key in ledger.changed:
            execute(_DROP, key)
            for attempt, hold in ledger.attempts(key).items():
                amount = hold.amount
                values = (amount.usd, amount.tokens, amount.steps)
                execute(_PUT_HELD, (*key, attempt, *hold.place, *values))
        ledger.touched.clear()
        ledger.changed.clear()
        if ledger.remembered > REMEMBERED:
            self.forget()


class _Lazy(Ledger):
    """A ledger that reads a place, or an effect's reservations, when it is first asked for."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.touched: set[Place] = set()
        self.changed: set[tuple[str, str]] = set()
        self._connection = connection
        self._days: set[str] = set()
        self._read: set[tuple[str, str]] = set()

    @property
    def remembered(self) -> int:
        """Of how many effects something is known."""
        return len(self._read)

    def spent_at(self, place: Place) -> Amount:
        self.touched.add(place)
        if place not in self.spent:
            found = None
            if place[0] not in self._days:
                found = self._connection.execute(_SPENT_AT, place).fetchone()
            self.spent[place] = Amount(*(found or ()))
        return self.spent[place]

    def attempts(self, key: tuple[str, str]) -> dict[int, Hold]:
        if key not in self._read:
            self._read.add(key)
            for attempt, day, agent, *sums in self._connection.execute(_HELD_BY, key):
                super().keep(key, attempt, Hold((day, agent), Amount(*sums)))
        return super().attempts(key)

    def keep(self, key: tuple[str, str], attempt: int, hold: Hold) -> None:
        self.changed.add(key)
        super().keep(key, attempt, hold)

    def drop(self, key: tuple[str, str], attempt: int) -> None:
        self.changed.add(key)
        super().drop(key, attempt)

    def read_day(self, day: str) -> None:
        """Read all of a day; what is known already is newer."""
        if day in self._days:
            return
        self._days.add(day)
        for agent, *sums in self._connection.execute(_SPENT_ON, (day,)):
            self.spent.setdefault((day, agent), Amount(*sums))
        rows = self._connection.execute(_HELD_ON, (day,)).fetchall()
        for run_id, key, *_ in rows:
            self.attempts((run_id, key))


def dues(connection: sqlite3.Connection, day: str) -> Dues:
    """One day as it stands in the database; for any reading connection."""
    spent = {agent: Amount(*sums) for agent, *sums in connection.execute(_SPENT_ON, (day,))}
    held: dict[str, Amount] = {}
    runs: set[str] = set()
    for run_id, _, _, agent, *sums in connection.execute(_HELD_ON, (day,)):
        held.setdefault(agent, Amount()).add(Amount(*sums))
        runs.add(run_id)
    return Dues(spent, held, frozenset(runs))
