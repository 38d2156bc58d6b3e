"""Who drives a run: a kernel lock says its owner lives, an epoch fences an owner of before.

The lock goes with the process, however it dies, so a free lock means that nobody drives the run.
It cannot stop a process that slept while another one took over: that is what the epoch is for,
which the writer compares inside every transaction.

The lock is on a file's inode. Letting go removes the file, and taking over puts a new one in its
place, so after locking one looks whether the file that was locked is still the one that has the
name.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from workbench.errors import RunOwned, StoreError

_TRIES = 5
_PAUSE_S = 0.01
"""Somebody who only looks holds the lock for microseconds: then it is worth another try."""


class RunLock:
    """The kernel lock of one run, held until released or until the process ends."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path

    @classmethod
    def take(cls, folder: Path, run_id: str, *, take_over: bool = False) -> RunLock:
        """Lock a run for this process.

        Args:
            folder: where the locks are; made when missing.
            run_id: the run.
            take_over: leave an owner who does not let go on a file without a name. It is fenced
                by the epoch that the caller raises next.

        Raises:
            RunOwned: a living process holds it; names its pid.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        path = lock_path(folder, run_id)
        if take_over:
            path.unlink(missing_ok=True)
        for _ in range(_TRIES):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            if lock_now(descriptor) and _names(path, descriptor):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
                return cls(descriptor, path)
            os.close(descriptor)
            threading.Event().wait(_PAUSE_S)
        pid = holder(folder, run_id)
        raise RunOwned(
            f"run {run_id} is driven by process {pid or 'unknown'}"
            + (", which is this one" if pid == os.getpid() else ""),
            hint="Wait until it ends, or follow the run read-only",
            pid=pid,
        )

    def release(self) -> None:
        """Let go; the file disappears unless another process has put its own there."""
        with suppress(OSError):
            if _names(self._path, self._descriptor):
                self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def holder(folder: Path, run_id: str) -> int | None:
    """The pid that holds a run's lock now (0 if it has not said), or None when nobody does."""
    try:
        descriptor = os.open(lock_path(folder, run_id), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if lock_now(descriptor):
            return None
        written = os.pread(descriptor, 32, 0)
        return int(written) if written.isdigit() else 0
    finally:
        os.close(descriptor)


def lock_path(folder: Path, run_id: str) -> Path:
    """Where a run's lock is; whatever the run is called, inside the folder."""
    return folder / f"{quote(run_id, safe='')}.run"


def lock_now(descriptor: int) -> bool:
    """Take the exclusive lock if it is free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let the lock go and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def _names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


class FileLock:
    """The advisory lock around each batch, for the processes that share a database."""

    def __init__(self, database: Path, patience_s: float) -> None:
        path = locks_of(database) / f"{database.name}.lock"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._path = path
        self._descriptor = os.open(path, flags, 0o600)
        self._patience_s = patience_s

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the lock; StoreError when another process keeps it for too long."""
        deadline: float | None = None
        while not lock_now(self._descriptor):
            now = time.monotonic()
            deadline = deadline or now + self._patience_s
            if now > deadline:
                raise StoreError(
                    f"{self._path} is locked: another workbench has been writing for "
                    f"{self._patience_s:g} s",
                    hint="See whether it hangs or was stopped",
                )
            threading.Event().wait(0.0005)
        try:
            yield
        finally:
            unlock(self._descriptor)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def locks_of(database: Path) -> Path:
    """The folder of the locks that belong to a database."""
    return database.parent / "locks"


def raise_epoch(connection: sqlite3.Connection, run_id: str, pid: int, at: float) -> int:
    """Fence every owner before; returns the new owner's epoch. Inside a transaction."""
    (epoch,) = connection.execute(
        "INSERT INTO owners (run_id, epoch, pid, claimed_at) VALUES (?, 1, ?, ?) "
        "ON CONFLICT (run_id) DO UPDATE SET epoch = epoch + 1, pid = excluded.pid, "
        "claimed_at = excluded.claimed_at RETURNING epoch",
        (run_id, pid, at),
    ).fetchone()
    return int(epoch)


def epoch_of(connection: sqlite3.Connection, run_id: str) -> int:
    """The epoch that may write, 0 when nobody ever claimed the run."""
    found = connection.execute("SELECT epoch FROM owners WHERE run_id = ?", (run_id,)).fetchone()
    return int(found[0]) if found else 0
