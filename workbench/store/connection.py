"""Connections to the database file: how they are made and shared, and how they fail.

Everything that touches SQLite's own rules stands here once: the pragmas and the translation of
SQLite's errors into sentences. Nothing in this process may open
the database file by other means: closing an ordinary descriptor of it drops the locks SQLite
holds through another one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, Literal
from urllib.parse import quote

from workbench.errors import StoreDamaged, StoreError, StoreFull, WorkbenchError

Synchronous = Literal["FULL", "NORMAL"]

PAGE_BYTES: Final = 4096
"""Measured: a lone commit writes four pages, so with 8192 it takes a fifth longer; 1 KB rows take
1.37 times their payload instead of 1.18."""

FAILURES: Final = (sqlite3.Error, OSError, WorkbenchError)
"""What using the file raises; `translated` makes a sentence of each."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def translated(error: BaseException, path: Path) -> WorkbenchError:
    """What a failure of SQLite or of the disk means for the user, as an error to raise."""
    if isinstance(error, WorkbenchError):
        return error
    if isinstance(error, OSError):
        return of_the_disk(error, path)
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, sentence, hint = _MEANINGS.get(code) or _MEANINGS.get(code & 0xFF) or _OTHER
    if str(error).startswith("Could not decode"):
        kind, sentence, hint = _DAMAGED  # Python says so, and SQLite gives no code for it
    return kind(sentence.format(path=path, error=error), hint=hint)


_ASIDE = "See what can be saved with: kaizen-tui repair"
ROOM = "Make room on its disk"
_RIGHTS = "Check that it and its folder belong to you and can be written"

_Meaning = tuple[type[StoreError], str, str]
_OTHER: _Meaning = (
    StoreError,
    "{path} refused: {error}",
    "If that should not be, look with: kaizen-tui repair --check",
)
_LOCKED: _Meaning = (
    StoreError,
    "{path} is locked by another program",
    "Close that program and try again",
)
_UNUSABLE: _Meaning = (StoreError, "{path} cannot be used: {error}", _RIGHTS)
_DAMAGED: _Meaning = (StoreDamaged, "{path} is damaged: {error}", _ASIDE)
_UNWRITTEN: _Meaning = (StoreFull, "{path} cannot be written: {error}", ROOM)
_MEANINGS: Final[dict[int, _Meaning]] = {
    sqlite3.SQLITE_FULL: (StoreFull, "there is no room left for {path}", ROOM),
    sqlite3.SQLITE_IOERR_WRITE: _UNWRITTEN,
    sqlite3.SQLITE_IOERR_FSYNC: _UNWRITTEN,
    sqlite3.SQLITE_IOERR_TRUNCATE: _UNWRITTEN,
    sqlite3.SQLITE_IOERR_SHMSIZE: _UNWRITTEN,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOTADB: (StoreDamaged, "{path} is not a database ({error})", _ASIDE),
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _UNUSABLE,
    sqlite3.SQLITE_READONLY: _UNUSABLE,
    sqlite3.SQLITE_PERM: _UNUSABLE,
}
"""By SQLite's result code, extended ones first: kind of error, sentence, what to do."""


def of_the_disk(error: OSError, path: Path) -> StoreError:
    """What a failed system call on the file, or on one beside it, means for the user."""
    where = error.filename or path
    if error.errno in _NO_ROOM:
        return StoreFull(f"there is no room left for {where}", hint=ROOM)
    return StoreError(f"{where} cannot be used: {os.strerror(error.errno or 0)}")


def connect(path: Path, *, mode: Literal["rw", "ro"], patience_s: float) -> sqlite3.Connection:
    """A connection without implicit transactions, on an existing file, with the safe pragmas."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            timeout=patience_s,
            isolation_level=None,
            # Connections move between threads, but only one thread uses one at any time.
            check_same_thread=False,
        )
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA cell_size_check=ON")
        if mode == "ro":
            connection.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        raise translated(error, path) from error
    return connection


def settle(connection: sqlite3.Connection, synchronous: Synchronous) -> None:
    """The pragmas of the one connection that writes."""
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA journal_size_limit=67108864")
    # A WAL that is written over syncs a third faster than one that grows: let it be reused soon.
    connection.execute("PRAGMA wal_autocheckpoint=1000")
    # INSERT OR REPLACE passes the triggers that refuse DELETE unless triggers are recursive.
    connection.execute("PRAGMA recursive_triggers=ON")
    if sys.platform == "darwin" and synchronous == "FULL":
        connection.execute("PRAGMA fullfsync=ON")


class Readers:
    """Read-only connections, lent for one short read at a time and kept for the next.

    A pool instead of one connection a thread: threads come and go, and a read never waits for
    another one. As many stay open as ever read at the same moment.
    """

    def __init__(self, path: Path, patience_s: float) -> None:
        self._path = path
        self._patience_s = patience_s
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._open = True

    @contextmanager
    def read(self) -> Generator[sqlite3.Connection]:
        """Lend a connection. Fetch everything inside: a read held open keeps the WAL growing."""
        if not self._open:
            raise StoreError(f"{self._path} was closed")
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = connect(self._path, mode="ro", patience_s=self._patience_s)
        try:
            yield connection
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        finally:
            self._idle.put(connection)
            if not self._open:
                self.close()

    def close(self) -> None:
        """Close what is idle; a connection that is lent is closed when it comes back."""
        self._open = False
        while not self._idle.empty():
            try:
                self._idle.get_nowait().close()
            except Empty:
                return


class Watch:
    """Says whether anybody has committed since it was last asked; an idle look costs some 10 us.

    For one thread at a time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, mode="ro", patience_s=1.0)
        self._version = -1

    def has_news(self) -> bool:
        """Whether there is anything new; the first time there is."""
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        news, self._version = version != self._version, version
        return news

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
