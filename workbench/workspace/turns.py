"""One writer at a time in a working copy: in this process in the order of asking, and beyond it.

A kernel lock on a file in the state folder says which process writes; see `folder_lock` for how
it is waited for, and taken from a process that was stopped and has lost its run. Within one
process whoever waits stands in a line.

Whoever holds a turn and performs something that needs the same folder again passes: code inside
the same call (a context variable), and a process that the holder has started (its ancestors are
looked up), since that one waits for this one.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path

from workbench.errors import Fenced
from workbench.values import digest
from workbench.workspace import folder_lock
from workbench.workspace.folder_lock import FolderLock, Holder, Lost, has_lost, signed


def nobody_lost(run_id: str, pid: int, host: str) -> bool:
    """Where there is one process only."""
    del run_id, pid, host
    return False


class Turn:
    """A turn that is held; once it is over, nothing passes by it any more."""

    def __init__(self, folder: str, who: Holder, lock: FolderLock | None, lost: Lost) -> None:
        self.folder = folder
        self.is_over = False
        self._who, self._lock, self._lost = who, lock, lost

    def check(self) -> None:
        """Look, before a file takes its name, whether it still may. Blocks; from any thread.

        Raises:
            Fenced: the run, or the turn with it, was given to another process.
        """
        is_ours = self._lock is None or self._lock.is_ours
        if not is_ours or has_lost(signed(self._who), self._lost):
            raise Fenced(
                f"run {self._who.get('run_id')} was taken over by another process while this one "
                f"was writing in {self.folder}: nothing is written"
            )

    def note(self, temporary: str) -> None:
        """Say which file is about to be made, for whoever may have to take it away."""
        if self._lock is not None:
            self._lock.note(temporary)

    @contextmanager
    def within(self) -> Generator[None]:
        """What runs in here, and what that starts, needs no turn of its own in this folder."""
        token = _WITHIN.set((*_WITHIN.get(), self))
        try:
            yield
        finally:
            _WITHIN.reset(token)


_WITHIN: ContextVar[tuple[Turn, ...]] = ContextVar("_WITHIN", default=())


class Turns:
    """The turns of all working copies, for one workbench. Lives on its loop."""

    def __init__(self, locks: Path, lost: Lost = nobody_lost) -> None:
        self._locks, self._lost = locks, lost
        self._holders: dict[str, Holder] = {}
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(
        self, folder: str, who: Holder, told: Callable[[Holder], None]
    ) -> AsyncGenerator[Turn]:
        """Be the only one who writes in a folder while this is entered.

        Args:
            folder: its real path.
            who: for whoever waits: ``run_id``, ``key``, ``name``.
            told: called with whom this waits for, when it has to.
        """
        for held in _WITHIN.get():
            if held.folder == folder and not held.is_over:
                yield held
                return
        await self._stand_in_line(folder, told)
        self._holders[folder] = who
        try:
            lock = await folder_lock.take(self._path(folder), self._lost, told)
            turn = Turn(folder, who, lock, self._lost)
            try:
                if lock is not None:
                    lock.sign(who)
                yield turn
            finally:
                turn.is_over = True
                if lock is not None:
                    lock.release()
        finally:
            self._next(folder)

    def holder(self, folder: str) -> Holder | None:
        """Who writes there now, of this process or another, or None."""
        return self._holders.get(folder) or folder_lock.holder(self._path(folder))

    async def _stand_in_line(self, folder: str, told: Callable[[Holder], None]) -> None:
        if folder not in self._holders:
            return
        told(self._holders[folder])
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(folder, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next(folder)  # it was handed over just now: on to the next
            raise

    def _next(self, folder: str) -> None:
        """Hand the turn on: the folder stays held, by whoever is next, or is free."""
        line = self._lines.get(folder, deque())
        while line:
            future = line.popleft()
            if not future.done():
                future.set_result(None)
                return
        self._lines.pop(folder, None)
        self._holders.pop(folder, None)

    def _path(self, folder: str) -> Path:
        return self._locks / f"copy-{digest(os.fsencode(folder), 12)}.lock"
