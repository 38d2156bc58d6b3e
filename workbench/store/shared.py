"""What the processes on one database have with each other: who drives what, and what they ask.

`ownership` has the locks and epochs, `bell` how one wakes another, `requests` the table; here they
are put together for one process. Methods may be called from any thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from workbench.errors import Fenced, StoreError, StoreFull
from workbench.journal.requests import LEASE_S, Owner, Request
from workbench.store import ownership, queries, requests
from workbench.store.bell import Bell, ring, sweep
from workbench.store.connection import Readers, Watch, translated
from workbench.store.ownership import RunLock
from workbench.store.requests import Settled
from workbench.store.states import read_only
from workbench.store.writer import Done, Writer, fenced


class Shared:
    """One process's part in a database: the runs it has claimed, its bell, its requests."""

    def __init__(self, path: Path, readers: Readers, writer: Writer | None) -> None:
        self._path, self._readers, self._writer = path, readers, writer
        self._folder = ownership.locks_of(path)
        self._locks: dict[str, RunLock] = {}
        self._bell: Bell | None = None

    def close(self) -> None:
        """Let go of everything that was claimed."""
        self._writer = None
        while self._locks:
            self._locks.popitem()[1].release()
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.take_down()

    def claim(self, run_id: str, *, take_over: bool = False) -> int:
        """Become the one who drives a run; returns the epoch that its rows are checked against.

        A free lock is taken at once, and so is that of an owner that was stopped and has given no
        sign of life for `SILENT_S`.

        Args:
            run_id: the run; it need not have rows yet.
            take_over: also when a living process holds it, which is fenced by that.

        Raises:
            RunOwned: somebody holds it, this process included; names the pid.
            StoreDamaged: rows of it were lost.
        """
        lost = queries.losses(self._readers)
        if run_id in lost:
            raise read_only(run_id, lost[run_id])
        if take_over:
            self.release(run_id)
        owner = self.driver(run_id)
        try:
            over = owner is not None and (take_over or owner.is_given_up)
            epoch = self._claim_over(run_id) if over else self._claim(run_id)
        except OSError as error:
            raise translated(error, self._path) from error
        if owner is not None:
            ring(self._folder, owner.bell)  # should it wake, it finds out at once
        return epoch

    def _claim(self, run_id: str) -> int:
        lock = RunLock.take(self._folder, run_id, bell=self._hung_up())
        with ExitStack() as undo:
            undo.callback(lock.release)
            epoch = self._write().perform(
                lambda link: ownership.raise_epoch(link, run_id, time.time())
            )
            undo.pop_all()
        return self._owns(run_id, epoch, lock)

    def _claim_over(self, run_id: str) -> int:
        """Fence the owner and put a new lock in place of its own, in one transaction."""
        lock = RunLock.beside(self._folder, run_id, bell=self._hung_up())

        def work(link: sqlite3.Connection) -> int:
            epoch = ownership.raise_epoch(link, run_id, time.time())
            lock.put_in_place()
            return epoch

        with ExitStack() as undo:
            undo.callback(lock.release)
            epoch = self._write().perform(work)
            undo.pop_all()
        return self._owns(run_id, epoch, lock)

    def _owns(self, run_id: str, epoch: int, lock: RunLock) -> int:
        self._write().own(run_id, epoch)
        self._locks[run_id] = lock
        return epoch

    def release(self, run_id: str) -> None:
        """Let a run go; nothing happens when it was not claimed.

        Raises:
            StoreFull: rows wait for room. They are still ours to record, so the run is kept.
        """
        if run_id not in self._locks:
            return
        with ExitStack() as last:
            last.callback(self._let_go, run_id)
            try:
                # Whoever takes the run next must find all of its rows.
                self._write().flush()
            except StoreFull:
                last.pop_all()
                raise

    def _let_go(self, run_id: str) -> None:
        self._write().disown(run_id)
        self._locks.pop(run_id).release()

    @contextmanager
    def undriven(self, run_ids: Sequence[str]) -> Generator[None]:
        """Have nobody drive some runs, ourselves included. Raises RunOwned when somebody does."""
        with ExitStack() as locks:
            for run_id in run_ids:
                locks.callback(RunLock.take(self._folder, run_id, bell="").release)
            yield

    def driver(self, run_id: str) -> Owner | None:
        """The process that drives a run now, or None."""
        return ownership.driver(self._folder, run_id)

    def left_by(self, run_id: str) -> str:
        """The process that was given the run last, by name; empty if nobody ever was."""
        with self._readers.read() as link:
            found = ownership.claimed(link, run_id)
        return found.name if found.pid else ""

    def has_lost(self, run_id: str, pid: int, host: str) -> bool:
        """Whether a process that drove a run was fenced by another one."""
        with self._readers.read() as link:
            found = ownership.claimed(link, run_id)
        return bool(found.pid) and (found.pid, found.host) != (pid, host)

    def stale_locks(self) -> list[str]:
        """The runs whose lock files killed processes left: harmless, they go at the next resume."""
        return ownership.stale_locks(self._folder)

    def beat(self) -> list[Fenced]:
        """Give a sign of life for what is claimed; says what others have taken over meanwhile."""
        for lock in list(self._locks.values()):
            lock.keep()
        writer, lost = self._write(), list[Fenced]()
        owned = writer.owned
        with self._readers.read() as link:
            for run_id, epoch in owned.items():
                found = ownership.claimed(link, run_id)
                if found.epoch != epoch:
                    lost.append(fenced(run_id, found))
                elif run_id in writer.confirmed:
                    writer.confirmed[run_id] = time.monotonic()
        return lost

    def is_surely_ours(self, run_id: str) -> bool:
        """Whether a claimed run was confirmed within the last `LEASE_S`. From memory."""
        writer = self._writer
        at = writer.confirmed.get(run_id) if writer is not None else None
        return at is None or time.monotonic() - at < LEASE_S

    def confirm(self, run_id: str, done: Done) -> None:
        """Find out whether a claimed run is still ours; ``done`` gets None or `Fenced`."""
        self._write().confirm(run_id, done)

    @property
    def bell(self) -> Bell | None:
        """What other processes wake this one with, once it has claimed anything."""
        return self._bell

    def _hung_up(self) -> str:
        """The name of this process's bell; empty where there can be none."""
        if self._bell is None:
            with suppress(OSError):
                self._bell = Bell(self._folder)
                sweep(self._folder)
        return self._bell.name if self._bell is not None else ""

    def ask(self, request: Request) -> None:
        """Add a request and wake the run's owner; durable when this returns.

        It is a short transaction of its own, so it works while the owner is busy.
        """
        self._write().perform(lambda link: requests.add(link, request))
        owner = self.driver(request.run_id)
        if owner is not None:
            ring(self._folder, owner.bell)

    def open_requests(self) -> list[Request]:
        """What waits to be taken up, over all runs, oldest first."""
        with self._readers.read() as link:
            return requests.still_open(link)

    def request(self, request_id: str) -> Request | None:
        """One request with what became of it; None when it is long gone."""
        with self._readers.read() as link:
            return requests.find(link, request_id)

    def settle(self, settled: Sequence[Settled]) -> None:
        """Say what became of requests, after everything that was appended before."""
        self._write().perform(lambda link: requests.settle(link, settled, time.time()))

    def watch(self) -> Watch:
        """Something that says whether anybody has committed since it was last asked."""
        return Watch(self._path)

    def _write(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"{self._path} is not open for writing")
        return self._writer
