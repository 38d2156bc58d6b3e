"""Deleting runs: the one door by which rows leave the log, and the blobs that go with them.

A run goes as a whole, in one transaction with its tombstone, so a killed process leaves it there
or gone. Blobs go afterwards, under the lock in which rows are committed: a writer looks there
whether the blobs of its rows are still in place. A blob that was touched lately stays, because its
row may still be on the way.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.errors import UsageError
from workbench.store.blobs import Blobs
from workbench.store.chain import Chain
from workbench.store.connection import Readers
from workbench.store.schema import PLACE
from workbench.values import digest

GRACE_S: Final = 600.0
"""How long a blob stays after somebody wrote it, whether or not a row names it."""

_NAME: Final = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
"""A blob's name, wherever it stands in a row's data."""

_OF_A_RUN: Final = (
    "run_states",
    "spent",
    "reserved",
    "owners",
    "requests",
    "losses",
    "pinned",
    "named",
)


@dataclass(slots=True)
class Freed:
    """What a clean-up came to."""

    runs: list[str] = field(default_factory=list[str])
    rows: int = 0
    row_bytes: int = 0
    blobs: int = 0
    blob_bytes: int = 0
    spared: list[str] = field(default_factory=list[str])
    """Sentences about runs that had to go and could not."""

    def add(self, other: Freed) -> None:
        """Sum up."""
        self.runs += other.runs
        self.rows += other.rows
        self.row_bytes += other.row_bytes
        self.blobs += other.blobs
        self.blob_bytes += other.blob_bytes
        self.spared += other.spared


def delete(link: sqlite3.Connection, run_ids: Sequence[str], by: str, now: float) -> Freed:
    """Take runs out of the log, inside a transaction.

    Raises:
        UsageError: one of them is pinned, or has a fork that is not among them.
    """
    freed = Freed()
    last = link.execute("SELECT max(id) FROM events").fetchone()[0]
    for run_id in run_ids:
        _check(link, run_id, run_ids)
    for run_id in run_ids:
        rows, size, sums = _figures(link, run_id)
        link.execute(
            "INSERT OR REPLACE INTO deleted SELECT run_id, title, pattern, status, started_at, "
            "?, ?, ?, ? FROM run_states WHERE run_id = ?",
            (rows, sums, by, now, run_id),
        )
        Chain(link).add("run.deleted", now, {"by": by, "rows": rows, "digest": sums}, run_id)
        link.execute("DELETE FROM events WHERE run_id = ?", (run_id,))
        for table in _OF_A_RUN:
            link.execute(f"DELETE FROM {table} WHERE run_id = ?", (run_id,))  # noqa: S608
        freed.runs.append(run_id)
        freed.rows += rows
        freed.row_bytes += size
    _keep_place(link, last, now)
    return freed


def _check(link: sqlite3.Connection, run_id: str, going: Sequence[str]) -> None:
    query = "SELECT run_id FROM run_states WHERE parent_id = ?"
    for (child,) in link.execute(query, (run_id,)):
        if child not in going:
            raise UsageError(
                f"run {run_id} has the fork {child}, which needs its rows",
                hint=f"Delete run {child} first",
            )
    if link.execute("SELECT 1 FROM pinned WHERE run_id = ?", (run_id,)).fetchone():
        raise UsageError(f"run {run_id} is pinned", hint=f"Let it go with: unpin {run_id}")


def _figures(link: sqlite3.Connection, run_id: str) -> tuple[int, int, str]:
    """How many rows a run has, their bytes, and a digest over their sums."""
    count, size, sums = 0, 0, list[str]()
    query = "SELECT seq, sum, length(data) FROM events WHERE run_id = ? ORDER BY seq"
    for seq, kept, length in link.execute(query, (run_id,)):
        count += 1
        size += length
        sums.append(f"{seq}:{kept}")
    return count, size, digest(";".join(sums))


def _keep_place(link: sqlite3.Connection, last: int | None, now: float) -> None:
    """Have no id of the log given twice: whoever reads its tail would miss the second row."""
    newest = link.execute("SELECT max(id) FROM events").fetchone()[0]
    if last is None or newest == last:
        return
    link.execute("DELETE FROM events WHERE run_id = ?", (PLACE,))
    link.execute(
        "INSERT INTO events (id, run_id, seq, at, kind, key, data) "
        "VALUES (?, ?, ?, ?, 'place.kept', '', '{}')",
        (last, PLACE, last, now),
    )


def sizes(link: sqlite3.Connection) -> dict[str, int]:
    """The bytes of each run, payloads that stand in blobs included."""
    found: dict[str, int] = dict(
        link.execute("SELECT run_id, sum(length(data) + length(key) + 64) FROM events GROUP BY 1")
    )
    query = "SELECT run_id, data FROM events WHERE spilled IS NOT NULL"
    for run_id, data in link.execute(query):
        found[run_id] += sum(map(int, re.findall(r'"size_bytes":(\d+)', data)))
    return found


def named_by(link: sqlite3.Connection, run_ids: Sequence[str]) -> set[str]:
    """The blobs that the rows of some runs name."""
    names: set[str] = set()
    for run_id in run_ids:
        query = "SELECT data FROM events WHERE run_id = ?"
        for (data,) in link.execute(query, (run_id,)):
            names |= names_in(str(data).encode())
    return names


def sweep(
    perform: Callable[[Callable[[sqlite3.Connection], Any]], Any],
    readers: Readers,
    blobs: Blobs,
    now: float,
    among: set[str] | None = None,
) -> Freed:
    """Remove blobs that no row names, of those in ``among`` or of all.

    Args:
        perform: does something with the writing connection, under the file lock.
        readers: to read beside the writer.
        blobs: the folder.
        now: seconds since 1970.
        among: names; None for all.
    """
    candidates = blobs.untouched(now - GRACE_S)
    if among is not None:
        candidates = {name: size for name, size in candidates.items() if name in among}
    if not candidates:
        return Freed()
    last = _spare_named(candidates, readers, blobs)

    def work(link: sqlite3.Connection) -> Freed:
        query = "SELECT data FROM events WHERE id > ?"
        for (data,) in link.execute(query, (last,)):  # committed since it was looked
            for name in names_in(str(data).encode()):
                candidates.pop(name, None)
        return Freed(blobs=len(candidates), blob_bytes=blobs.remove(candidates))

    return perform(work)


def _spare_named(candidates: dict[str, int], readers: Readers, blobs: Blobs) -> int:
    """Take what is named out of the candidates; the place up to which the log was read."""
    last = 0
    for place, data in _all_data(readers):
        last, found = place, names_in(data)
        while found:
            name = found.pop()
            is_content = name in candidates
            candidates.pop(name, None)
            # What stands in a blob can name others.
            if is_content and b'"$blob"' in data:
                found |= names_in(blobs.read(name)) & candidates.keys()
    return last


def _all_data(readers: Readers) -> Iterator[tuple[int, bytes]]:
    after = 0
    while True:
        with readers.read() as link:
            page = link.execute(
                "SELECT id, data FROM events WHERE id > ? ORDER BY id LIMIT 1000", (after,)
            ).fetchall()
        yield from ((place, str(data).encode()) for place, data in page)
        if len(page) < 1000:
            return
        after = page[-1][0]


def names_in(data: bytes) -> set[str]:
    """The names of blobs in some text."""
    return {name.decode() for name in _NAME.findall(data)}
