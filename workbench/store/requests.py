"""The table of requests: what other processes ask of a run's owner, until it has been dealt with.

A requester adds its row in a short transaction of its own. The owner carries it out, which leaves
the usual row in the log, and settles the request after that row in the order of commits; see
`workbench.journal.requests` for why neither can be lost or doubled.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from workbench.errors import UsageError
from workbench.journal.requests import Outcome, Request
from workbench.values import dumps, loads

MOST_BYTES: Final = 1 << 20
"""Of one request."""
KEPT_S: Final = 7 * 86400.0
"""How long a settled request is kept for whoever made it: the log has what came of it."""

Settled = tuple[str, Outcome, str]
"""A request's id, what became of it, and a sentence."""

_COLUMNS: Final = "id, run_id, kind, data, by, made_at, outcome, told"


def add(connection: sqlite3.Connection, request: Request) -> None:
    """Add a request, and let go of what nobody asks about any more. Inside a transaction.

    Raises:
        UsageError: it is larger than a request may be.
    """
    data = dumps(dict(request.data))
    if len(data) > MOST_BYTES:
        raise UsageError(f"a request has at most {MOST_BYTES} bytes, and this one has {len(data)}")
    connection.execute(
        "DELETE FROM requests WHERE settled_at < ?",
        (request.made_at - KEPT_S,),
    )
    connection.execute(
        "INSERT INTO requests (id, run_id, kind, data, by, made_at, outcome, told) "
        "VALUES (?, ?, ?, ?, ?, ?, '', '')",
        (request.id, request.run_id, request.kind, data.decode(), request.by, request.made_at),
    )


def settle(connection: sqlite3.Connection, settled: Iterable[Settled], at: float) -> None:
    """Say what became of requests; the first word stands. Inside a transaction."""
    connection.executemany(
        "UPDATE requests SET outcome = ?, told = ?, settled_at = ? "
        "WHERE id = ? AND settled_at IS NULL",
        [(outcome, told, at, name) for name, outcome, told in settled],
    )


def still_open(connection: sqlite3.Connection) -> list[Request]:
    """What waits to be taken up, over all runs, in the order in which it was asked."""
    query = f"SELECT {_COLUMNS} FROM requests WHERE settled_at IS NULL ORDER BY number"  # noqa: S608
    return [_read(row) for row in connection.execute(query).fetchall()]


def find(connection: sqlite3.Connection, name: str) -> Request | None:
    """One request, or None when it is long gone."""
    query = f"SELECT {_COLUMNS} FROM requests WHERE id = ?"  # noqa: S608
    found = connection.execute(query, (name,)).fetchone()
    return _read(found) if found else None


def _read(row: tuple[str, ...]) -> Request:
    name, run_id, kind, data, by, made_at, outcome, told = row
    return Request(name, run_id, kind, loads(data), by, float(made_at), outcome, told)  # type: ignore[arg-type]
