"""Opening the file: whose it is, whether it can be used, and bringing its schema up to date.

A file that is not ours is never touched, one that a later version wrote is only read, and every
refusal is a sentence that names the file and what to do.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path

from workbench.errors import StoreError, StoreForeign, StoreNewer
from workbench.store import chain, remembered, schema, states
from workbench.store.blobs import Blobs
from workbench.store.connection import (
    FAILURES,
    Readers,
    Synchronous,
    connect,
    of_the_disk,
    settle,
    translated,
)
from workbench.store.ownership import FileLock
from workbench.store.presence import Presence
from workbench.store.swapping import finish
from workbench.store.unclean import check_size, check_what_was_left


def join(path: Path, patience_s: float, *, readonly: bool) -> Presence | None:
    """Say that the file is open here; if nobody else has it, after a look at what is left there.

    Whoever only reads what is not theirs cannot say so, and need not.

    Raises:
        StoreDamaged: what a killed program left is not in order.
        StoreError: it is being repaired or compacted.
    """
    try:
        presence = Presence(path)
    except OSError as error:
        if readonly:
            return None
        raise of_the_disk(error, path) from error
    with ExitStack() as undo:
        undo.callback(presence.leave)
        if presence.is_alone():
            finish(path)
            check_what_was_left(path)
        presence.join(patience_s)
        undo.pop_all()
    return presence


def for_reading(path: Path, readers: Readers) -> None:
    """Whether a file can be read: ours, and not older than what the queries ask for."""
    if not path.exists():
        raise StoreError(f"there is no database at {path}")
    with readers.read() as link:
        version = identify(link, path)
    if version < schema.VERSION:
        raise StoreError(
            f"{path} has schema {version}, and reading needs {schema.VERSION}",
            hint="Open it for writing once, which upgrades it",
        )


def for_writing(path: Path, synchronous: Synchronous, patience_s: float) -> sqlite3.Connection:
    """The connection that writes, on a file (see `prepare`) that is ours and up to date."""
    link = connect(path, mode="rw", patience_s=patience_s)
    try:
        known(link, path)
        check_size(path, link)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        settle(link, synchronous)
        if known(link, path) < schema.VERSION:
            _upgrade(link, path, patience_s)
    except FAILURES as error:
        link.close()
        raise translated(error, path) from error
    return link


def _upgrade(link: sqlite3.Connection, path: Path, patience_s: float) -> None:
    lock = FileLock(path, patience_s)
    try:
        with lock.held():
            # Another workbench may have done it while this one waited.
            if known(link, path) < schema.VERSION:
                blobs = Blobs(path.parent / "blobs")
                schema.upgrade(link, path, count_anew=lambda: _count_anew(link, blobs))
    finally:
        lock.close()


def _count_anew(link: sqlite3.Connection, blobs: Blobs) -> None:
    states.rebuild(link, blobs)
    remembered.take_old(link)
    remembered.index_anew(link)
    if not chain.head(link).number:
        chain.begin(link, time.time())


def known(link: sqlite3.Connection, path: Path) -> int:
    """The file's schema version, if it is one that this program can write."""
    version = identify(link, path)
    if version > schema.VERSION:
        raise newer(path, version)
    return version


def prepare(path: Path) -> None:
    """Make the folder and an empty private file where there are none; check that both can be used.

    A folder that is already there keeps its mode: it may hold other things of its owner.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            os.close(os.open(path, flags, 0o600))
        except FileExistsError:
            _check_rights(path)
    except OSError as error:
        raise of_the_disk(error, path) from error


def _check_rights(path: Path) -> None:
    """Whether an existing file can be written; asked without opening it, see `connection`."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder, and a database is a file")
    effective = os.access in os.supports_effective_ids
    may_read = os.access(path, os.R_OK, effective_ids=effective)
    may_file = may_read and os.access(path, os.W_OK, effective_ids=effective)
    if not may_file or not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=effective):
        raise StoreError(
            f"{path} cannot be written: permission denied",
            hint="Check that it and its folder belong to you, or open it read-only",
            can_be_read=may_read,
        )


def identify(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of the file, 0 for an empty one.

    Raises:
        StoreForeign: it is a database of another program.
        StoreDamaged: it is not a database, or its first pages cannot be read.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == schema.APPLICATION_ID:
            # Touches the newest page, which a file cut short has lost.
            connection.execute("SELECT max(id) FROM events").fetchone()
            return int(version)
    except sqlite3.Error as error:
        raise translated(error, path) from error
    if application == 0 and version == 0 and things == 0:
        return 0
    raise StoreForeign(
        f"{path} is a database of another program", hint="Name another file for the workbench"
    )


def newer(path: Path, version: int) -> StoreNewer:
    """The refusal to write what a later version wrote."""
    return StoreNewer(
        f"{path} has schema {version}, and this version of kaizen-tui knows {schema.VERSION}",
        hint="Update kaizen-tui, or open it read-only",
    )
