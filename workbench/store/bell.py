"""Bells: how one process wakes another on this machine, without either of them looking round.

A bell is a FIFO beside the locks, one for each process that drives something. Its owner holds it
open and waits for it with its event loop; whoever has added a request writes one byte. Nothing is
said through it: a lost ring costs no more than a beat's delay.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

_FLAGS = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class Bell:
    """The bell of this process, until taken down."""

    def __init__(self, folder: Path) -> None:
        """Hang it up. Raises OSError where a file system knows no FIFOs."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.name = f"{os.getpid()}-{token_hex(4)}.bell"
        self._path = folder / self.name
        aside = folder / f".{self.name}"
        os.mkfifo(aside, 0o600)
        # Open for both, so that it never ends; named only then, so that whoever finds nobody
        # listening at a name knows its process is gone.
        self.descriptor = os.open(aside, os.O_RDWR | _FLAGS)
        aside.rename(self._path)

    def hush(self) -> None:
        """Take in what was rung."""
        with suppress(BlockingIOError):
            while len(os.read(self.descriptor, 4096)) == 4096:
                pass

    def take_down(self) -> None:
        """Remove it."""
        self._path.unlink(missing_ok=True)
        os.close(self.descriptor)


def ring(folder: Path, name: str) -> bool:
    """Wake a process; whether there was one. A bell whose process is gone is taken down."""
    if not name.endswith(".bell") or "/" in name:
        return False
    path = folder / name
    try:
        descriptor = os.open(path, os.O_WRONLY | _FLAGS)
    except OSError as error:
        if error.errno == errno.ENXIO:
            path.unlink(missing_ok=True)
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return False
        with suppress(BlockingIOError):  # full: it has been rung often enough
            os.write(descriptor, b"!")
        return True
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Take down the bells that killed processes left."""
    for path in folder.glob("*.bell"):
        with suppress(OSError):
            try:
                os.close(os.open(path, os.O_WRONLY | _FLAGS))
            except OSError as error:
                if error.errno == errno.ENXIO:
                    path.unlink()
