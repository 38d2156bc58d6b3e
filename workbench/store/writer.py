"""The one thread that writes, with the one connection that can.

Whoever appends puts events on a queue and goes on. The thread takes everything that is there,
commits it as one transaction and then tells each of them: under load many events share the cost
of one sync, and a lone one waits for nothing. Packing happens here too: it keeps the callers'
thread free and the order of rows the order of calls.

A batch can fail as a whole (a lock, a file that was replaced) and the thread goes on with the next
one. What was refused leaves no hole: a later row of the same run is refused too, because its
number does not follow.

Only a full disk is waited for. What could not be stored then is kept, in order, and tried again
until there is room; nobody is told that it failed, because it has not. Whatever was listening is
told that there is no room, and starts nothing new.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from workbench.errors import Fenced, LimitReached, StoreError, StoreFull, WorkbenchError
from workbench.journal.events import Event
from workbench.journal.ledger import Within, refused
from workbench.store import ownership
from workbench.store.blobs import BlobGone, Blobs
from workbench.store.chain import Chain
from workbench.store.connection import FAILURES, translated
from workbench.store.packing import INSERT, Row, blobs_of, pack
from workbench.store.room import OnRoom, Reserve
from workbench.store.states import States
from workbench.store.transactions import Transactions

T = TypeVar("T")
Done = Callable[[BaseException | None], None]

BATCH_APPENDS: Final = 4096
"""The most that share one transaction: bounds how long others wait for the file."""

_BAD_VALUES: Final = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
)
"""What a value of the wrong type in one event raises: the fault of that event alone."""


@dataclass(frozen=True, slots=True)
class _Append:
    events: Sequence[Event]
    done: Done | None
    run_id: str = ""
    """A run whose fence is compared although no row of it is there."""
    within: Within = ()
    """Limits that the one event's reservation has to fit below."""


@dataclass(frozen=True, slots=True)
class _Job:
    """Other work for the writing connection, in a transaction of its own; None only waits."""

    work: Callable[[sqlite3.Connection], Any] | None
    future: Future[Any]
    insists: bool = True
    """Whether rows that wait for room are an error to whoever waits for this."""


class Writer:
    """Owns the connection that writes. Every method may be called from any thread."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, blobs: Blobs, patience_s: float
    ) -> None:
        self._path = path
        self._connection = connection
        self._blobs = blobs
        self._transactions = Transactions(path, connection, patience_s, self._forget)
        self._states = States(connection)
        self._chain = Chain(connection)
        self._claimed: dict[str, ownership.Claimed] = {}
        """What the file says, as last read."""
        self.owned: Mapping[str, int] = {}
        """The epochs this process was given; replaced, never changed: other threads read it."""
        self.confirmed: dict[str, float] = {}
        """When each of them was last found to hold, by the monotonic clock."""
        self._queue: SimpleQueue[_Append | _Job | None] = SimpleQueue()
        self._hands: deque[_Append | _Job] = deque()
        """What the thread took from the queue and has not answered yet."""
        self._unheard: deque[BaseException] = deque()
        self._reserve = Reserve(path)
        self._gone = False
        self._thread = threading.Thread(target=self._live, name="store-writer", daemon=True)
        self._thread.start()

    # For everybody

    def append(self, events: Sequence[Event], done: Done | None, within: Within = ()) -> None:
        """Queue rows; ``done`` is called on the writer thread when they are committed or not."""
        if self._gone:
            raise StoreError(f"{self._path} was closed")
        self._put(_Append(events, done, within=within))

    def confirm(self, run_id: str, done: Done) -> None:
        """Find out whether this process may still write a run, in the order of the rows."""
        self._put(_Append((), done, run_id))

    def perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something else in a transaction, after what was queued before, and wait for it."""
        return self._wait(_Job(work, Future()))

    def watch_room(self, told: OnRoom) -> None:
        """Have ``told`` called on the writer thread when room ends and when it is back."""
        self._reserve.watch(told)

    def catch_up(self) -> None:
        """Wait until everything that can be committed is; what waits for room goes on waiting."""
        self._wait(_Job(None, Future(), insists=False))

    def flush(self) -> None:
        """Wait until everything queued is committed; raises what nobody was told about."""
        self._wait(_Job(None, Future()))
        if self._unheard:
            first = self._unheard.popleft()
            self._unheard.clear()
            raise first

    def own(self, run_id: str, epoch: int) -> None:
        """Write this run's rows only as long as nobody raised its epoch."""
        self.confirmed[run_id] = time.monotonic()
        self.owned = {**self.owned, run_id: epoch}

    def disown(self, run_id: str) -> None:
        """No longer compare this run's epoch."""
        self.owned = {name: epoch for name, epoch in self.owned.items() if name != run_id}
        self.confirmed.pop(run_id, None)

    def close(self) -> None:
        """Commit what is queued, end the thread and close the connection."""
        if not self._gone:
            self._put(None)
        self._thread.join()

    # On the writer thread

    def _live(self) -> None:
        try:
            self._reserve.look()
            while self._drain():
                self._work_off()
        finally:
            # Also when a fault of ours ends the thread: nobody may wait for it in vain.
            self._gone = True
            self._bury(self._hands)
            self._bury_queue()
            self._transactions.close()

    def _drain(self) -> bool:
        """Take what is there, or wait for something; False when it is the end."""
        try:
            item = self._queue.get(timeout=self._reserve.pause_s())
        except Empty:
            return True
        while item is not None:
            self._hands.append(item)
            if len(self._hands) >= BATCH_APPENDS or self._queue.empty():
                return True
            item = self._queue.get()
        self._work_off()
        return False

    def _work_off(self) -> None:
        while self._hands:
            first = self._hands[0]
            if isinstance(first, _Job):
                self._do(first)
                self._hands.popleft()
                continue
            items = takewhile(_is_append, self._hands)
            appends = [item for item in items if isinstance(item, _Append)]
            errors = self._store(appends)
            for _ in errors:
                self._hands.popleft()
            self._tell(zip(appends, errors, strict=False))
            if not errors:
                break
        if self._hands:
            self._keep_waiting()
        else:
            self._reserve.look()

    def _keep_waiting(self) -> None:
        """Rows wait for room: answer the jobs that stand behind them, and keep the rows."""
        jobs = [item for item in self._hands if isinstance(item, _Job)]
        kept = [item for item in self._hands if isinstance(item, _Append)]
        self._hands = deque(kept)
        for job in jobs:
            if job.insists:
                job.future.set_exception(self._reserve.full)
            else:
                job.future.set_result(None)

    def _do(self, job: _Job) -> None:
        try:
            if job.work is None:
                job.future.set_result(None)
                return
            job.future.set_result(self._perform(job.work))
        except (*FAILURES, *_BAD_VALUES) as error:
            job.future.set_exception(translated(error, self._path))

    def _perform(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._transactions.one():
                # A job may change whatever is remembered here.
                self._forget()
                return work(self._connection)
        except FAILURES as error:
            full = translated(error, self._path)
            if isinstance(full, StoreFull) and self._reserve.ran_out(full):
                return self._perform(work)
            raise full from error

    def _store(self, appends: list[_Append]) -> list[BaseException | None]:
        """Commit what can be and say for each what prevented it; what lacks room is left out."""
        try:
            return self._commit(appends)
        except _BAD_VALUES as error:
            if len(appends) > 1:
                return self._one_by_one(appends)
            return [StoreError(f"an event has a value that no row can carry: {error}")]
        except FAILURES as error:
            meaning = translated(error, self._path)
            if not isinstance(meaning, StoreFull):
                return [meaning] * len(appends)
            if self._reserve.ran_out(meaning):
                return self._store(appends)
        # Of many, the first ones may still fit.
        return self._store(appends[: len(appends) // 2]) if len(appends) > 1 else []

    def _one_by_one(self, appends: list[_Append]) -> list[BaseException | None]:
        errors: list[BaseException | None] = []
        for append in appends:
            found = self._store([append])
            if not found:
                break
            errors += found
        return errors

    def _tell(self, told: Iterator[tuple[_Append, BaseException | None]]) -> None:
        try:
            for append, error in told:
                if append.done is not None:
                    # The loop that wanted to know may be closed; what is stored is stored.
                    with suppress(RuntimeError):
                        append.done(error)
                elif error is not None:
                    self._unheard.append(error)
        finally:
            # One listener's fault ends this thread, and the others still hear the truth.
            left = list(told)
            if left:
                self._tell(iter(left))

    def _commit(self, appends: list[_Append]) -> list[BaseException | None]:
        while True:
            # A blob that was cleaned up before its row came is written again.
            with suppress(BlobGone):
                return self._commit_once(appends)

    def _commit_once(self, appends: list[_Append]) -> list[BaseException | None]:
        """One transaction; what cannot be stored is left out of it and its error returned."""
        packed = self._pack_all(appends)
        errors: list[BaseException | None] = []
        with self._transactions.one():
            rows: list[Row] = []
            for append, found in zip(appends, packed, strict=False):
                error = found if isinstance(found, WorkbenchError) else self._refusal(append)
                events = append.events
                if error is None and append.within:
                    error = self._states.days.refusal(events[0], append.within)
                    if error is not None:
                        events = [refused(events[0], error)]
                errors.append(error)
                if error is None and not isinstance(found, WorkbenchError):
                    rows += found
                elif isinstance(error, LimitReached):
                    rows += [pack(event, self._blobs) for event in events]
                else:
                    continue
                self._states.take(events)
            self._blobs.check(blobs_of(rows))
            self._connection.executemany(INSERT, rows)
            self._chain.take(rows)
            self._states.write()
        return errors

    def _pack_all(self, appends: list[_Append]) -> list[list[Row] | WorkbenchError]:
        """The rows of each; fewer than there are appends when a blob found no room."""
        packed: list[list[Row] | WorkbenchError] = []
        for append in appends:
            found = self._pack(append.events)
            if isinstance(found, StoreFull):
                if not packed:
                    raise found
                break
            packed.append(found)
        return packed

    def _pack(self, events: Sequence[Event]) -> list[Row] | WorkbenchError:
        try:
            return [pack(event, self._blobs) for event in events]
        except (WorkbenchError, OSError) as error:
            return translated(error, self._path)

    def _refusal(self, append: _Append) -> StoreError | None:
        try:
            if self.owned:
                named = {append.run_id} if append.run_id else set[str]()
                self._check_fences({event.run_id for event in append.events} | named)
            self._states.check(append.events)
        except StoreError as error:
            return error
        return None

    def _check_fences(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            owned = self.owned.get(run_id)
            if owned is None:
                continue
            if run_id not in self._claimed:
                self._claimed[run_id] = ownership.claimed(self._connection, run_id)
            if self._claimed[run_id].epoch != owned:
                raise fenced(run_id, self._claimed[run_id])
            self.confirmed[run_id] = time.monotonic()

    def _forget(self) -> None:
        self._states.forget()
        self._chain.forget()
        self._claimed.clear()

    # Queue and end

    def _put(self, item: _Append | _Job | None) -> None:
        self._queue.put(item)
        if self._gone:
            self._bury_queue()

    def _wait(self, job: _Job) -> Any:
        if threading.current_thread() is self._thread:
            raise StoreError("the writer cannot wait for itself: do this outside of a callback")
        self._put(job)
        return job.future.result()

    def _bury_queue(self) -> None:
        with suppress(Empty):
            while True:
                item = self._queue.get_nowait()
                self._bury([] if item is None else [item])

    def _bury(self, items: Iterable[_Append | _Job]) -> None:
        """Answer what will never be worked off."""
        error = self._reserve.full or StoreError(f"{self._path} was closed")
        for item in items:
            if isinstance(item, _Append):
                self._tell(iter([(item, error)]))
            else:
                item.future.set_exception(error)


def fenced(run_id: str, by: ownership.Claimed) -> Fenced:
    """The refusal to go on writing a run that another process was given."""
    return Fenced(
        f"run {run_id} was taken over by {by.name}: what this process did since is not recorded",
        hint=f"Follow it with: kaizen-tui follow {run_id}",
        run_id=run_id,
        pid=by.pid,
    )


def _is_append(item: _Append | _Job) -> bool:
    return isinstance(item, _Append)
