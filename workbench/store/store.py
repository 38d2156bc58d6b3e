"""The store: one SQLite file of runs, with its one writer, its readers and its locks.

Everything else in this folder is a part of it. `memory.MemoryStore` has the same methods, is what
a run without a file uses, and says in a few lines what they mean; one set of tests runs over both.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Final

from workbench.errors import StoreError, StoreFull
from workbench.journal.events import Event
from workbench.journal.ledger import Dues, Within
from workbench.store import asked, days, deleting, opening, queries, states, workspace
from workbench.store.audited import Audit
from workbench.store.blobs import Blobs
from workbench.store.connection import Readers, Synchronous
from workbench.store.deleting import Freed
from workbench.store.presence import Presence
from workbench.store.projection import RunRow, UsageRow, seen, total
from workbench.store.remembered import Remembered
from workbench.store.room import Ballast, OnRoom, free_bytes, total_bytes
from workbench.store.shared import Shared
from workbench.store.unclean import first_fault
from workbench.store.workspace import Kind
from workbench.store.writer import Done, Writer
from workbench.values import Json

PATIENCE_S: Final = 10.0
"""How long to wait for another program that writes, before that is an error."""


_UNPIN: Final = "DELETE FROM pinned WHERE run_id = ?1 AND ?2"


class Store:
    """An open database. Methods may be called from any thread, but not from a `done` callback."""

    def __init__(
        self,
        path: Path,
        readers: Readers,
        blobs: Blobs,
        writer: Writer | None,
        presence: Presence | None,
    ) -> None:
        self.path = path
        self._presence = presence
        self.blobs = blobs
        """Where big payloads are; other rooms keep contents of files here too."""
        self._readers = readers
        self._writer = writer
        self.shared = Shared(path, readers, writer)
        """Who drives what, and what processes ask of each other."""
        self.audit = Audit(readers, writer)
        """Every decision that matters, in a chain of hashes."""
        self.memory = Remembered(readers.read, lambda work: self._write().perform(work))
        """What the runs of the workspace remember."""

    @staticmethod
    def open(
        path: Path,
        *,
        synchronous: Synchronous = "FULL",
        readonly: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> Store:
        """Open a database, making it (private to the user) when there is none.

        Args:
            path: the file. Blobs and locks stand in folders beside it.
            synchronous: FULL survives a power cut; NORMAL only a crash of the process.
            readonly: only read; also a file that a later version wrote.
            patience_s: how long to wait for another program that writes.

        Raises:
            StoreNewer: a later version wrote it (not when ``readonly``).
            StoreForeign: it is another program's database.
            StoreDamaged: it is not a database, or parts of it cannot be read.
            StoreError: it is locked, or not ours to read or write.
        """
        path = Path(os.path.abspath(path))  # noqa: PTH100  absolute, and links stay links
        opened = partial(_opened, path, synchronous, readonly=readonly, patience_s=patience_s)
        try:
            return opened()
        except StoreFull:
            # Even looking needs a few pages beside the file.
            if not Ballast(path).give_up():
                raise
            return opened()

    def append(
        self, events: Sequence[Event], done: Done | None = None, within: Within = ()
    ) -> None:
        """Queue rows and return at once; the order of calls is the order of rows.

        They are stored together or not at all. ``done`` is called on the writer thread, after
        their commit with None, or with the error that prevented it; it must be quick. An error
        that has no ``done`` to go to is raised by the next `flush` or `close`.

        With ``within`` there is one event, an intent whose reservation has to fit below these
        limits when it is written. If it does not, `ledger.refused` is the row that is stored, and
        ``done`` gets the LimitReached that it tells of.
        """
        self._write().append(events, done, within)

    def flush(self) -> None:
        """Wait until everything that was appended is committed."""
        if self._writer is not None:
            self._writer.flush()

    def catch_up(self) -> None:
        """Wait until all that can be committed is: what is short of room is waited for by itself.

        For whoever wants to look. `flush` raises StoreFull then, because it promises more.
        """
        if self._writer is not None:
            self._writer.catch_up()

    def watch_room(self, told: OnRoom) -> None:
        """Have ``told`` called, on another thread, when room ends and when it is back."""
        if self._writer is not None:
            self._writer.watch_room(told)

    def short_of(self, least_bytes: int) -> str:
        """That the disk has less free than this, as a sentence's beginning; empty if it has.

        A small disk needs only a tenth of itself.
        """
        free = free_bytes(self.path.parent)
        least = min(least_bytes, total_bytes(self.path.parent) // 10)
        if free >= least:
            return ""
        return (
            f"the disk of {self.path} has {free // 2**20} MiB left, "
            f"and at least {least // 2**20} are needed (min_free_mib)"
        )

    def close(self) -> None:
        """Commit what is queued, let every claimed run go, and close the file."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.flush()
        finally:
            self._readers.close()
            if writer is not None:
                writer.close()
            self.shared.close()
            presence, self._presence = self._presence, None
            if presence is not None:
                presence.leave()

    def rows(
        self,
        run_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] | None = None,
    ) -> Iterator[Event]:
        """The rows of a run and, before its cut, those of its parents, in order of ``seq``.

        A parent's rows keep the parent's ``run_id``. Only committed rows are seen.

        Raises:
            UnknownName: there is no such run.
            StoreDamaged: while iterating, when a row or its blob cannot be read.
        """
        line = queries.line(self._readers, run_id, queries.END if upto is None else upto)
        return queries.rows(self._readers, self.blobs, line, after, kinds)

    def tail(self, after: int = 0, *, limit: int = queries.PAGE_ROWS) -> list[tuple[int, Event]]:
        """Rows of all runs in order of commit, each with its place: go on after the last one."""
        return queries.tail(self._readers, self.blobs, after, limit)

    def last_place(self) -> int:
        """Where `tail` would go on to see only what is still to come."""
        return queries.last_place(self._readers)

    def run(self, run_id_or_prefix: str) -> RunRow:
        """One run, by its id or the beginning of it.

        Raises:
            UnknownName: no run is called so.
            UsageError: several are; lists them.
        """
        return self._seen(queries.find_run(self._readers, run_id_or_prefix))

    def runs(self, *, limit: int = 100, search: str = "", session: str = "") -> list[RunRow]:
        """Runs, newest first; ``search`` looks into id, title, pattern, status, model, result."""
        return [self._seen(row) for row in queries.runs(self._readers, limit, search, session)]

    def _seen(self, row: RunRow) -> RunRow:
        return seen(row, self.owner(row.run_id)) if row.status == "running" else row

    def count_runs(self) -> int:
        """How many runs there are."""
        with self._readers.read() as link:
            return int(link.execute("SELECT count(*) FROM run_states").fetchone()[0])

    def first_fault(self, limit_s: float) -> str:
        """What is wrong with the pages of the file; empty if nothing was found in time."""
        with self._readers.read() as link:
            return first_fault(link, limit_s)

    def children(self, run_id: str) -> list[RunRow]:
        """The forks of a run, newest first."""
        return queries.children(self._readers, run_id)

    def checkpoints(self, run_id: str) -> list[Event]:
        """The checkpoints one can go back to from a run, its parents' included."""
        return list(self.rows(run_id, kinds={"checkpoint.taken"}))

    def checkpoint(self, run_id: str, name: str) -> Event | None:
        """The newest checkpoint of that name among them; costs the same however many there are."""
        line = queries.line(self._readers, run_id, queries.END)
        return queries.checkpoint(self._readers, self.blobs, line, name)

    def changed_since(self, run_id: str, seq: int) -> list[Event]:
        """The ``file.changed`` rows of all runs that were committed after a row, in order.

        Raises:
            UnknownName: the run itself has no such row.
        """
        return queries.changed_since(self._readers, self.blobs, run_id, seq)

    def snapshot_trees(self) -> set[str]:
        """The snapshots of folders that rows name."""
        return queries.snapshot_trees(self._readers)

    def family(self, run_id: str) -> list[RunRow]:
        """Every run of the tree that a run belongs to, in the order of their beginnings."""
        return [self._seen(row) for row in queries.family(self._readers, run_id)]

    def family_rows(self, run_id: str, kinds: Sequence[str]) -> list[Event]:
        """The own rows, of kinds that are looked up by kind, of every run of a tree."""
        return queries.family_rows(self._readers, self.blobs, run_id, kinds)

    def usage(self, run_id: str) -> UsageRow:
        """What a run itself spent; zeros when there is no such run."""
        return total(queries.spent(self._readers, run_id))

    def approvals(
        self, run_id: str = "", *, before: int = queries.END, limit: int = queries.PAGE_ROWS
    ) -> list[tuple[int, Event]]:
        """Rows about approvals, of one run (without parents) or of all, newest first.

        Each has the number of its audit entry; those before ``before`` are the next page. Of runs
        that were deleted there is what the audit keeps; see `workbench.journal.approvals.left_of`.
        """
        return asked.approvals(self._readers, self.blobs, run_id, before, limit)

    def dues(self, day: str) -> Dues:
        """What was used and is reserved on a day (UTC), by agent over all runs."""
        with self._readers.read() as link:
            return days.dues(link, day)

    def last_seq(self, run_id: str) -> int:
        """The newest row's number; 0 when there is no such run."""
        return queries.last_seq(self._readers, run_id)

    def take_in(self, events: Iterator[Event]) -> None:
        """Store whole runs from elsewhere, in one transaction; waits until that is committed.

        Rows are read as they are stored, so their number does not matter. Nothing else is written
        meanwhile, and nothing is kept when one of them is refused or reading them fails.
        """
        now = time.time()
        self._write().perform(lambda link: states.take_in(link, self.blobs, events, now))

    def delete_runs(
        self, run_ids: Sequence[str], *, by: str = "user", sweeps: bool = True
    ) -> Freed:
        """Delete whole runs: the only way in which rows leave the log. Leaves tombstones.

        Args:
            run_ids: whole ids; a run goes with its forks or not at all.
            by: who wants it.
            sweeps: also remove the blobs that only these runs named.

        Raises:
            UnknownName: there is no such run.
            RunOwned: somebody drives one of them.
            UsageError: one is pinned, or has a fork that is not among them.
        """
        for run_id in run_ids:
            self.run(run_id)
        with self._readers.read() as link:
            named = deleting.named_by(link, run_ids) if sweeps else set[str]()
        with self.shared.undriven(run_ids):
            now = time.time()
            freed = self._write().perform(lambda link: deleting.delete(link, run_ids, by, now))
        if named:
            freed.add(self._swept(named))
        return freed

    def sweep_blobs(self) -> Freed:
        """Remove every blob that no row names and nobody touched for a while."""
        return self._swept(None)

    def _swept(self, among: set[str] | None) -> Freed:
        perform = self._write().perform
        return deleting.sweep(perform, self._readers, self.blobs, time.time(), among)

    def sizes(self) -> dict[str, int]:
        """The bytes of each run; goes through all rows."""
        with self._readers.read() as link:
            return deleting.sizes(link)

    def pinned(self) -> set[str]:
        """Runs that are never deleted."""
        with self._readers.read() as link:
            return {run_id for (run_id,) in link.execute("SELECT run_id FROM pinned")}

    def pin(self, run_id: str, *, pinned: bool = True) -> None:
        """Have a run never deleted, or let it go again."""
        put = "INSERT OR IGNORE INTO pinned VALUES (?1, ?2)" if pinned else _UNPIN
        at = time.time()
        self._write().perform(lambda link: link.execute(put, (run_id, at)))

    def rebuild(self) -> None:
        """Compute the runs and their spending anew from the log."""
        self._write().perform(lambda link: states.rebuild(link, self.blobs))

    def catalogue(self, kind: Kind, entries: Sequence[Mapping[str, Any]]) -> None:
        """Say what there is of a kind now; it replaces what was said before.

        An entry has ``name`` and may have ``version source_digest parameters origin doc``.
        """
        full = workspace.read_entries(entries, time.time())
        self._write().perform(lambda link: workspace.replace_catalogue(link, kind, full))

    def catalogued(self, kind: Kind) -> list[dict[str, Any]]:
        """What there was of a kind when last said, by name."""
        with self._readers.read() as link:
            return workspace.catalogued(link, kind)

    def get_setting(self, key: str) -> Json:
        """A value kept for the workspace, None when there is none."""
        with self._readers.read() as link:
            return workspace.read_setting(link, key)

    def set_setting(self, key: str, value: Json) -> None:
        """Keep a value for the workspace; durable when this returns."""
        at = time.time()
        self._write().perform(lambda link: workspace.write_setting(link, key, value, at))

    def claim(self, run_id: str, *, take_over: bool = False) -> int:
        """Become the one who drives a run; see `Shared.claim`. Raises RunOwned."""
        return self.shared.claim(run_id, take_over=take_over)

    def release(self, run_id: str) -> None:
        """Let a run go; nothing happens when it was not claimed. See `Shared.release`."""
        self.shared.release(run_id)

    def owner(self, run_id: str) -> int | None:
        """The pid of the process that drives a run now (0 if it has not said), or None."""
        found = self.shared.driver(run_id)
        return None if found is None else found.pid

    def _write(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"{self.path} is not open for writing")
        return self._writer


def _opened(path: Path, synchronous: Synchronous, *, readonly: bool, patience_s: float) -> Store:
    if readonly and not path.exists():
        raise StoreError(f"there is no database at {path}")
    if not readonly:
        opening.prepare(path)
    presence = opening.join(path, patience_s, readonly=readonly)
    with ExitStack() as undo:
        if presence is not None:
            undo.callback(presence.leave)
        readers, blobs = Readers(path, patience_s), Blobs(path.parent / "blobs")
        writer = None
        if readonly:
            opening.for_reading(path, readers)
        else:
            link = opening.for_writing(path, synchronous, patience_s)
            writer = Writer(path, link, blobs, patience_s)
        undo.pop_all()
    return Store(path, readers, blobs, writer, presence)
