"""The audit's chain in the database: entries are added in the transaction that stores their rows.

So a killed process leaves a row with its entry or neither, and two processes that write take
turns. Where the chain stands is kept twice, in its last entry and beside it: whoever takes the
last entry away leaves a mark, and what is written afterwards goes on from the mark.
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from workbench.journal.audit import AUDITED, Entry, Head, object_in, row_digest, said_of
from workbench.store import packing
from workbench.store.schema import PLACE
from workbench.values import loads

COLUMNS: Final = "number, at, kind, run_id, seq, row, data, before, hash"
_INSERT: Final = f"INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_values_of = attrgetter(*COLUMNS.split(", "))
"""An entry as `_INSERT` takes it. ``astuple`` copies deeply and took a third of an entry's time."""
_PUT_HEAD: Final = "INSERT OR REPLACE INTO audit_head (one, number, hash) VALUES (1, ?, ?)"
_KINDS: Final = ", ".join(f"'{kind}'" for kind in sorted(AUDITED))
DECISIONS: Final = (
    f"SELECT {packing.COLUMNS} FROM events WHERE kind IN ({_KINDS}) AND run_id <> '{PLACE}' "
    "ORDER BY id"
)
"""The rows of the log that need an entry; goes through all of it."""


class Chain:
    """The end of the chain, for one connection; every method inside its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._head: Head | None = None

    def forget(self) -> None:
        """Read anew where it stands: somebody else may have written, or nothing was committed."""
        self._head = None

    def take(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add an entry for each of some packed rows that is a decision."""
        found = [row for row in rows if row[3] in AUDITED]
        if found:
            self._write([self._of_row(row) for row in found])

    def add(self, kind: str, at: float, data: Mapping[str, Any], run_id: str = "") -> Entry:
        """Add an entry that stands for no row."""
        entry = self._next(self._stands().next(at, kind, data, run_id=run_id))
        self._write([entry])
        return entry

    def _of_row(self, row: Sequence[Any]) -> Entry:
        run_id, seq, at, kind, _, text, *_ = row
        said = said_of(loads(text))
        digest = row_digest(row)
        return self._next(self._stands().next(at, kind, said, run_id=run_id, seq=seq, row=digest))

    def _next(self, entry: Entry) -> Entry:
        self._head = Head(entry.number, entry.hash)
        return entry

    def _stands(self) -> Head:
        if self._head is None:
            self._head = head(self._connection)
        return self._head

    def _write(self, entries: Sequence[Entry]) -> None:
        self._connection.executemany(_INSERT, [*map(_values_of, entries)])
        self._connection.execute(_PUT_HEAD, (entries[-1].number, entries[-1].hash))


def head(link: sqlite3.Connection) -> Head:
    """Where the chain stands: the mark beside it, if that is not behind."""
    mark = link.execute("SELECT number, hash FROM audit_head").fetchone()
    last = link.execute("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    stands = [Head(*found) for found in (mark, last) if found is not None]
    return max(stands, key=lambda found: found.number, default=Head())


def entries(link: sqlite3.Connection, after: int = 0) -> Iterator[Entry]:
    """All entries in their order."""
    query = f"SELECT {COLUMNS} FROM audit WHERE number > ? ORDER BY number"
    return (Entry(*row) for row in link.execute(query, (after,)))


def last_said(link: sqlite3.Connection, kind: str) -> dict[str, Any] | None:
    """The data of the last entry of a kind that is about no run; None when there is none."""
    query = "SELECT data FROM audit WHERE kind = ? AND run_id = '' ORDER BY number DESC LIMIT 1"
    found = link.execute(query, (kind,)).fetchone()
    return None if found is None else object_in(loads(found[0]))


def of_rows(link: sqlite3.Connection, run_id: str, seqs: Collection[int]) -> list[Entry]:
    """The entries that stand for some rows of a run."""
    wanted = sorted({seq for seq in seqs if seq > 0})
    query = (
        f"SELECT {COLUMNS} FROM audit WHERE run_id = ? "
        f"AND seq IN ({', '.join('?' * len(wanted))}) ORDER BY number"
    )
    return [Entry(*row) for row in link.execute(query, (run_id, *wanted))]


def adopt(link: sqlite3.Connection) -> int:
    """Enter decisions of the log that have no entry; how many those were.

    Of a log from before there was a chain, and of one that lost entries to damage.
    """
    known = {(e.run_id, e.seq, e.row) for e in entries(link) if e.row}
    chain = Chain(link)
    found = [r for r in link.execute(DECISIONS) if (r[0], r[1], row_digest(r)) not in known]
    chain.take(found)
    return len(found)


def begin(link: sqlite3.Connection, now: float) -> None:
    """Begin the chain of a log that is older than it, with an entry that says so."""
    (count,) = link.execute(f"SELECT count(*) FROM ({DECISIONS})").fetchone()
    Chain(link).add("audit.begun", now, {"rows": count})
    adopt(link)


def entry_of(number: int, record: Sequence[Any]) -> Entry | None:
    """The columns of a record found in a damaged file as an entry, if they are a whole one."""
    match record:
        case [
            None, int() | float() as at, str(kind), str(run_id), int(seq), str(row), str(data),
            str(before), str(own),
        ]:  # fmt: skip
            entry = Entry(number, float(at), kind, run_id, seq, row, data, before, own)
            return entry if entry.own_hash() == own else None
        case _:
            return None


def put_back(link: sqlite3.Connection, entry: Entry) -> None:
    """Store an entry that was found; one that is there already stays."""
    link.execute(_INSERT.replace("INSERT", "INSERT OR IGNORE", 1), _values_of(entry))


def repaired(link: sqlite3.Connection, now: float, damaged_runs: Sequence[str]) -> None:
    """Say in the chain what a repair could not save, then enter the decisions that lost theirs."""
    chain = Chain(link)
    told = {"runs": sorted(damaged_runs), "lost": gaps(entries(link), head(link))}
    chain.add("log.repaired", now, told)
    adopt(link)


def gaps(found: Iterable[Entry], stands: Head) -> list[list[int]]:
    """The numbers that are missing, as pairs of the first and the last."""
    missing: list[list[int]] = []
    last = 0
    for entry in found:
        if entry.number > last + 1:
            missing.append([last + 1, entry.number - 1])
        last = entry.number
    if stands.number > last:
        missing.append([last + 1, stands.number])
    return missing
