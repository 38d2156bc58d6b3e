"""Backups: one file that is a whole database, with the contents of the blobs its rows name.

It is copied through SQLite while others go on working, shows one moment of all runs, and is read
again from beginning to end before it gets its name.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workbench.errors import StoreDamaged, StoreError, StoreForeign, UsageError
from workbench.store import deleting, opening, schema, swapping
from workbench.store.blobs import Blobs
from workbench.store.chain import Chain
from workbench.store.connection import FAILURES, connect, translated
from workbench.store.packing import COLUMNS, unpack
from workbench.store.schema import AUDITED_SINCE, PLACE
from workbench.values import digest

Progress = Callable[[str], None]
_OPERATIONS: Final = 200_000
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Backup:
    """What stands in a backup."""

    file: str
    runs: int
    rows: int
    blobs: int
    size_bytes: int


def back_up(path: Path, target: Path, progress: Progress = lambda _: None) -> Backup:
    """Write a backup of a database, and read it again.

    Raises:
        UsageError: there is a file of that name.
        StoreDamaged: something in the database cannot be read: a backup of it would not be one.
        StoreError: it cannot be written.
    """
    if target.exists():
        raise UsageError(f"{target} is there already", hint="Name another file")
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        _copy(path, part, progress)
        progress("reading it again")
        found = check_backup(part)
        part.replace(target)
    except FAILURES as error:
        part.unlink(missing_ok=True)
        raise translated(error, target) from error
    return Backup(str(target), found.runs, found.rows, found.blobs, target.stat().st_size)


def _copy(path: Path, part: Path, progress: Progress) -> None:
    expected = max(path.stat().st_size, 1)

    def told() -> None:
        done = part.stat().st_size if part.exists() else 0
        progress(f"{min(done * 100 // expected, 99)} % of {expected // 2**20} MiB")

    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(connect(path, mode="ro", patience_s=10.0)) as link:
        link.execute("PRAGMA query_only=OFF")
        link.set_progress_handler(told, _OPERATIONS)
        link.execute("VACUUM INTO ?", (str(part),))
    with closing(connect(part, mode="rw", patience_s=1.0)) as link:
        link.execute("PRAGMA journal_mode=DELETE")
        link.execute("BEGIN IMMEDIATE")
        link.execute("CREATE TABLE blobs (name TEXT PRIMARY KEY, content BLOB NOT NULL) STRICT")
        _take_blobs(link, Blobs(path.parent / "blobs"), progress)
        link.execute("COMMIT")


def _take_blobs(link: sqlite3.Connection, blobs: Blobs, progress: Progress) -> None:
    """Every blob that rows name and that is there; rows are checked for theirs afterwards."""
    wanted: set[str] = set()
    for _, data in _data(link):
        wanted |= deleting.names_in(data)
    there, taken = blobs.untouched(float("inf")), 0
    left = sorted(wanted & there.keys())
    while left:
        name = left.pop()
        content = blobs.read(name)
        link.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (name, content))
        wanted.add(name)
        # What stands in a blob can name others.
        more = (deleting.names_in(content) & there.keys()) - wanted
        wanted |= more
        left += sorted(more)
        taken += 1
        if taken % 100 == 0:
            progress(f"{taken} blobs")


def _data(link: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    after = 0
    query = "SELECT id, data FROM events WHERE id > ? ORDER BY id LIMIT ?"
    while page := link.execute(query, (after, _PAGE)).fetchall():
        yield from ((place, str(data).encode()) for place, data in page)
        after = page[-1][0]


class _Kept(Blobs):
    """The blobs in a backup."""

    def __init__(self, link: sqlite3.Connection) -> None:
        super().__init__(Path())
        self._link = link

    def read(self, name: str) -> bytes:
        """The content of a blob. Raises StoreDamaged."""
        query = "SELECT content FROM blobs WHERE name = ?"
        found = self._link.execute(query, (name,)).fetchone()
        if found is None or digest(found[0], 32) != name:
            raise StoreDamaged(f"the blob {name} is missing or changed")
        return found[0]


def check_backup(file: Path) -> Backup:
    """Read a backup from beginning to end.

    Raises:
        StoreForeign: it is no backup.
        StoreDamaged: something in it cannot be read.
        StoreError: there is no such file.
    """
    if not file.is_file():
        raise StoreError(f"there is no file {file}")
    try:
        with closing(connect(file, mode="ro", patience_s=1.0)) as link:
            return _checked(file, link)
    except (sqlite3.Error, OSError) as error:
        raise translated(error, file) from error


def _checked(file: Path, link: sqlite3.Connection) -> Backup:
    opening.identify(link, file)
    if not link.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs'").fetchone():
        raise StoreForeign(f"{file} is no backup", hint="Make one with: kaizen-tui backup")
    (fault,) = link.execute("PRAGMA integrity_check(1)").fetchone()
    if fault != "ok":
        raise StoreDamaged(f"{file} is damaged: {fault}")
    kept, rows, after = _Kept(link), 0, 0
    lost = {run_id for (run_id,) in link.execute("SELECT run_id FROM losses")}
    query = (
        f"SELECT id, {COLUMNS} FROM events WHERE id > ? AND run_id <> ? ORDER BY id LIMIT {_PAGE}"  # noqa: S608
    )
    while page := link.execute(query, (after, PLACE)).fetchall():
        for row in page:
            if row[1] not in lost:
                unpack(row[1:], kept)
        rows += len(page)
        after = page[-1][0]
    (runs,) = link.execute("SELECT count(*) FROM run_states").fetchone()
    blobs = 0
    for (name,) in link.execute("SELECT name FROM blobs").fetchall():
        kept.read(name)
        blobs += 1
    return Backup(str(file), runs, rows, blobs, file.stat().st_size)


def restore(file: Path, path: Path, now: float, progress: Progress = lambda _: None) -> Path | None:
    """Put a backup in a database's place; where what was there is now. The caller is alone.

    Raises:
        StoreNewer: a later version made the backup.
        StoreError: it is none, or is damaged; nothing was changed then.
    """
    progress("reading the backup")
    check_backup(file)
    with closing(connect(file, mode="ro", patience_s=1.0)) as link:
        (version,) = link.execute("PRAGMA user_version").fetchone()
        if version > schema.VERSION:
            raise opening.newer(file, version)
        blobs = Blobs(path.parent / "blobs")
        for count, (content,) in enumerate(link.execute("SELECT content FROM blobs"), 1):
            blobs.write(content)
            if count % 100 == 0:
                progress(f"{count} blobs")
    swapping.finish(path)
    new = swapping.new_file(path)
    try:
        with file.open("rb") as source, new.open("wb") as target:
            while piece := source.read(2**20):
                target.write(piece)
        with closing(connect(new, mode="rw", patience_s=1.0)) as link:
            link.execute("BEGIN IMMEDIATE")
            link.execute("DROP TABLE blobs")
            if version >= AUDITED_SINCE:
                Chain(link).add("store.restored", now, {"file": file.name, "by": "user"})
            link.execute("COMMIT")
    except FAILURES as error:
        new.unlink(missing_ok=True)
        raise translated(error, path) from error
    return swapping.swap(path, "before-restore", now)
