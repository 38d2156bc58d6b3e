"""One writer at a time in a working copy: in this process in the order of asking, and beyond it.

A kernel lock on a file in the state folder says which process writes; it goes with the process,
however that dies, and its file says who holds it and for what. Waiting for it blocks a thread
that does nothing else, so nothing is polled and the loop turns; within one process whoever waits
stands in a line.

Whoever holds a turn and performs something that needs the same folder again passes: code inside
the same call (a context variable), and a process that the holder has started (its ancestors are
looked up), since that one waits for this one.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, cast

from workbench.errors import StoreError
from workbench.values import digest

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST: Final = 64


class Turn:
    """A turn that is held; once it is over, nothing passes by it any more."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.is_over = False

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

    def __init__(self, locks: Path) -> None:
        self._locks = locks
        self._holders: dict[str, Mapping[str, Any]] = {}
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(
        self, folder: str, who: Mapping[str, Any], told: Callable[[Mapping[str, Any]], None]
    ) -> AsyncGenerator[Turn]:
        """Be the only one who writes in a folder while this is entered.

        Args:
            folder: its real path.
            who: for whoever waits: ``run_id``, ``key``, ``name``.
            told: called with whom this waits for, when it has to.
        """
        turn = Turn(folder)
        if any(held.folder == folder and not held.is_over for held in _WITHIN.get()):
            yield turn
            return
        await self._stand_in_line(folder, told)
        self._holders[folder] = who
        try:
            descriptor = await self._locked(folder, told)
            try:
                _write(descriptor, {**who, "pid": os.getpid()})
                yield turn
            finally:
                turn.is_over = True
                _let_go(descriptor)
        finally:
            self._next(folder)

    def holder(self, folder: str) -> Mapping[str, Any] | None:
        """Who writes there now, of this process or another, or None."""
        if folder in self._holders:
            return self._holders[folder]
        try:
            descriptor = os.open(self._path(folder), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return None if _lock_now(descriptor) else _read(descriptor)
        finally:
            os.close(descriptor)

    async def _stand_in_line(self, folder: str, told: Callable[[Mapping[str, Any]], None]) -> None:
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

    async def _locked(self, folder: str, told: Callable[[Mapping[str, Any]], None]) -> int | None:
        """The descriptor that holds the kernel lock; None when an ancestor holds it for us."""
        try:
            self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path(folder), _FLAGS, 0o600)
        except OSError as error:
            raise StoreError(f"the lock of {folder} cannot be made: {error.strerror}") from error
        if _lock_now(descriptor):
            return descriptor
        found = _read(descriptor)
        if _is_ancestor(int(found.get("pid") or 0)):
            os.close(descriptor)
            return None
        told(found)
        return await _blocked(descriptor)

    def _path(self, folder: str) -> Path:
        return self._locks / f"copy-{digest(os.fsencode(folder), 12)}.lock"


async def _blocked(descriptor: int) -> int:
    """Wait for a lock in a thread of its own; whoever gives up leaves the thread to clear up."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    guard = threading.Lock()
    state = {"locked": False, "given_up": False}

    def wait() -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with guard:
            state["locked"] = True
            if not state["given_up"]:
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    loop.call_soon_threadsafe(_arrive, arrived)
                    return
        os.close(descriptor)

    threading.Thread(target=wait, name="turn", daemon=True).start()
    try:
        await arrived
    except asyncio.CancelledError:
        with guard:
            state["given_up"] = True
            locked = state["locked"]
        if locked:
            os.close(descriptor)
        raise
    return descriptor


def _arrive(arrived: asyncio.Future[None]) -> None:
    if not arrived.done():
        arrived.set_result(None)


def _lock_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(descriptor: int | None, who: Mapping[str, Any]) -> None:
    if descriptor is not None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(who).encode(), 0)


def _read(descriptor: int) -> Mapping[str, Any]:
    try:
        found: Any = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _let_go(descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
        os.close(descriptor)


def _is_ancestor(pid: int) -> bool:
    """Whether a process started this one, or one of those that did. Linux only."""
    here = os.getppid()
    for _ in range(_DEEPEST):
        if here == pid and pid > 1:
            return True
        if here <= 1:
            return False
        try:
            status = Path(f"/proc/{here}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        here = int(status.rpartition(")")[2].split()[1])
    return False
