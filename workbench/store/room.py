"""Room on the disk: how much there is, and the little that is kept for when it ends.

The ballast is a file of a few MiB that holds nothing. When the disk is full it is given up, and
what has already happened in the world can still be recorded in its place; nothing new starts
until it could be put back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from workbench.errors import StoreFull
from workbench.store.connection import ROOM

BALLAST_BYTES: Final = 4 * 2**20
"""At most; of a small disk it takes a sixteenth."""

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
"""How long to wait for room before looking again, the last one from then on."""


OnRoom = Callable[[StoreFull | None], None]
"""Told that there is no room to record anything, and with None that there is again."""


def free_bytes(folder: Path) -> int:
    """What may still be written on the disk of a folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def total_bytes(folder: Path) -> int:
    """How big the disk of a folder is."""
    found = os.statvfs(folder)
    return found.f_blocks * found.f_frsize


class Ballast:
    """The file that is given up when nothing else can be written; several processes share it."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(f"{database.name}.ballast")
        self._bytes = min(BALLAST_BYTES, total_bytes(database.parent) // 16 or BALLAST_BYTES)

    def give_up(self) -> bool:
        """Free its room; False when there was none to free."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def put_back(self) -> bool:
        """Take the room again; False when there is not enough of it. Nothing is written."""
        try:
            if self._path.stat().st_size == self._bytes:
                return True
        except OSError:
            pass
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
        except OSError:
            return False
        try:
            os.posix_fallocate(descriptor, 0, self._bytes)
        except OSError:
            self.give_up()
            return False
        finally:
            os.close(descriptor)
        return True


class Reserve:
    """Whether the writer can record, as its thread knows; tells who listens when that changes."""

    def __init__(self, database: Path) -> None:
        self.full: StoreFull | None = None
        """Why nothing can be recorded, while that is so."""
        self._database = database
        self._ballast = Ballast(database)
        self._is_ready = False
        """Whether the ballast is known to be there."""
        self._looks = 0
        self._told: OnRoom | None = None

    def watch(self, told: OnRoom) -> None:
        """Have ``told`` called on the writer's thread; at once if there is no room now."""
        self._told = told
        if self.full is not None:
            told(self.full)

    def ran_out(self, error: StoreFull) -> bool:
        """Something found no room. True when the ballast was given up for it: try again."""
        self._is_ready = False
        given_up = self._ballast.give_up()
        is_news = self.full is None
        self.full = error
        if is_news and self._told is not None:
            self._told(error)
        return given_up

    def look(self) -> None:
        """All is recorded: put the ballast back. While that fails, nothing new should start."""
        if self._is_ready:
            return
        self._is_ready = self._ballast.put_back()
        if not self._is_ready:
            words = f"there is hardly any room left for {self._database}"
            self.ran_out(self.full or StoreFull(words, hint=ROOM))
        elif self.full is not None:
            self.full, self._looks = None, 0
            if self._told is not None:
                self._told(None)

    def pause_s(self) -> float | None:
        """How long to wait before looking again; None while there is room."""
        if self.full is None:
            return None
        self._looks += 1
        return PAUSES_S[min(self._looks, len(PAUSES_S)) - 1]
