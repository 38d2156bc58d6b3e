"""The projection as the writer keeps it: read once a run, changed in memory, written each batch.

What is remembered is only true as long as nobody else commits and no transaction fails; the
writer calls `forget` then.
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from workbench.errors import StoreDamaged, StoreError
from workbench.journal.events import Event
from workbench.store import packing
from workbench.store.blobs import Blobs
from workbench.store.chain import Chain
from workbench.store.days import Days
from workbench.store.packing import INSERT, pack, unpack
from workbench.store.projection import (
    COLUMNS,
    FIXED,
    SPENT,
    RunState,
    check_next,
    check_parent,
    text_of,
)
from workbench.store.schema import PLACE

REMEMBERED: Final = 4096
"""Runs kept in memory; more than that and all are read anew."""

_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM run_states WHERE run_id = ?"
_SPENT_OF: Final = f"SELECT day, agent, model, {', '.join(SPENT)} FROM spent WHERE run_id = ?"
_NEXT_EVENTS: Final = (
    f"SELECT id, {packing.COLUMNS} FROM events WHERE id > ? AND run_id <> '{PLACE}' "
    "ORDER BY id LIMIT 1000"
)
_INSERT: Final = (
    f"INSERT INTO run_states ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
)
_CHANGING: Final = tuple(name for name in COLUMNS if name not in FIXED)
_UPDATE: Final = (
    f"UPDATE run_states SET {', '.join(f'{name} = ?' for name in _CHANGING)} WHERE run_id = ?"
)
"""Only what can change: naming an indexed column would rewrite its index each time."""

_PUT_SPENT: Final = (
    f"INSERT INTO spent (run_id, day, agent, model, {', '.join(SPENT)}) "
    f"VALUES (?, ?, ?, ?, {', '.join('?' * len(SPENT))}) "
    f"ON CONFLICT (run_id, day, agent, model) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in SPENT)
)

_PUT_NAMED: Final = "INSERT OR IGNORE INTO named (run_id, name, seq) VALUES (?, ?, ?)"


class States:
    """The runs that are being written; every method inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.days = Days(connection)
        self._connection = connection
        self._known: dict[str, RunState | None] = {}
        self._changed: dict[str, RunState] = {}
        self._new: set[str] = set()
        self._named: list[tuple[str, str, int]] = []
        self._lost: dict[str, int] | None = None
        """The first row that was lost, by run: nothing is added to those."""

    def forget(self) -> None:
        """Read everything anew from now on."""
        self._known.clear()
        self._changed.clear()
        self._new.clear()
        self._named.clear()
        self._lost = None
        self.days.forget()

    def check(self, events: Sequence[Event]) -> None:
        """Refuse events that do not follow what is there: all of them or none are stored.

        Raises:
            StoreError: see `check_next` and `check_parent`; the run was deleted, or has lost rows.
        """
        last: dict[str, int | None] = {}
        lost = self.lost()
        for event in events:
            run_id = event.run_id
            newest = last[run_id] if run_id in last else self._last_seq(run_id)
            check_next(event, newest)
            if run_id in lost:
                raise read_only(run_id, lost[run_id])
            if newest is None:
                self._check_first(event, last)
            last[run_id] = event.seq

    def lost(self) -> dict[str, int]:
        """The first row that each damaged run has lost."""
        if self._lost is None:
            self._lost = dict(self._connection.execute("SELECT run_id, first_seq FROM losses"))
        return self._lost

    def _check_first(self, event: Event, last: Mapping[str, int | None]) -> None:
        """Refuse to begin a run under the id of a deleted one, or a fork of what is not there."""
        gone = self._connection.execute(
            "SELECT 1 FROM deleted WHERE run_id = ?", (event.run_id,)
        ).fetchone()
        if gone:
            raise StoreError(f"run {event.run_id} was deleted, and its id is not used again")
        if not event.data.get("parent"):
            return
        parent = str(event.data["parent"])
        newest = last[parent] if parent in last else self._last_seq(parent)
        if newest is not None and parent in self.lost():
            newest = min(newest, self.lost()[parent] - 1)
        check_parent(event, newest)

    def take(self, events: Sequence[Event]) -> None:
        """Let checked events have their consequences."""
        for event in events:
            self.days.take(event)
            state = self._find(event.run_id)
            if state is None:
                state = RunState.begin(event)
                self._known[event.run_id] = state
                self._new.add(event.run_id)
            else:
                state.take(event)
            self._changed[event.run_id] = state
            if event.kind == "checkpoint.taken":
                self._named.append((event.run_id, text_of(event.data.get("name")), event.seq))

    def write(self) -> None:
        """Write what changed."""
        execute = self._connection.execute
        for run_id, state in self._changed.items():
            row = state.row
            if run_id in self._new:
                execute(_INSERT, [row[name] for name in COLUMNS])
            else:
                execute(_UPDATE, [*(row[name] for name in _CHANGING), run_id])
            for key in state.touched:
                execute(_PUT_SPENT, (run_id, *key, *state.spent[key]))
            state.touched.clear()
        self._connection.executemany(_PUT_NAMED, self._named)
        self._named.clear()
        self._new.clear()
        self._changed.clear()
        self.days.write()
        if len(self._known) > REMEMBERED:
            self._known.clear()

    def _last_seq(self, run_id: str) -> int | None:
        state = self._find(run_id)
        return None if state is None else state.row["last_seq"]

    def _find(self, run_id: str) -> RunState | None:
        if run_id not in self._known:
            self._known[run_id] = self._read(run_id)
        return self._known[run_id]

    def _read(self, run_id: str) -> RunState | None:
        found = self._connection.execute(_SELECT, (run_id,)).fetchone()
        if found is None:
            return None
        state = RunState(dict(zip(COLUMNS, found, strict=True)))
        for day, agent, model, *sums in self._connection.execute(_SPENT_OF, (run_id,)):
            state.spent[(day, agent, model)] = sums
        return state


_AT_ONCE: Final = 500
"""Rows of a run from elsewhere that are in memory at a time."""


def take_in(
    connection: sqlite3.Connection, blobs: Blobs, events: Iterator[Event], now: float
) -> None:
    """Store runs from elsewhere; inside a transaction, so all of them or none.

    Raises:
        StoreError: a row does not follow what is there; see `States.check`.
    """
    states, chain = States(connection), Chain(connection)
    while batch := list(islice(events, _AT_ONCE)):
        # One that was deleted here may come back as it was.
        back = [(event.run_id,) for event in batch if event.kind == "run.started"]
        connection.executemany("DELETE FROM deleted WHERE run_id = ?", back)
        states.check(batch)
        rows = [pack(event, blobs) for event in batch]
        connection.executemany(INSERT, rows)
        for (run_id,) in back:
            chain.add("run.imported", now, {}, run_id)
        chain.take(rows)
        states.take(batch)
        states.write()


def read_only(run_id: str, first_lost: int) -> StoreDamaged:
    """The refusal to go on with a run that has lost rows."""
    how = f"It can be forked before: kaizen-tui fork {run_id}@{first_lost - 1}"
    return StoreDamaged(
        f"run {run_id} has lost rows from row {first_lost} on, and is only read",
        hint=how if first_lost > 1 else "Its beginning is lost: it cannot be forked either",
        run_id=run_id,
        first_lost=first_lost,
    )


def rebuild(connection: sqlite3.Connection, blobs: Blobs) -> None:
    """Compute the projections anew from the log; inside a transaction."""
    for table in ("run_states", "spent", "days", "reserved", "named"):
        connection.execute(f"DELETE FROM {table}")
    states, after = States(connection), 0
    while rows := connection.execute(_NEXT_EVENTS, (after,)).fetchall():
        states.take([unpack(row[1:], blobs) for row in rows])
        states.write()
        after = rows[-1][0]
