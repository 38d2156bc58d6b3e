"""Transactions of the one connection that writes: under the file lock, and only on the same file.

Inside each it is looked whether the database, its WAL and its schema are still what they were, and
whether somebody else has committed: what is remembered of the file is only true if not.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import StoreError
from workbench.store import schema
from workbench.store.opening import newer
from workbench.store.ownership import FileLock


class Transactions:
    """Begins, commits and rolls back; for the writer's thread."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        patience_s: float,
        forget: Callable[[], None],
    ) -> None:
        self._path, self._connection = path, connection
        self._lock = FileLock(path, patience_s)
        self._files = (str(path), f"{path}-wal")
        self._inodes = _inodes(self._files)
        self._data_version = -1
        self._forget = forget
        """Called when what is remembered of the file may have become wrong."""

    @contextmanager
    def one(self) -> Generator[None]:
        """A transaction: committed at the end of the block, rolled back when that raises."""
        with self._lock.held():
            self._connection.execute("BEGIN IMMEDIATE")
            committed = False
            try:
                self._look_around()
                yield
                self._connection.execute("COMMIT")
                committed = True
            finally:
                if not committed:
                    self._forget()
                    # SQLite has rolled back by itself after some errors.
                    with suppress(sqlite3.Error):
                        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close connection and lock."""
        self._connection.close()
        self._lock.close()

    def _look_around(self) -> None:
        """Whether the files and the schema are still what they were."""
        if _inodes(self._files) != self._inodes:
            raise StoreError(
                f"{self._path} or its WAL was replaced while it was open",
                hint="Nothing is written any more; close the workbench and look at the folder",
            )
        (data_version,) = self._connection.execute("PRAGMA data_version").fetchone()
        if data_version == self._data_version:
            return
        # Another connection committed since our last transaction.
        self._forget()
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version != schema.VERSION:
            raise newer(self._path, version)
        self._data_version = data_version


def _inodes(files: Iterable[str]) -> list[tuple[int, int]]:
    return [(found.st_dev, found.st_ino) for found in map(os.stat, files)]
