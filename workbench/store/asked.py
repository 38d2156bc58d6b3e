"""Rows about approvals as the audit knows them: those of runs that were deleted, too.

Of a deleted run the audit keeps who decided what, and none of its contents. Each row is there
once, also when its run was deleted and came back.
"""

# ruff: noqa: S608  only names that this program defines are put into SQL; values are bound

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from workbench.journal.approvals import KINDS, left_of
from workbench.journal.audit import Entry
from workbench.journal.events import Event
from workbench.store import chain, packing
from workbench.store.blobs import Blobs
from workbench.store.connection import Readers
from workbench.store.packing import unpack
from workbench.store.schema import OF_APPROVALS

_ENTRY: Final = ", ".join(f"a.{name}" for name in chain.COLUMNS.split(", "))
_ROW: Final = ", ".join(f"e.{name}" for name in packing.COLUMNS.split(", "))
_WIDTH: Final = len(chain.COLUMNS.split(", "))
_PAGE: Final = f"""
    SELECT {_ENTRY}, {_ROW}
    FROM audit a INDEXED BY audit_of_approvals
         LEFT JOIN events e ON e.run_id = a.run_id AND e.seq = a.seq
    WHERE a.{OF_APPROVALS} AND a.number < ?1 AND (?2 = '' OR a.run_id = ?2)
      AND NOT EXISTS (SELECT 1 FROM audit later WHERE later.run_id = a.run_id
                      AND later.seq = a.seq AND later.number > a.number)
    ORDER BY a.number DESC LIMIT ?3"""


def approvals(
    readers: Readers, blobs: Blobs, run_id: str, before: int, limit: int
) -> list[tuple[int, Event]]:
    """Rows about approvals, over all runs or of one: the newest before an entry, newest first.

    Walks back along an index of the entries about approvals, so that a page costs what it shows.
    """
    with readers.read() as connection:
        found = connection.execute(_PAGE, (before, run_id, limit)).fetchall()
    return [(row[0], _event(row, blobs)) for row in found]


def _event(row: Sequence[Any], blobs: Blobs) -> Event:
    stored = row[_WIDTH:]
    return left_of(Entry(*row[:_WIDTH])) if stored[0] is None else unpack(stored, blobs)


def in_memory(
    entries: Sequence[Entry], log: dict[tuple[str, int], Event], run_id: str, before: int
) -> list[tuple[int, Event]]:
    """The same where there is no file: all of them."""
    newest = {(e.run_id, e.seq): e for e in entries if e.kind in KINDS}
    wanted = (e for e in newest.values() if e.number < before and run_id in ("", e.run_id))
    ordered = sorted(wanted, key=lambda e: e.number, reverse=True)
    return [(e.number, log.get((e.run_id, e.seq)) or left_of(e)) for e in ordered]
