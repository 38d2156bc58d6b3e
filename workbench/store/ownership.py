"""Who drives a run: a kernel lock says its owner lives, an epoch fences an owner of before.

The lock goes with the process, however it dies, so a free lock means that nobody drives the run.
It cannot stop a process that slept while another one took over: that is what the epoch is for,
which the writer compares inside every transaction.

The lock is on a file's inode. Letting go removes the file, and taking over puts a new one in its
place, so after locking one looks whether the file that was locked is still the one that has the
name. What the file says (pid, machine, bell) is for people and bells; only the lock counts. The
file's time of change is its owner's last sign of life.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from workbench.errors import RunOwned, StoreError
from workbench.file_locks import lock_now, names
from workbench.foreign import Raised, attempt
from workbench.journal.requests import SILENT_S, Owner
from workbench.store import signs
from workbench.values import dumps, loads

_TRIES = 5
_PAUSE_S = 0.01
"""Somebody who only looks holds the lock for microseconds: then it is worth another try."""
_MOST_BYTES = 4096
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC


class RunLock:
    """The kernel lock of one run, held until released or until the process ends."""

    def __init__(self, descriptor: int, path: Path, bell: str) -> None:
        self._descriptor = descriptor
        self._path = path
        self._bell = bell
        self._guard, self._is_released = threading.Lock(), False
        """A beat, in a thread, must not make anew what is let go of at the same moment."""
        _sign(descriptor, bell)

    @classmethod
    def take(cls, folder: Path, run_id: str, *, bell: str = "") -> RunLock:
        """Lock a run for this process.

        Args:
            folder: where the locks are; made when missing.
            run_id: the run.
            bell: what wakes this process; see `workbench.store.bell`.

        Raises:
            RunOwned: a living process holds it; names its pid.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        path = lock_path(folder, run_id)
        for _ in range(_TRIES):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
            if lock_now(descriptor) and names(path, descriptor):
                return cls(descriptor, path, bell)
            os.close(descriptor)
            threading.Event().wait(_PAUSE_S)
        raise owned(run_id, driver(folder, run_id))

    @classmethod
    def beside(cls, folder: Path, run_id: str, *, bell: str = "") -> RunLock:
        """A lock under no name yet: the owner of before still has it. See `put_in_place`."""
        folder.mkdir(mode=0o700, exist_ok=True)
        path = lock_path(folder, run_id)
        return cls(_locked_aside(path), path, bell)

    def put_in_place(self) -> None:
        """Give the lock the run's name, instead of whatever file had it."""
        _aside(self._path).replace(self._path)

    def keep(self) -> None:
        """Give a sign of life; a file that somebody removed is made anew.

        One that another process has put there stays: whether that one may write, the epoch says.
        """
        with self._guard, suppress(OSError):
            if self._is_released:
                return
            os.utime(self._descriptor)
            if not self._path.exists():
                self._make_anew()

    def _make_anew(self) -> None:
        descriptor = _locked_aside(self._path)
        _sign(descriptor, self._bell)
        try:
            # Unlike a rename this never replaces what somebody made in between.
            os.link(_aside(self._path), self._path)
        except OSError:
            os.close(descriptor)
            raise
        finally:
            _aside(self._path).unlink()
        os.close(self._descriptor)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; the file disappears unless another process has put its own there."""
        with self._guard:
            self._is_released = True
            with suppress(OSError):
                _aside(self._path).unlink(missing_ok=True)
                if names(self._path, self._descriptor):
                    self._path.unlink(missing_ok=True)
            os.close(self._descriptor)


def _locked_aside(path: Path) -> int:
    """A new file beside a lock's name, locked."""
    _aside(path).unlink(missing_ok=True)
    descriptor = os.open(_aside(path), os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
    lock_now(descriptor)
    return descriptor


def _sign(descriptor: int, bell: str) -> None:
    said = {"pid": os.getpid(), "host": signs.host(), "since": time.time(), "bell": bell}
    said["started"] = signs.started_ticks(os.getpid())
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, dumps(said), 0)


def owned(run_id: str, owner: Owner | None) -> RunOwned:
    """The refusal to drive what another process drives: who, and what can be done."""
    found = owner or Owner(0)
    is_here = found.pid == os.getpid() and not found.host
    what = f"run {run_id} is driven by {found.name}"
    if is_here:
        return RunOwned(f"{what}, which is this one", pid=found.pid)
    hint = f"Follow it with: kaizen-tui follow {run_id}"
    if found.is_stopped:
        what += f", which is stopped ({found.silent_s:.0f} s without a sign of life)"
        hint = (
            f"It is taken over by itself after {SILENT_S:g} s; at once with: "
            f"kaizen-tui resume {run_id} --take-over"
        )
    return RunOwned(what, hint=hint, pid=found.pid, host=found.host)


def driver(folder: Path, run_id: str) -> Owner | None:
    """The process that holds a run's lock now, or None when nobody does. Costs some 15 us."""
    path = lock_path(folder, run_id)
    try:
        descriptor = os.open(path, os.O_RDONLY | _FLAGS)
    except FileNotFoundError:
        return None
    except PermissionError:
        return Owner(0)  # another user's; whether it is held cannot be seen
    try:
        # Shared: two who only look must not take each other for an owner.
        if lock_now(descriptor, fcntl.LOCK_SH):
            return None
        return _read(os.pread(descriptor, _MOST_BYTES, 0), os.fstat(descriptor).st_mtime)
    finally:
        os.close(descriptor)


def _read(text: bytes, beat_at: float) -> Owner:
    read = attempt(loads, text)
    value: Any = None if isinstance(read, Raised) else read.value
    if not isinstance(value, dict):
        return Owner(int(text) if text.isdigit() else 0)
    said = cast("dict[str, Any]", value)
    pid, host = int(said.get("pid") or 0), str(said.get("host") or "")
    is_here = host == signs.host()
    return Owner(
        pid,
        "" if is_here else host,
        float(said.get("since") or 0.0),
        str(said.get("bell") or ""),
        max(0.0, time.time() - beat_at),
        signs.is_stopped(pid, int(said.get("started") or 0)) if is_here else None,
    )


def lock_path(folder: Path, run_id: str) -> Path:
    """Where a run's lock is; whatever the run is called, inside the folder."""
    return folder / f"{quote(run_id, safe='')}.run"


def _run_of(path: Path) -> str:
    return unquote(path.name.removesuffix(".run"))


def _aside(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.{path.name}")


def stale_locks(folder: Path) -> list[str]:
    """The runs whose lock files a killed process left behind: harmless, and told by the doctor."""
    runs = [_run_of(path) for path in folder.glob("*.run")] if folder.is_dir() else []
    return [run_id for run_id in runs if driver(folder, run_id) is None]


def unlock(descriptor: int) -> None:
    """Let the lock go and keep the file open."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


class FileLock:
    """The advisory lock around each batch, for the processes that share a database."""

    def __init__(self, database: Path, patience_s: float) -> None:
        path = locks_of(database) / f"{database.name}.lock"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._path = path
        self._descriptor = os.open(path, flags, 0o600)
        self._patience_s = patience_s
        self._pid = str(os.getpid()).encode()

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the lock; StoreError when another process keeps it for too long."""
        deadline: float | None = None
        while not lock_now(self._descriptor):
            now = time.monotonic()
            deadline = deadline or now + self._patience_s
            if now > deadline:
                raise self._blocked()
            threading.Event().wait(0.0005)
        self._sign()
        try:
            yield
        finally:
            unlock(self._descriptor)

    def _sign(self) -> None:
        """Say who writes, unless the last one who did was this process too."""
        if os.pread(self._descriptor, len(self._pid) + 1, 0) != self._pid:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, self._pid, 0)

    def _blocked(self) -> StoreError:
        found = os.pread(self._descriptor, 32, 0)
        pid = int(found) if found.isdigit() else 0
        stopped = signs.is_stopped(pid)
        name = f"process {pid}" if pid else "another workbench"
        return StoreError(
            f"{self._path} is locked: {name} has been writing for {self._patience_s:g} s"
            + (" and is stopped" if stopped else ""),
            hint=f"Let it go on with: kill -CONT {pid}"
            if stopped
            else "See whether it hangs or was stopped",
            pid=pid,
        )

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def locks_of(database: Path) -> Path:
    """The folder of the locks that belong to a database."""
    return database.parent / "locks"


def raise_epoch(connection: sqlite3.Connection, run_id: str, at: float) -> int:
    """Fence every owner before; returns the new owner's epoch. Inside a transaction."""
    (epoch,) = connection.execute(
        "INSERT INTO owners (run_id, epoch, pid, host, claimed_at) VALUES (?, 1, ?, ?, ?) "
        "ON CONFLICT (run_id) DO UPDATE SET epoch = epoch + 1, pid = excluded.pid, "
        "host = excluded.host, claimed_at = excluded.claimed_at RETURNING epoch",
        (run_id, os.getpid(), signs.host(), at),
    ).fetchone()
    return int(epoch)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who was last given a run, as the database says."""

    epoch: int = 0
    """Only this one may write; 0 when nobody ever claimed the run."""
    pid: int = 0
    host: str = ""

    @property
    def name(self) -> str:
        """``process 4242``, and where if that is not here."""
        return Owner(self.pid, "" if self.host in ("", signs.host()) else self.host).name


def claimed(connection: sqlite3.Connection, run_id: str) -> Claimed:
    """Who may write a run's rows."""
    query = "SELECT epoch, pid, host FROM owners WHERE run_id = ?"
    found = connection.execute(query, (run_id,)).fetchone()
    return Claimed(*found) if found else Claimed()
