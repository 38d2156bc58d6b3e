"""Writing a file of the user's settings: all of it or nothing, and nobody else's to read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workbench.errors import ConfigError


def write_whole(file: Path, text: str) -> None:
    """Put a text in the place of a file; a new one is its owner's only.

    Whoever reads meanwhile, or after a crash, finds the old text or the new one. Raises
    ConfigError when it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o600
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        new.chmod(mode)
        new.replace(file)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error
