"""What a program that was killed left behind: looked at before anything is done with it.

Closing a database for the last time removes its log, so a log that is there when nobody has the
database open means that the end was not clean. SQLite takes up what stands in it; whether it took
up everything, and whether the file is in order, is asked here. Bounded: a file too big to be gone
through at once is said to be in order, and `kaizen-tui repair --check` goes through all of it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from workbench.errors import StoreDamaged
from workbench.store import wal
from workbench.store.connection import PAGE_BYTES, connect, translated

CHECK_S: Final = 0.15
"""How long the check after an unclean end may take."""
_OPERATIONS: Final = 20_000
_HINT: Final = "Nothing was changed. See what can be saved with: kaizen-tui repair"


def check_what_was_left(path: Path) -> None:
    """Whether SQLite will take up everything that a killed program left, and the file is in order.

    Only for whoever is alone with the file. It is asked through a connection that only reads: one
    that writes would remove the log when it is closed, whatever stood in it.

    Raises:
        StoreDamaged: it will not, or it is not.
    """
    log, memory = Path(f"{path}-wal"), Path(f"{path}-shm")
    there = log.exists() and log.stat().st_size > 0
    if there and not (path.exists() and path.stat().st_size):
        # SQLite would put the log of another database into a new one.
        raise StoreDamaged(
            f"{log} is there and its database {path} is not",
            hint="Put the database back, or move the log aside",
        )
    note = note_of(path)
    if not note.exists():
        before = wal.index(memory)
        if not there and (before is None or before.frames <= before.copied):
            return
        words = _asked(path, log, memory, before)
        if not words:
            return
        # SQLite has taken the index for granted by now and would open it the next time.
        note.write_text(words, encoding="utf-8")
    words = note.read_text(encoding="utf-8", errors="replace")
    raise StoreDamaged(f"{path} is damaged: {words}", hint=_HINT)


def note_of(path: Path) -> Path:
    """The file that says that the end of a database's log is lost, until it is repaired."""
    return path.with_name(f"{path.name}.damage")


def _asked(path: Path, log: Path, memory: Path, before: wal.Index | None) -> str:
    if (lost := wal.cut_off(log, memory, PAGE_BYTES)) > 0:
        return f"the last {lost} pages of {log} are missing"
    try:
        with closing(connect(path, mode="ro", patience_s=1.0)) as link:
            (page_bytes,) = link.execute("PRAGMA page_size").fetchone()
            link.execute("SELECT count(*) FROM sqlite_master").fetchone()
            fault = first_fault(link, CHECK_S)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    read = wal.index(memory)
    return wal.lost(log, before, page_bytes, read.frames if read is not None else 0) or fault


def check_size(path: Path, link: sqlite3.Connection) -> None:
    """Whether a file that was closed is as long as it says. Raises StoreDamaged."""
    (pages,) = link.execute("PRAGMA page_count").fetchone()
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        return
    missing = pages * PAGE_BYTES - os.stat(path).st_size  # noqa: PTH116  a string elsewhere
    if missing > 0:
        raise StoreDamaged(f"{path} is damaged: its last {missing} bytes are missing", hint=_HINT)


def first_fault(link: sqlite3.Connection, limit_s: float | None = None) -> str:
    """What is wrong with the pages of a file, in SQLite's words; empty when nothing was found."""
    deadline = time.monotonic() + (limit_s or 0)
    if limit_s is not None:
        link.set_progress_handler(lambda: time.monotonic() > deadline, _OPERATIONS)
    try:
        (found,) = link.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_INTERRUPT:
            raise
        return ""
    finally:
        link.set_progress_handler(None, 0)
    return "" if found == "ok" else str(found).replace("\n", " ")
