"""The kernel lock of a working copy: taken, waited for, and taken from who may not write any more.

The lock is on a file's inode and goes with its process, however that dies. A process that is
stopped keeps it, though. So once that one's run was given to another process, whoever waits puts
a new file in the lock's place: the old one locks what has no name any more, and its `is_ours` is
false from then on.

A stopped process may stand between its last look and its rename. So the temporary file is noted
in the lock's file before it is made, and whoever has the lock next takes that file away: a late
rename then finds nothing to rename. Deleting has no such step; there an instant remains.
What a command does that a stopped process has started is not held back by any of this.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from workbench.errors import StoreError
from workbench.file_locks import lock_now, names
from workbench.journal.files import TEMPORARY

Holder: TypeAlias = Mapping[str, Any]
"""``run_id key name agent`` of who has a turn, and ``pid host``."""
Lost: TypeAlias = Callable[[str, int, str], bool]
"""Whether a run was given to another process than one, of a machine. Blocks briefly; from any
thread."""

LOOK_S: Final = 1.0
"""How often who waits looks whether the holder may still write."""
PATIENCE_S: Final = 3.0
"""A process that runs lets go by itself, once it hears that its run was taken over."""
_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_DEEPEST: Final = 64


class FolderLock:
    """A lock that this process holds."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self._said: dict[str, Any] = {}

    @property
    def is_ours(self) -> bool:
        """Whether nobody has put another file in its place."""
        return names(self._path, self._descriptor)

    def sign(self, who: Holder) -> None:
        """Say who holds it, and take away what the last holder left half written."""
        _clear(_read(self._descriptor))
        self._said = dict(signed(who))
        self._write()

    def note(self, temporary: str) -> None:
        """Say which file is about to be made, that takes another's name once it is whole."""
        self._said["writing"] = temporary
        self._write()

    def release(self) -> None:
        """Let it go."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _write(self) -> None:
        text = json.dumps(self._said).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


async def take(path: Path, lost: Lost, told: Callable[[Holder], None]) -> FolderLock | None:
    """Have the lock; None when a process that started this one holds it, and so for us.

    Args:
        path: its file; made when missing.
        lost: asked about a holder that is waited for.
        told: called once with whom this waits for, when it has to.
    """
    waits_since = 0.0
    while True:
        descriptor = _opened(path)
        if lock_now(descriptor):
            if names(path, descriptor):
                return FolderLock(descriptor, path)
            os.close(descriptor)  # another file has the name by now
            continue
        found = _read(descriptor)
        if _is_ancestor(int(found.get("pid") or 0)):
            os.close(descriptor)
            return None
        if not waits_since:
            waits_since = time.monotonic()
            told(found)
        if (lock := await _waited(descriptor, path, lost, waits_since)) is not None:
            return lock


def holder(path: Path) -> Holder | None:
    """Who holds a lock now, this process included, or None."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if lock_now(descriptor) else _read(descriptor)
    finally:
        os.close(descriptor)


def has_lost(found: Holder, lost: Lost) -> bool:
    """Whether a holder may not write any more. Blocks briefly."""
    run_id, pid, host = (found.get(name) for name in ("run_id", "pid", "host"))
    return bool(run_id and pid) and lost(str(run_id), int(pid or 0), str(host or ""))


def signed(who: Holder) -> Holder:
    """What the file of a lock says that this process holds."""
    return {**who, "pid": os.getpid(), "host": os.uname().nodename}


async def _waited(descriptor: int, path: Path, lost: Lost, waits_since: float) -> FolderLock | None:
    """Wait until the lock is ours, or (None) is to be asked for anew: the file is another one."""
    blocked = _Blocked(descriptor)
    try:
        while True:
            has_arrived = await blocked.arrives_within(LOOK_S)
            if not names(path, descriptor):
                return None
            if has_arrived:
                blocked.keep()
                return FolderLock(descriptor, path)
            found = _read(descriptor)
            is_due = time.monotonic() - waits_since >= PATIENCE_S
            if is_due and await asyncio.to_thread(has_lost, found, lost):
                return _seized(path, descriptor, found)
    finally:
        blocked.give_up()


def _seized(path: Path, descriptor: int, found: Holder) -> FolderLock | None:
    """Put a new file in the lock's place; None when another process does so, or has."""
    with _guard(path) as is_alone:
        if not is_alone or not names(path, descriptor):
            return None
        aside = path.with_name(f".{os.getpid()}.{path.name}")
        aside.unlink(missing_ok=True)
        mine = os.open(aside, _FLAGS | os.O_EXCL, 0o600)
        lock_now(mine)
        # Whoever signs it, this process or the next one, takes away what stands there.
        os.pwrite(mine, json.dumps(dict(found)).encode(), 0)
        aside.replace(path)
    return FolderLock(mine, path)


@contextmanager
def _guard(path: Path) -> Generator[bool]:
    """Be the only one who replaces a lock's file; whether one is."""
    descriptor = _opened(path.with_suffix(".guard"))
    try:
        yield lock_now(descriptor)
    finally:
        os.close(descriptor)


class _Blocked:
    """A thread that waits for a lock and does nothing else, and a loop that waits for it.

    Whoever gives up leaves the descriptor to the thread, which closes it when it has the lock.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Future[None] = self._loop.create_future()
        self._guard = threading.Lock()
        self._is_locked = self._is_over = False
        threading.Thread(target=self._wait, name="turn", daemon=True).start()

    async def arrives_within(self, seconds: float) -> bool:
        """Wait so long for the lock."""
        done, _ = await asyncio.wait({self._arrived}, timeout=seconds)
        return bool(done)

    def keep(self) -> None:
        """The lock is somebody else's to let go."""
        self._is_over = True

    def give_up(self) -> None:
        """Wait no more, and keep nothing."""
        with self._guard:
            over, self._is_over = self._is_over, True
            locked = self._is_locked
        if locked and not over:
            os.close(self._descriptor)

    def _wait(self) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        with self._guard:
            self._is_locked = True
            if not self._is_over:
                with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    self._loop.call_soon_threadsafe(self._arrive)
                    return
        os.close(self._descriptor)

    def _arrive(self) -> None:
        if not self._arrived.done():
            self._arrived.set_result(None)


def _opened(path: Path) -> int:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, _FLAGS, 0o600)
    except OSError as error:
        raise StoreError(f"the lock {path} cannot be made: {error.strerror}") from error


def _read(descriptor: int) -> Holder:
    try:
        found: Any = json.loads(os.pread(descriptor, 4096, 0))
    except ValueError:
        return {}
    return cast("Holder", found) if isinstance(found, dict) else {}


def _clear(found: Holder) -> None:
    """Take away the temporary file of a holder that cannot do so any more, or must not use it."""
    name = str(found.get("writing", ""))
    if Path(name).name.startswith(TEMPORARY):
        with suppress(OSError):
            Path(name).unlink()


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
