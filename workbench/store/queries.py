"""Reading: each function one question, answered from a lent read-only connection.

Nothing here holds a read open for longer than a page, because the WAL cannot be reset under a
reader. Pages still fit together: rows of the log never change, so a long iteration sees what a
single read at its end would have seen.
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.errors import StoreDamaged, UnknownName, UsageError
from workbench.journal.events import Event
from workbench.store import packing
from workbench.store.blobs import Blobs
from workbench.store.connection import Readers
from workbench.store.packing import unpack
from workbench.store.projection import COLUMNS, SPENT, RunRow, SpentKey
from workbench.store.schema import PLACE, SOUGHT, SOUGHT_KINDS

PAGE_ROWS: Final = 1000
END: Final = 2**62
"""A row number that no run reaches."""

SEARCHED: Final = ("run_id", "title", "pattern", "status", "model", "result_preview")
"""Where a search of the runs looks."""

_RUN: Final = f"SELECT {', '.join(COLUMNS)} FROM run_states"
_NEWEST: Final = "ORDER BY started_at DESC, rowid DESC"


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a run that belongs to a line of forks: rows after ``after`` up to ``upto``."""

    run_id: str
    after: int
    upto: int
    least: int
    """The row it surely goes up to: all before it must be there."""
    is_whole: bool = True
    """Whether no rows of it are known to be lost."""


def line(readers: Readers, run_id: str, upto: int) -> list[Stretch]:
    """The run and its parents, root first, each with the rows that belong to the run.

    Raises:
        UnknownName: there is no such run.
        StoreDamaged: a parent is not there.
    """
    with readers.read() as connection:
        found = connection.execute(_LINE, (upto, run_id)).fetchall()
    if not found:
        raise unknown_run(readers, run_id)
    parent = found[-1][1]
    if parent is not None:
        raise StoreDamaged(f"run {parent}, a parent of {run_id}, is missing", hint=packing.HINT)
    return [
        Stretch(name, cut, upto, min(upto, last), not lost)
        for name, _, cut, upto, last, lost in reversed(found)
    ]


_LINE: Final = """
    WITH RECURSIVE line(run_id, parent_id, cut_seq, upto, last_seq) AS (
      SELECT run_id, parent_id, cut_seq, ?1, last_seq FROM run_states WHERE run_id = ?2
      UNION ALL
      SELECT r.run_id, r.parent_id, r.cut_seq, min(line.upto, line.cut_seq), r.last_seq
      FROM line JOIN run_states r ON r.run_id = line.parent_id)
    SELECT run_id, parent_id, cut_seq, upto, last_seq,
           EXISTS (SELECT 1 FROM losses WHERE losses.run_id = line.run_id) FROM line"""


def rows(
    readers: Readers,
    blobs: Blobs,
    stretches: Sequence[Stretch],
    after: int,
    kinds: Collection[str] | None,
) -> Iterator[Event]:
    """The events of some stretches, page by page."""
    query, names = _page_query(kinds)
    for stretch in stretches:
        last = max(after, stretch.after)
        must_be_whole = kinds is None and stretch.is_whole
        while last < stretch.upto:
            with readers.read() as connection:
                page = connection.execute(
                    query, (stretch.run_id, last, stretch.upto, *names)
                ).fetchall()
            for row in page:
                if must_be_whole and row[1] != last + 1:
                    raise missing(stretch.run_id, last + 1, row[1] - 1)
                last = row[1]
                yield unpack(row, blobs)
            if len(page) < PAGE_ROWS:
                break
        if must_be_whole and last < stretch.least:
            raise missing(stretch.run_id, last + 1, stretch.least)


def missing(run_id: str, first: int, last: int) -> StoreDamaged:
    """The error that a row which was stored is not found."""
    which = f"row {first}" if first == last else f"rows {first} to {last}"
    return StoreDamaged(f"{which} of run {run_id} cannot be found", hint=packing.HINT)


def _page_query(kinds: Collection[str] | None) -> tuple[str, list[str]]:
    names = sorted(set(kinds or ()))
    table, condition = "events", ""
    if kinds is not None:
        condition = f"AND kind IN ({', '.join('?' * len(names))}) "
        if names and SOUGHT_KINDS.issuperset(names):
            # Left to itself, SQLite goes through all of a run's rows to have them in order.
            table, condition = "events INDEXED BY events_sought", f"{condition}AND {SOUGHT} "
    query = (
        f"SELECT {packing.COLUMNS} FROM {table} WHERE run_id = ? AND seq > ? AND seq <= ? "
        f"{condition}ORDER BY seq LIMIT {PAGE_ROWS}"
    )
    return query, names


def tail(readers: Readers, blobs: Blobs, after: int, limit: int) -> list[tuple[int, Event]]:
    """Rows of all runs in the order of their commits, each with its place in that order."""
    with readers.read() as connection:
        found = connection.execute(
            f"SELECT id, {packing.COLUMNS} FROM events WHERE id > ? AND run_id <> ? "
            "ORDER BY id LIMIT ?",
            (after, PLACE, limit),
        ).fetchall()
    return [(row[0], unpack(row[1:], blobs)) for row in found]


def last_place(readers: Readers) -> int:
    """The newest row's place in the order over all runs; 0 in an empty log."""
    with readers.read() as connection:
        return connection.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0]


def find_run(readers: Readers, name: str) -> RunRow:
    """The run of this id, or the only one whose id begins so.

    Raises:
        UnknownName: no run is called so.
        UsageError: several are; lists them.
    """
    end = name + chr(0x10FFFF)
    with readers.read() as connection:
        found = connection.execute(f"{_RUN} WHERE run_id = ?", (name,)).fetchall()
        if not found and name:
            query = f"{_RUN} WHERE run_id > ? AND run_id < ? {_NEWEST} LIMIT 9"
            found = connection.execute(query, (name, end)).fetchall()
        lost = _lost(connection)
    if not found:
        raise unknown_run(readers, name)
    if len(found) > 1:
        raise ambiguous_run(name, [row[0] for row in found])
    return _run_row(found[0], lost)


def unknown_run(readers: Readers, name: str) -> UnknownName:
    """The error, with the nearest of the newest runs."""
    with readers.read() as connection:
        newest = connection.execute(f"SELECT run_id FROM run_states {_NEWEST} LIMIT 200")
        return UnknownName("run", name, [run_id for (run_id,) in newest])


def ambiguous_run(name: str, found: Sequence[str]) -> UsageError:
    """The error, listing up to eight of the runs."""
    shown = ", ".join(found[:8]) + (" and more" if len(found) > 8 else "")
    return UsageError(f"several runs begin with {name!r}: {shown}", hint="Write more of its id")


def runs(readers: Readers, limit: int, search: str, session: str) -> list[RunRow]:
    """Runs, newest first."""
    conditions, values = ["1"], list[Any]()
    if session:
        conditions.append("session_id = ?")
        values.append(session)
    if search:
        escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append(
            "(" + " OR ".join(f"{field} LIKE ? ESCAPE '\\'" for field in SEARCHED) + ")"
        )
        values += [f"%{escaped}%"] * len(SEARCHED)
    query = f"{_RUN} WHERE {' AND '.join(conditions)} {_NEWEST} LIMIT ?"
    with readers.read() as connection:
        found, lost = connection.execute(query, (*values, limit)).fetchall(), _lost(connection)
    return [_run_row(row, lost) for row in found]


def children(readers: Readers, run_id: str) -> list[RunRow]:
    """The forks of a run, newest first."""
    with readers.read() as connection:
        found = connection.execute(f"{_RUN} WHERE parent_id = ? {_NEWEST}", (run_id,)).fetchall()
        lost = _lost(connection)
    return [_run_row(row, lost) for row in found]


def losses(readers: Readers) -> dict[str, int]:
    """The first row that was lost, of each run that has lost any."""
    with readers.read() as connection:
        return _lost(connection)


def _lost(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT run_id, first_seq FROM losses"))


def _run_row(values: Sequence[Any], lost: Container[str]) -> RunRow:
    """The row as lists show it. Raises StoreDamaged when no run can look like that."""
    row = RunRow(*values)
    if not all(isinstance(getattr(row, name), str) for name in _TEXTS):
        raise _odd(row)
    try:
        if not 0 <= row.started_at < _FAR or not 0 <= (row.ended_at or 0) < _FAR:
            raise _odd(row)
        if min(row.steps, row.input_tokens, row.output_tokens, row.last_seq) < 0:
            raise _odd(row)
    except TypeError:
        raise _odd(row) from None
    return replace(row, status="damaged") if row.run_id in lost else row


def _odd(row: RunRow) -> StoreDamaged:
    told = f"what is kept about run {row.run_id!r:.40} is damaged"
    return StoreDamaged(told, hint="Compute it anew with: kaizen-tui repair")


_FAR: Final = 2.0**36
"""Seconds after 1970 that no run has seen."""
_TEXTS: Final = ("run_id", "title", "pattern", "status", "session_id", "model", "result_preview")


def family(readers: Readers, run_id: str) -> list[RunRow]:
    """Every run of the tree that a run belongs to: its root, all forks of that, forks of forks."""
    query = f"{_FAMILY} {_RUN} WHERE run_id IN down ORDER BY started_at, rowid"
    with readers.read() as connection:
        found = connection.execute(query, (run_id,)).fetchall()
    if not found:
        raise unknown_run(readers, run_id)
    return [RunRow(*row) for row in found]


def family_rows(readers: Readers, blobs: Blobs, run_id: str, kinds: Sequence[str]) -> list[Event]:
    """The rows of kinds that have an index, of every run of a tree, run by run."""
    query = (
        f"{_FAMILY} SELECT {packing.COLUMNS} FROM events INDEXED BY events_sought "
        f"WHERE kind IN ({', '.join('?' * len(kinds))}) AND {SOUGHT} "
        "AND run_id IN (SELECT run_id FROM down) ORDER BY run_id, seq"
    )
    with readers.read() as connection:
        found = connection.execute(query, (run_id, *kinds)).fetchall()
    return [unpack(row, blobs) for row in found]


_FAMILY: Final = """
    WITH RECURSIVE up(run_id, parent_id) AS (
      SELECT run_id, parent_id FROM run_states WHERE run_id = ?
      UNION
      SELECT r.run_id, r.parent_id FROM up JOIN run_states r ON r.run_id = up.parent_id),
    down(run_id) AS (
      SELECT run_id FROM up
      WHERE parent_id IS NULL OR parent_id NOT IN (SELECT run_id FROM run_states)
      UNION
      SELECT r.run_id FROM down JOIN run_states r ON r.parent_id = down.run_id)"""


def checkpoint(
    readers: Readers, blobs: Blobs, stretches: Sequence[Stretch], name: str
) -> Event | None:
    """The newest checkpoint of a name on a line of forks."""
    query = (
        f"SELECT {packing.COLUMNS} FROM events WHERE run_id = ?1 AND seq = ("
        "SELECT max(seq) FROM named WHERE run_id = ?1 AND name = ?2 AND seq > ?3 AND seq <= ?4)"
    )
    with readers.read() as connection:
        for stretch in reversed(stretches):
            values = (stretch.run_id, name, stretch.after, stretch.upto)
            found = connection.execute(query, values).fetchone()
            if found is not None:
                return unpack(found, blobs)
    return None


def last_seq(readers: Readers, run_id: str) -> int:
    """The newest row of a run, 0 when there is no such run."""
    with readers.read() as connection:
        found = connection.execute(
            "SELECT last_seq FROM run_states WHERE run_id = ?", (run_id,)
        ).fetchone()
    return found[0] if found else 0


def spent(readers: Readers, run_id: str) -> dict[SpentKey, list[Any]]:
    """What a run spent by day, agent and model."""
    query = f"SELECT day, agent, model, {', '.join(SPENT)} FROM spent WHERE run_id = ?"
    with readers.read() as connection:
        found = connection.execute(query, (run_id,)).fetchall()
    return {(day, agent, model): sums for day, agent, model, *sums in found}


def changed_since(readers: Readers, blobs: Blobs, run_id: str, seq: int) -> list[Event]:
    """The changes of files, of all runs, that were committed after a row; in that order."""
    query = (
        f"SELECT {packing.COLUMNS} FROM events INDEXED BY events_of_files "
        "WHERE kind = 'file.changed' AND id > ? ORDER BY id"
    )
    with readers.read() as connection:
        place = connection.execute(
            "SELECT id FROM events WHERE run_id = ? AND seq = ?", (run_id, seq)
        ).fetchone()
        found = connection.execute(query, place).fetchall() if place else []
    if place is None:
        raise unknown_run(readers, run_id)
    return [unpack(row, blobs) for row in found]


def snapshot_trees(readers: Readers) -> set[str]:
    """The snapshots of folders that rows name; goes through all of the log."""
    query = (
        "SELECT data FROM events WHERE kind = 'snapshot.taken' "
        "OR (kind = 'step.started' AND instr(data, '\"snapshot\"') > 0)"
    )
    with readers.read() as connection:
        return {name for (data,) in connection.execute(query) for name in trees_in(data)}


def trees_in(data: str) -> list[str]:
    """The snapshots that a row's data names."""
    return _TREE.findall(data)


_TREE: Final = re.compile(r'"(?:tree|before)":"([0-9a-f]{40})"')
