"""Which branch the user's own repository has checked out: one small file, read as text."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_MOST = 4096


def head_of(folder: Path) -> str:
    """``refs/heads/main``, or a commit when no branch is checked out; empty without a repository.

    Nothing is executed and nothing is written: a ``.git`` that is a file is followed for the one
    file ``HEAD`` and no further.
    """
    found = _read(folder / ".git" / "HEAD")
    if not found:
        pointer = _read(folder / ".git")
        if pointer.startswith("gitdir: "):
            elsewhere = Path(os.path.normpath(folder / pointer.removeprefix("gitdir: ")))
            found = _read(elsewhere / "HEAD")
    return found.removeprefix("ref: ").strip() if _is_head(found) else ""


def _is_head(text: str) -> bool:
    name = text.removeprefix("ref: ")
    return name.startswith("refs/") or (
        len(name) >= 40 and all(c in "0123456789abcdef" for c in name)
    )


def _read(path: Path) -> str:
    """The first line of a small regular file; empty when it is none."""
    with suppress(OSError):
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return file.read(_MOST).decode("utf-8", "replace").partition("\n")[0]
    return ""
