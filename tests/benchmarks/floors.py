"""The floors: the same work in bare asyncio and in bare SQLite, with nothing around it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

ROW = ("run", 1, 1.0, "step.finished", "bench/0:tool.echo", "{}")


async def tasks(work: Callable[[], Awaitable[Any]], count: int) -> None:
    """One task after the other, as an effect needs at least."""

    async def once() -> None:
        await work()

    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.create_task(once())


def table(path: Path, synchronous: str) -> sqlite3.Connection:
    """A table like the log's, with its one index and none of its meaning."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, run_id TEXT, seq INTEGER, at REAL, "
        "kind TEXT, key TEXT, data TEXT) STRICT"
    )
    connection.execute("CREATE UNIQUE INDEX events_of_run ON events(run_id, seq)")
    return connection


def commit(connection: sqlite3.Connection, seqs: Iterable[int], data: str) -> None:
    """One transaction with these rows."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        "INSERT INTO events (run_id, seq, at, kind, key, data) VALUES (?, ?, ?, ?, ?, ?)",
        [(ROW[0], seq, *ROW[2:5], data) for seq in seqs],
    )
    connection.execute("COMMIT")


def commits(path: Path, synchronous: str, times: int, commits_each: int) -> list[float]:
    """How long it takes to commit one row so many times running, in seconds."""
    connection, found, seq = table(path, synchronous), list[float](), 0
    for _ in range(times):
        began = perf_counter()
        for _ in range(commits_each):
            seq += 1
            commit(connection, (seq,), "x" * 200)
        found.append(perf_counter() - began)
    connection.close()
    return found


def read_all(path: Path, run_id: str) -> int:
    """Read a run's rows and decode them."""
    connection = sqlite3.connect(path)
    query = "SELECT data FROM events WHERE run_id = ? ORDER BY seq"
    count = sum(bool(orjson.loads(data)) for (data,) in connection.execute(query, (run_id,)))
    connection.close()
    return count
