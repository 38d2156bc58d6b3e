"""A small disk for tests: a tmpfs of its own, filled up to a few bytes and emptied again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    """A folder on a disk that is really full when it is full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, but_bytes: int = 0) -> None:
        """Leave only so much free (in whole pages)."""
        while (over := self._free() - but_bytes) > 0:
            with self._filler.open("ab") as file:
                try:
                    file.write(b"\0" * min(over, 2**20))
                except OSError:
                    return

    def empty(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    def _free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


@contextmanager
def small_disk(folder: Path, size_mib: int = 12) -> Generator[SmallDisk]:
    """Mount one on a folder; skips the test where that is not allowed."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
