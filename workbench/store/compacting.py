"""Compacting: giving the room of deleted rows back to the disk.

The file is rewritten in place by SQLite, in one transaction, so a killed process leaves it as it
was. Others would wait for as long as that takes and give up, so it is done alone; whoever is there
is named.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import StoreError, StoreFull
from workbench.store import opening
from workbench.store.connection import FAILURES, ROOM, Synchronous, connect, settle, translated
from workbench.store.presence import alone
from workbench.store.room import free_bytes
from workbench.store.swapping import finish
from workbench.store.unclean import check_what_was_left


@dataclass(frozen=True, slots=True)
class Compacted:
    """How big the file was and is."""

    before_bytes: int
    after_bytes: int


def compact(path: Path, synchronous: Synchronous = "FULL") -> Compacted:
    """Rewrite a database without its unused pages.

    Raises:
        StoreFull: there is no room for a second copy meanwhile.
        StoreError: somebody has it open, or it cannot be used.
    """
    if not path.exists():
        raise StoreError(f"there is no database at {path}")
    with alone(path, "compacted"):
        finish(path)
        check_what_was_left(path)
        before = path.stat().st_size
        if free_bytes(path.parent) < 2 * before:
            raise StoreFull(
                f"compacting {path} needs {2 * before // 2**20 + 1} MiB beside it", hint=ROOM
            )
        try:
            with closing(connect(path, mode="rw", patience_s=1.0)) as link:
                opening.known(link, path)
                settle(link, synchronous)
                link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                link.execute("VACUUM")
                link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except FAILURES as error:
            raise translated(error, path) from error
        return Compacted(before, path.stat().st_size)
