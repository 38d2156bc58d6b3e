"""What of a work tree is to be in a snapshot: git lists, and here is decided what may be copied."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workbench.errors import WorkbenchError
from workbench.permission.paths import is_secret
from workbench.workspace.git import Git

MOST_FILES: Final = 50_000
MOST_FILE_BYTES: Final = 16 * 1024**2
MOST_NEW_BYTES: Final = 1024**3
LIST_S: Final = 20.0
_MOST_LISTED: Final = 32 * 1024**2


class TooLarge(WorkbenchError):
    """A tree beyond the bounds of a snapshot; the message says which bound."""

    code = "too_large"


@dataclass(slots=True)
class Listing:
    """What differs between an index and its work tree, as far as it may be copied."""

    taken: list[bytes] = field(default_factory=list[bytes])
    """New and changed files and links."""
    gone: list[bytes] = field(default_factory=list[bytes])
    """What the index has and a snapshot must not have any more."""
    new_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter[str])
    """How many were left out, by reason: ``secret large nested special``."""


def listed(git: Git, index: Path, tree: Path, skipped: str, tracked: set[bytes]) -> Listing:
    """Compare a work tree with an index.

    Args:
        git: the shadow repository.
        index: its index for this tree.
        tree: the folder.
        skipped: a path below the tree that is left out whole (the state folder), or empty.
        tracked: what the user's repository tracks although an ignore file names it.

    Raises:
        TooLarge, TookTooLong, GitFailed.
    """
    words: list[str | bytes] = ["ls-files", "-z", "-t", "--others", "--modified", "--deleted"]
    words.append("--exclude-per-directory=.gitignore")
    excluded = tree / ".git" / "info" / "exclude"
    if _is_small_file(excluded):
        words.append(f"--exclude-from={excluded}")
    if skipped:
        words.append(f"--exclude=/{_escaped(skipped)}/")
    said = git.read(*words, index=index, tree=tree, limit_s=LIST_S, most_bytes=_MOST_LISTED)
    found = Listing()
    prefix = os.fsencode(skipped) + b"/" if skipped else b""
    ours = len(prefix) > 0
    seen: set[bytes] = set()
    for entry in [*said.split(b"\0"), *(b"? " + path for path in sorted(tracked))]:
        path = entry[2:]
        if path and path not in seen and not (ours and path.startswith(prefix)):
            seen.add(path)
            _sort(found, entry[:1], path, tree)
    _refuse_excess(found, entries(index))
    return found


def _sort(found: Listing, tag: bytes, path: bytes, tree: Path) -> None:
    is_new = tag == b"?"
    if path.endswith(b"/"):
        found.left_out["nested"] += 1
        return
    try:
        status = os.lstat(os.path.join(os.fsencode(tree), path))  # noqa: PTH118 - bytes
    except (FileNotFoundError, NotADirectoryError):
        status = None
    reason = "gone" if status is None else _left_out(os.fsdecode(path), status)
    if not reason and status is not None:
        found.taken.append(path)
        found.new_bytes += status.st_size
        return
    if reason not in {"gone", "folder"}:
        found.left_out[reason] += 1
    if not is_new:
        found.gone.append(path)


def _left_out(path: str, status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    if is_secret(path):
        return "secret"
    if stat.S_ISREG(status.st_mode):
        return "large" if status.st_size > MOST_FILE_BYTES else ""
    return "" if stat.S_ISLNK(status.st_mode) else "special"


def _refuse_excess(found: Listing, known: int) -> None:
    if known + len(found.taken) > MOST_FILES:
        raise TooLarge(f"the folder has more than {MOST_FILES:,} files")
    if found.new_bytes > MOST_NEW_BYTES:
        raise TooLarge(f"the folder has more than {MOST_NEW_BYTES // 1024**2} MiB to be kept")


def entries(index: Path) -> int:
    """How many files an index has: it says so at its beginning."""
    try:
        with index.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        return 0
    return int.from_bytes(head[8:12], "big") if head[:4] == b"DIRC" else 0


def tracked_though_ignored(git: Git, tree: Path) -> set[bytes]:
    """What the user's own repository tracks although an ignore file names it.

    Only the index's list of names is read, by our git under our configuration. A repository whose
    folder lies elsewhere (``.git`` is a file) is not followed.
    """
    index = tree / ".git" / "index"
    if (tree / ".git").is_symlink() or not _is_small_file(index, _MOST_LISTED):
        return set()
    words = ("ls-files", "-z", "--cached", "--ignored", "--exclude-per-directory=.gitignore")
    said = git.read(*words, index=index, tree=tree, limit_s=LIST_S, most_bytes=_MOST_LISTED)
    return {path for path in said.split(b"\0") if path}


def _is_small_file(path: Path, most: int = 1024**2) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size <= most


def _escaped(path: str) -> str:
    """A path as a pattern of an ignore file that means just it."""
    return "".join(f"\\{c}" if c in "\\*?[ !#" else c for c in path)
