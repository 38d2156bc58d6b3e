"""Saving what can be saved of a damaged database: its rows go to a new file, counted by run.

The damaged files are never changed: they are set aside under a name with the date. The new file is
complete before that, and the names are changed by a plan that stands on the disk, so a repair that
was killed is finished by whoever opens the database next. A run that lost rows keeps what there is
of it, is marked, and can be forked before the first loss.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.errors import StoreDamaged, StoreError
from workbench.store import chain, pages, remembered, schema, states
from workbench.store.blobs import Blobs
from workbench.store.connection import FAILURES, PAGE_BYTES, connect, translated
from workbench.store.packing import COLUMNS, unpack
from workbench.store.schema import PLACE
from workbench.store.swapping import finish, new_file, swap
from workbench.store.unclean import note_of
from workbench.values import loads

Progress = Callable[[str], None]

_KEPT_TABLES: Final = (
    *("owners", "catalogue", "settings", "requests", "losses", "deleted", "pinned", "memories"),
    "audit_head",
)
"""What is no row of the log and is taken over as far as it can be read."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What one run has lost."""

    run_id: str
    first_seq: int
    rows: int
    why: str


@dataclass(slots=True)
class Report:
    """What became of a damaged database."""

    rows: int = 0
    runs: int = 0
    losses: list[Loss] = field(default_factory=list[Loss])
    tables: list[str] = field(default_factory=list[str])
    """Tables beside the log that could not be read to their end."""
    is_cut: bool = False
    """Its end was lost: runs that stood only there are not even known, and every run that has not
    ended may have lost its newest rows, so it is marked."""
    aside: str = ""
    """Where the damaged file is now."""


def salvage(path: Path, now: float, progress: Progress = lambda _: None) -> Report:
    """Repair a database that nobody has open. The caller is alone with it.

    Raises:
        StoreError: there is no file, or no room for a second one.
    """
    finish(path)
    if not path.exists():
        raise StoreError(f"there is no database at {path}")
    new = new_file(path)
    try:
        report = _copied(path, new, now, progress)
    except FAILURES as error:
        raise translated(error, new) from error
    report.aside = str(swap(path, "damaged", now))
    return report


def _copied(path: Path, new: Path, now: float, progress: Progress) -> Report:
    report = Report(is_cut=pages.missing_bytes(path) > 0 or note_of(path).exists())
    with closing(connect(new, mode="rw", patience_s=1.0)) as link:
        link.execute(f"PRAGMA page_size={PAGE_BYTES}")
        schema.upgrade(link, new)
        link.execute("PRAGMA synchronous=OFF")  # synced as a whole, at the end
        link.execute("BEGIN IMMEDIATE")
        report.tables = _take_tables(path, link)
        remembered.take_old(link)
        remembered.index_anew(link)
        progress("reading rows")
        ends = _take_rows(path, link, progress)
        progress("looking for gaps")
        blobs = Blobs(path.parent / "blobs")
        report.losses = _mark(link, blobs, ends, now, cut=report.is_cut)
        chain.repaired(link, now, [loss.run_id for loss in report.losses])
        # What is missing cannot be read; everything else is computed from what is there.
        states.rebuild(link, _Forgiving(path.parent / "blobs"))
        (report.rows,) = link.execute("SELECT count(*) FROM events WHERE run_id <> ''").fetchone()
        (report.runs,) = link.execute("SELECT count(*) FROM run_states").fetchone()
        link.execute("COMMIT")
    return report


def _take_rows(path: Path, link: sqlite3.Connection, progress: Progress) -> dict[str, int]:
    """Take every row that can be found, once; returns the newest row that each run had.

    Rows of runs that were deleted may stand in unused pages, and are not taken.
    """
    ends: dict[str, int] = {}
    gone = {run_id for (run_id,) in link.execute("SELECT run_id FROM deleted")}
    marks = ", ".join("?" * 9)
    put = f"INSERT OR IGNORE INTO events (id, {COLUMNS}) VALUES ({marks})"  # noqa: S608  names only
    count = 0
    for place, record in pages.records(path):
        row = pages.event(record)
        if row is None:
            if (entry := chain.entry_of(place, record)) is not None:
                chain.put_back(link, entry)
            run_id, last = pages.end_of_run(record) or (PLACE, 0)
            ends[run_id] = max(last, ends.get(run_id, 0))
            continue
        if row[0] in gone or row[0] == PLACE:
            continue
        # Seen in another version of its page already, or its place is taken by another row.
        taken = (
            link.execute(put, (place, *row)).rowcount or link.execute(put, (None, *row)).rowcount
        )
        count += taken
        if taken and count % 10_000 == 0:
            progress(f"{count} rows")
    return {run_id: last for run_id, last in ends.items() if run_id != PLACE}


def _take_tables(path: Path, link: sqlite3.Connection) -> list[str]:
    """Take over the tables beside the log; which of them were not read to their end."""
    broken: list[str] = []
    there = set(_KEPT_TABLES)
    with suppress(*FAILURES, UnicodeDecodeError):
        there = {name for (name,) in _read(path, "SELECT name FROM sqlite_master")}
    for table in _KEPT_TABLES:
        if table not in there:  # an older database
            continue
        columns = [name for _, name, *_ in link.execute(f"PRAGMA table_info({table})")]
        marks = ", ".join("?" * len(columns))
        put = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
        try:
            for row in _read(path, f"SELECT {', '.join(columns)} FROM {table}"):  # noqa: S608
                link.execute(put, row)
        except (*FAILURES, UnicodeDecodeError):
            broken.append(table)
    return broken


def _read(path: Path, query: str) -> Iterator[Any]:
    with closing(connect(path, mode="ro", patience_s=1.0)) as link:
        yield from link.execute(query)


def _mark(
    link: sqlite3.Connection, blobs: Blobs, ends: dict[str, int], now: float, *, cut: bool
) -> list[Loss]:
    """Find out what each run has lost, and write it down."""
    found = {loss.run_id: loss for loss in _gaps(link, ends)}
    if cut:
        found = {loss.run_id: loss for loss in _open_ended(link)} | found
    for loss in _unreadable(link, blobs):
        known = found.get(loss.run_id)
        if known is None or loss.first_seq < known.first_seq:
            found[loss.run_id] = loss
    _inherit(link, found)
    put = (
        "INSERT INTO losses (run_id, first_seq, rows, why, found_at) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (run_id) DO UPDATE SET first_seq = min(first_seq, excluded.first_seq), "
        "rows = rows + excluded.rows, why = excluded.why"
    )
    for loss in found.values():
        link.execute(put, (loss.run_id, loss.first_seq, loss.rows, loss.why, now))
    return sorted(found.values(), key=lambda loss: loss.run_id)


def _gaps(link: sqlite3.Connection, ends: dict[str, int]) -> Iterator[Loss]:
    """Runs whose numbers are not all there."""
    query = "SELECT run_id, min(seq), max(seq), count(*) FROM events WHERE run_id <> '' GROUP BY 1"
    for run_id, first, last, count in link.execute(query).fetchall():
        begins = _beginning(link, run_id)
        last_known = max(last, ends.get(run_id, 0))
        missing = last_known - begins + 1 - count
        if missing > 0:
            lost = _first_gap(link, run_id, begins) if first == begins else begins
            yield Loss(run_id, lost, missing, "rows were lost")
    there = {run_id for (run_id,) in link.execute("SELECT DISTINCT run_id FROM events")}
    gone = {run_id for (run_id,) in link.execute("SELECT run_id FROM deleted")}
    for run_id, last in ends.items():
        if run_id not in there | gone:
            yield Loss(run_id, 1, last, "all of its rows were lost")


def _open_ended(link: sqlite3.Connection) -> Iterator[Loss]:
    """Runs that have not ended: of those nobody knows whether their newest rows are there."""
    query = "SELECT run_id, max(seq), kind FROM events WHERE run_id <> '' GROUP BY 1"
    for run_id, last, kind in link.execute(query).fetchall():
        if kind != "run.finished":
            yield Loss(run_id, last + 1, 0, "its newest rows may be lost")


def _beginning(link: sqlite3.Connection, run_id: str) -> int:
    """The number a run's first row had: one, or the one after a fork's cut."""
    query = "SELECT seq, kind, data FROM events WHERE run_id = ? ORDER BY seq LIMIT 1"
    seq, kind, data = link.execute(query, (run_id,)).fetchone()
    if kind == "run.started":
        given = loads(data)
        return int(given.get("cut") or 0) + 1 if given.get("parent") else 1
    return 1 if seq > 0 else seq


def _first_gap(link: sqlite3.Connection, run_id: str, begins: int) -> int:
    expected = begins
    query = "SELECT seq FROM events WHERE run_id = ? ORDER BY seq"
    for (seq,) in link.execute(query, (run_id,)):
        if seq != expected:
            break
        expected += 1
    return expected


def _unreadable(link: sqlite3.Connection, blobs: Blobs) -> Iterator[Loss]:
    """Runs with rows whose blobs are gone or changed; the first such row of each."""
    query = f"SELECT {COLUMNS} FROM events WHERE spilled IS NOT NULL ORDER BY run_id, seq"  # noqa: S608
    told: dict[str, int] = {}
    for row in link.execute(query).fetchall():
        if row[0] in told:
            continue
        try:
            unpack(row, blobs)
        except StoreDamaged as error:
            told[row[0]] = row[1]
            yield Loss(row[0], row[1], 1, error.message)


def _inherit(link: sqlite3.Connection, found: dict[str, Loss]) -> None:
    """A fork that shares rows which were lost has lost them too."""
    query = "SELECT run_id, data FROM events WHERE kind = 'run.started'"
    parents: dict[str, tuple[str, int]] = {}
    for run_id, data in link.execute(query):
        given = loads(data)
        if given.get("parent"):
            parents[run_id] = str(given["parent"]), int(given.get("cut") or 0)
    changed = True
    while changed:
        changed = False
        for run_id, (parent, cut) in parents.items():
            loss = found.get(parent)
            if run_id not in found and loss is not None and loss.first_seq <= cut:
                found[run_id] = Loss(run_id, loss.first_seq, 0, f"shares what {parent} has lost")
                changed = True


class _Forgiving(Blobs):
    """Blobs where a missing one is empty: sums and titles do not stand in them."""

    def read(self, name: str) -> bytes:
        """The content, or an empty text for what is lost."""
        try:
            return super().read(name)
        except StoreDamaged:
            return b'""'
