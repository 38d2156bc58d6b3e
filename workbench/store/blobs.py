"""Payloads that are too big for a row: files named by the digest of what they hold.

A blob is complete and on disk under its name, or it is not there: it is written to a file of
another name, synced, renamed, and the folder is synced. So a row that names it can be committed
right after. The same content is stored once; nothing here is ever changed.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from workbench.errors import StoreDamaged
from workbench.values import digest


class Blobs:
    """The folder of blobs; made when the first one is written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[str] = set()

    def write(self, content: bytes) -> str:
        """Keep the content durably and return its digest."""
        name = digest(content, 32)
        if name in self._known:
            return name
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._folder / name
        if not path.is_file() or path.stat().st_size != len(content):
            self._place(path, content)
        # Also when the file was there: who wrote it may have died before this.
        _sync_folder(self._folder)
        self._known.add(name)
        return name

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
