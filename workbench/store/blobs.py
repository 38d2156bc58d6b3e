"""Payloads that are too big for a row: files named by the digest of what they hold.

A blob is complete and on disk under its name, or it is not there: it is written to a file of
another name, synced, renamed, and the folder is synced. So a row that names it can be committed
right after. The same content is stored once; nothing here is ever changed.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from workbench.errors import StoreDamaged
from workbench.values import digest

TOUCH_S: Final = 300.0
"""How long it is remembered that a blob is there; much less than a clean-up waits."""


class BlobGone(Exception):
    """A blob was cleaned up between its writing and its row's."""


class Blobs:
    """The folder of blobs; made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, float] = {}
        """When each was last known to be there and said to be wanted, by the monotonic clock."""

    def write(self, content: bytes) -> str:
        """Keep the content durably and return its digest."""
        name = digest(content, 32)
        if time.monotonic() - self._known.get(name, -TOUCH_S) < TOUCH_S:
            return name
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / name
        if not path.is_file() or path.stat().st_size != len(content):
            self._place(path, content)
        else:
            os.utime(path)  # it is wanted, says this to whoever cleans up
        # Also when the file was there: who wrote it may have died before this.
        _sync_folder(self._folder)
        self._known[name] = time.monotonic()
        return name

    def check(self, names: Iterable[str]) -> None:
        """Whether what was written is still there, for whoever keeps others from cleaning up.

        Raises:
            BlobGone: somebody has cleaned it up: write it again.
        """
        for name in names:
            if not (self._folder / name).exists():
                self._known.clear()
                raise BlobGone(name)

    def untouched(self, before: float) -> dict[str, int]:
        """What nobody has written since, halves that a crash left included; bytes by name."""
        found: dict[str, int] = {}
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._folder):
                status = entry.stat(follow_symlinks=False)
                if entry.is_file(follow_symlinks=False) and status.st_mtime < before:
                    found[entry.name] = status.st_size
        return found

    def remove(self, names: Mapping[str, int]) -> int:
        """Remove blobs; how many bytes that freed."""
        freed = 0
        for name, size in names.items():
            with suppress(FileNotFoundError):
                (self._folder / name).unlink()
                freed += size
            self._known.pop(name, None)
        return freed

    def read(self, name: str) -> bytes:
        """The content of a blob.

        Raises:
            StoreDamaged: it is missing, or is not what its name says.
        """
        path = self._folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise StoreDamaged(f"the blob {path} cannot be read: {reason}", hint=_HINT) from error
        if digest(content, 32) != name:
            raise StoreDamaged(f"the blob {path} is not what was written", hint=_HINT)
        return content

    def _place(self, path: Path, content: bytes) -> None:
        new = path.with_name(f".{path.name[:16]}.{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with os.fdopen(os.open(new, flags, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


_HINT = "Rows that name it cannot be read; restore it from a backup, or fork before them"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
