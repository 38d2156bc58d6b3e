"""Who has a database open: each a shared lock on one file, for as long as it is open.

Whoever gets the exclusive lock is alone. Only then may the files be read or replaced by ordinary
means, in this process too: SQLite's own locks are lost when another descriptor of them is closed.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import StoreError
from workbench.store.ownership import locks_of


class Presence:
    """One opening's part in the lock."""

    def __init__(self, database: Path) -> None:
        folder = locks_of(database)
        folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._database = database
        self._descriptor = os.open(folder / f"{database.name}.open", flags, 0o600)

    def is_alone(self) -> bool:
        """Take the exclusive lock if nobody has the database open."""
        return self._take(fcntl.LOCK_EX)

    def join(self, patience_s: float) -> None:
        """Say that it is open here. StoreError while somebody must be alone with it."""
        deadline = time.monotonic() + patience_s
        while not self._take(fcntl.LOCK_SH):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"{self._database} is being repaired or compacted by another process",
                    hint="Wait until that is done",
                )
            threading.Event().wait(0.01)

    def leave(self) -> None:
        """It is closed."""
        os.close(self._descriptor)

    def _take(self, how: int) -> bool:
        try:
            fcntl.flock(self._descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextmanager
def alone(database: Path, what: str) -> Generator[None]:
    """Have a database to oneself. StoreError names whoever has it open."""
    presence = Presence(database)
    try:
        if not presence.is_alone():
            pids = ", ".join(map(str, users_of(database)))
            raise StoreError(
                f"{database} cannot be {what} while it is open elsewhere"
                + (f" (process {pids})" if pids else ""),
                hint="Leave every other kaizen-tui on this workspace first",
            )
        yield
    finally:
        presence.leave()


def users_of(database: Path) -> list[int]:
    """The processes that have the database open, as far as the system says."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or somebody else's
            if any(_leads_to(link, database) for link in (folder / "fd").iterdir()):
                found.append(int(folder.name))
    return sorted(found)


def _leads_to(link: Path, database: Path) -> bool:
    try:
        return os.readlink(link) == str(database)  # noqa: PTH115  a deleted file's is no path
    except OSError:
        return False
