"""A run's rows on their way out and back: appended in order, delivered in order.

Rule: a row is delivered only when every row before it was. One that must be safe first (an
outcome) waits for its commit; one that need not (the time, a scope's start) is ready at once, and
still stands in line. So what a workflow saw is always a beginning of what the log holds.

This is the log's door: known secrets are taken out here, before a row is recorded and before
anybody sees it (`workbench.redaction`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from workbench.errors import LimitReached
from workbench.journal.events import Event
from workbench.journal.ledger import Within, refused
from workbench.run.world import Acks, World

_AT_ONCE = 256


class _Entry:
    __slots__ = ("error", "future", "handed_over", "ready", "row")

    def __init__(self, row: Event, ready: bool) -> None:
        self.row = row
        self.ready = ready
        self.handed_over = False
        self.error: BaseException | None = None
        self.future: asyncio.Future[None] | None = None


class Rows:
    """The line of rows of one run."""

    def __init__(
        self,
        run_id: str,
        world: World,
        acks: Acks,
        deliver: Callable[[Event], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self.run_id = run_id
        self.seq = 0
        """Of the newest row appended."""
        self._world, self._acks = world, acks
        self._deliver, self._failed = deliver, failed
        self.checkpoint_after: Callable[[Event], str] = lambda _row: ""
        """The name of the checkpoint that is due after a row, or the empty string."""
        self._line: deque[_Entry] = deque()
        self._delivering = False
        self._once: dict[int, Callable[[], object]] = {}

    def once_delivered(self, seq: int, act: Callable[[], object]) -> None:
        """Have something done when a row is delivered, or it is certain that it never will be."""
        self._once[seq] = act

    def let_go(self) -> None:
        """No more rows are delivered."""
        left, self._once = self._once, {}
        for act in left.values():
            act()

    @property
    def is_quiet(self) -> bool:
        """Whether every row was delivered."""
        return not self._line

    @property
    def waiting(self) -> int:
        """How many rows are not delivered."""
        return len(self._line)

    def append(self, kind: str, key: str, data: dict[str, Any], *, safe: bool = False) -> Event:
        """Add a row; with ``safe`` it is delivered only once it is committed."""
        return self._append(kind, key, data, safe).row

    async def commit(self, kind: str, key: str, data: dict[str, Any], within: Within = ()) -> Event:
        """Add a row and wait until it, and so everything before it, is committed.

        Raises LimitReached for an intent that does not fit ``within`` its limits: then what
        `workbench.journal.ledger.refused` makes of it is the row.
        """
        entry = self._append(kind, key, data, safe=True, within=within)
        if not entry.handed_over:
            entry.future = asyncio.get_running_loop().create_future()
            await asyncio.shield(entry.future)
        if entry.error is not None:
            raise entry.error
        return entry.row

    def _append(
        self, kind: str, key: str, data: dict[str, Any], safe: bool, within: Within = ()
    ) -> _Entry:
        entry = self._queue(kind, key, data, safe, within)
        # Before anything is delivered: a checkpoint stands right behind what it is about.
        if due := self.checkpoint_after(entry.row):
            self._queue("checkpoint.taken", key, {"name": due, "by": "rule"}, safe=False)
        self._drain()
        return entry

    def _queue(
        self, kind: str, key: str, data: dict[str, Any], safe: bool, within: Within = ()
    ) -> _Entry:
        self.seq += 1
        world = self._world
        recorded = world.redaction.value(data)
        row = Event(self.run_id, self.seq, world.clock(), kind, key, recorded)
        entry = _Entry(row, ready=not safe)
        self._line.append(entry)
        acks = self._acks

        def done(error: BaseException | None) -> None:
            if error is None and not safe:
                return
            if acks.is_here():
                self._acked(entry, error)
            else:
                acks.put(lambda: self._acked(entry, error))

        world.log.append((row,), done, within)
        return entry

    def _acked(self, entry: _Entry, error: BaseException | None) -> None:
        entry.ready, entry.error = True, error
        if isinstance(error, LimitReached):
            entry.row = refused(entry.row, error)
        self._drain()

    def _drain(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            for _ in range(_AT_ONCE):
                if not self._line or not self._line[0].ready:
                    return
                self._hand_over(self._line.popleft())
        finally:
            self._delivering = False
        # A workflow that only asks for instant things must not keep the loop from turning.
        asyncio.get_running_loop().call_soon(self._drain)

    def _hand_over(self, entry: _Entry) -> None:
        entry.handed_over = True
        if entry.error is not None and not isinstance(entry.error, LimitReached):
            self._failed(entry.error)
        else:
            if self._once and (act := self._once.pop(entry.row.seq, None)) is not None:
                act()
            self._deliver(entry.row)
        if entry.future is not None and not entry.future.done():
            entry.future.set_result(None)
