"""The memory that all runs of a workspace share: warm and cold rows, found by key and by words.

One row a key, written by the one writer; the words of it in a full-text table, changed in the same
transaction, so a search is never behind. Every read asks the file: another process may have
written. What is decided about tiers stands in `workbench.agent.memory`.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from workbench.agent.memory import COLD_AFTER_S, SharedMemory, is_cold, wanted_words, words_of
from workbench.store import schema, workspace
from workbench.values import dumps, loads

Work = Callable[[sqlite3.Connection], Any]

_PACKED_AT_ONCE: Final = 500
"""Rows that one `Remembered.pack` changes: it holds the file's lock meanwhile."""

_LEVEL: Final = 6


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the workspace's memory holds."""

    keys: int
    cold: int
    """Those of them that are compressed."""
    bytes: int
    """Of the values, as they are kept."""


class Remembered(SharedMemory):
    """A mapping over the database, in the order of writes. From any thread.

    A write is durable when it returns. A missing key is a KeyError; None is a value.
    """

    def __init__(
        self,
        read: Callable[[], AbstractContextManager[sqlite3.Connection]],
        perform: Callable[[Work], Any],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read, self._perform, self._clock = read, perform, clock

    def __getitem__(self, key: str) -> Any:
        with self._read() as link:
            found = link.execute(
                "SELECT cold, value FROM memories WHERE key = ?", (key,)
            ).fetchone()
        if found is None:
            raise KeyError(key)
        return _unpacked(*found)

    def __setitem__(self, key: str, value: Any) -> None:
        data, said, now = dumps(value), " ".join(words_of(key, value)), self._clock()
        cold = is_cold(len(data), 0.0)
        kept = zlib.compress(data, _LEVEL) if cold else data

        def write(link: sqlite3.Connection) -> None:
            _take_out(link, key)
            put = "INSERT INTO memories (key, cold, value, written_at) VALUES (?, ?, ?, ?)"
            place = link.execute(put, (key, int(cold), kept, now)).lastrowid
            link.execute("INSERT INTO memory_words (rowid, words) VALUES (?, ?)", (place, said))

        self._perform(write)

    def __delitem__(self, key: str) -> None:
        if not self._perform(lambda link: _take_out(link, key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        with self._read() as link:
            return iter([key for (key,) in link.execute("SELECT key FROM memories ORDER BY id")])

    def __len__(self) -> int:
        with self._read() as link:
            return int(link.execute("SELECT count(*) FROM memories").fetchone()[0])

    def search(self, search: str, limit: int) -> list[dict[str, Any]]:
        """As `workbench.agent.memory.find`, by the full-text table."""
        wanted = wanted_words(search)
        if search.strip() and not wanted:
            return []
        query, given = "SELECT key, cold, value FROM memories", list[Any]()
        if wanted:
            query += " WHERE id IN (SELECT rowid FROM memory_words WHERE memory_words MATCH ?)"
            given.append(" ".join(f'"{word}"' for word in wanted))
        with self._read() as link:
            rows = link.execute(f"{query} ORDER BY id DESC LIMIT ?", (*given, limit)).fetchall()
        return [{"key": key, "value": _unpacked(cold, value)} for key, cold, value in rows]

    def pack(self) -> int:
        """Compress what was not written for long, some at a time; how many that were."""
        before = self._clock() - COLD_AFTER_S
        query = "SELECT id, value FROM memories WHERE NOT cold AND written_at <= ? LIMIT ?"
        with self._read() as link:
            if link.execute(query, (before, 1)).fetchone() is None:
                return 0

        def pack(link: sqlite3.Connection) -> int:
            rows = link.execute(query, (before, _PACKED_AT_ONCE)).fetchall()
            put = "UPDATE memories SET cold = 1, value = ? WHERE id = ?"
            link.executemany(put, [(zlib.compress(data, _LEVEL), place) for place, data in rows])
            return len(rows)

        return int(self._perform(pack))

    def sizes(self) -> Sizes:
        """How much there is; goes through all of it."""
        query = "SELECT count(*), coalesce(sum(cold), 0), coalesce(sum(length(value)), 0)"
        with self._read() as link:
            return Sizes(*link.execute(f"{query} FROM memories").fetchone())


def in_memory() -> tuple[Remembered, sqlite3.Connection]:
    """The same for a store without a file, and its connection, which is to be closed."""
    link = sqlite3.connect(":memory:", check_same_thread=False)
    schema.m013_memory(link.execute)

    def perform(work: Work) -> Any:
        with link:
            return work(link)

    return Remembered(lambda: nullcontext(link), perform), link


def take_old(link: sqlite3.Connection) -> None:
    """Take over what versions before `schema.m013_memory` kept as a setting; in a transaction."""
    old = workspace.read_setting(link, "memory")
    if isinstance(old, dict):
        put = "INSERT OR IGNORE INTO memories (key, cold, value, written_at) VALUES (?, 0, ?, ?)"
        link.executemany(put, [(key, dumps(value), time.time()) for key, value in old.items()])
        link.execute("DELETE FROM settings WHERE key = 'memory'")


def index_anew(link: sqlite3.Connection) -> None:
    """Compute the full-text table from the values; inside a transaction."""
    link.execute("DELETE FROM memory_words")
    for place, key, cold, value in link.execute("SELECT id, key, cold, value FROM memories"):
        said = " ".join(words_of(key, _unpacked(cold, value)))
        link.execute("INSERT INTO memory_words (rowid, words) VALUES (?, ?)", (place, said))


def _take_out(link: sqlite3.Connection, key: str) -> bool:
    found = link.execute("SELECT id FROM memories WHERE key = ?", (key,)).fetchone()
    if found is not None:
        link.execute("DELETE FROM memory_words WHERE rowid = ?", found)
        link.execute("DELETE FROM memories WHERE id = ?", found)
    return found is not None


def _unpacked(cold: int, value: bytes) -> Any:
    return loads(zlib.decompress(value) if cold else value)
