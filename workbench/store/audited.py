"""The audit as the store offers it: enter what has no row, list, verify.

What has a row of the log is entered by the writer, with the row. `MemoryAudit` is the same for a
store without a file.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Mapping
from typing import Any

from workbench.errors import StoreError
from workbench.journal.audit import AUDITED, Entry, Head, said_of
from workbench.journal.events import Event
from workbench.store import chain
from workbench.store.chain import Chain
from workbench.store.connection import Readers
from workbench.store.verifying import Moved, Verified, unwatched, verify
from workbench.store.writer import Writer


class Audit:
    """The audit of one database. Methods may be called from any thread."""

    def __init__(self, readers: Readers, writer: Writer | None) -> None:
        self._readers, self._writer = readers, writer

    def enter(self, kind: str, data: Mapping[str, Any]) -> None:
        """Enter a decision about more than one run; durable when this returns."""
        if self._writer is None:
            raise StoreError("the database is only read")
        now = time.time()
        self._writer.perform(lambda link: Chain(link).add(kind, now, data))

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Enter how something was found, unless the last entry of this kind says the same."""
        with self._readers.read() as link:
            if chain.last_said(link, kind) == dict(data):
                return
        if self._writer is None:
            raise StoreError("the database is only read")
        now = time.time()

        def perform(link: sqlite3.Connection) -> None:
            if chain.last_said(link, kind) != dict(data):  # another process may have been quicker
                Chain(link).add(kind, now, data)

        self._writer.perform(perform)

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries after a number, in their order."""
        with self._readers.read() as link:
            return list(chain.entries(link, after))

    def of_rows(self, run_id: str, seqs: Collection[int]) -> list[Entry]:
        """The entries that stand for some rows of a run, in their order."""
        with self._readers.read() as link:
            return chain.of_rows(link, run_id, seqs)

    def head(self) -> Head:
        """Where the chain stands: to be kept elsewhere."""
        with self._readers.read() as link:
            return chain.head(link)

    def verify(self, head: str = "", moved: Moved = unwatched) -> Verified:
        """Go through the chain and the log; see `workbench.store.verifying`. Raises AuditBroken.

        ``moved`` is told how many entries of how many were gone through.
        """
        with self._readers.read() as link:
            return verify(link, head, moved)


class MemoryAudit:
    """The same in memory, where nobody else can reach it. For one thread."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def take(self, event: Event) -> None:
        """Enter a row of the log if it is a decision."""
        if event.kind in AUDITED:
            self._add(event.at, event.kind, said_of(event.data), event.run_id, event.seq)

    def enter(self, kind: str, data: Mapping[str, Any], run_id: str = "") -> None:
        """Enter a decision that has no row."""
        self._add(time.time(), kind, data, run_id)

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        """Enter how something was found, unless the last entry of this kind says the same."""
        same = (entry.said() for entry in reversed(self._entries) if entry.kind == kind)
        if next(same, None) != dict(data):
            self.enter(kind, data)

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries after a number, in their order."""
        return self._entries[after:]

    def of_rows(self, run_id: str, seqs: Collection[int]) -> list[Entry]:
        """The entries that stand for some rows of a run, in their order."""
        return [e for e in self._entries if e.seq and e.run_id == run_id and e.seq in seqs]

    def head(self) -> Head:
        """Where the chain stands."""
        return Head(len(self._entries), self._entries[-1].hash) if self._entries else Head()

    def verify(self, head: str = "", moved: Moved = unwatched) -> Verified:
        """Say what there is; nothing here needs a proof."""
        del head, moved
        return Verified(len(self._entries), self.head().hash)

    def _add(
        self, at: float, kind: str, data: Mapping[str, Any], run_id: str, seq: int = 0
    ) -> None:
        self._entries.append(self.head().next(at, kind, data, run_id=run_id, seq=seq))
