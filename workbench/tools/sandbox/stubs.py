"""Keep protected names of a workspace as they are while a sandboxed command runs.

What is there is bound read-only. What is missing could be created, and would gain execution at
the next start of something: for the names that act soonest, an empty stub stands in the way
while the command runs; anything else of that kind that appeared is set aside afterwards, under
a name that nothing starts from.
"""

from __future__ import annotations

import os
import stat
from collections import Counter, deque
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path

from workbench.permission.paths import protection
from workbench.tools.place import Place

_FOLDERS = (".git", ".github", ".vscode", ".idea", ".husky", ".claude", ".kaizen")
_FILES = (".envrc", ".env", ".mcp.json", "kaizen.toml", ".gitmodules", ".pre-commit-config.yaml")
_FOLDER_MODE, _FILE_MODE = 0o555, 0o444
_NEARBY = 2_000
_LOOKED_AT, _DEEP = 4_000, 5
_VAST = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", "target", "vendor"})
"""Folders that hold other people's things by the thousand."""
_PACKAGES = "lib*/python*/site-packages"
_standing: Counter[Path] = Counter()
"""The stubs of this process and how many commands need each; only the core's thread asks."""


@contextmanager
def kept_out(place: Place) -> Generator[list[Path]]:
    """The paths to bind read-only; afterwards stubs are gone and new names set aside."""
    made = [path for path in _candidates(place.workspace) if _put(path)]
    before = protected(place.workspace)
    try:
        yield before
    finally:
        for path in made:
            _take_away(path)
        for path in protected(place.workspace):
            if path not in before and path not in _standing:
                _set_aside(path)


def protected(workspace: Path) -> list[Path]:
    """What is there and protected: at the top, one folder down, and in virtual environments.

    A Python that starts from one of those runs every ``.pth`` file among its packages.
    """
    top = _scanned(workspace)
    folders = [e for e in top if e.is_dir(follow_symlinks=False) and not _is_protected(e.name)]
    found = [*top, *(entry for folder in folders for entry in _scanned(folder.path))]
    for folder in (str(workspace), *(folder.path for folder in folders)):
        if os.path.exists(f"{folder}/pyvenv.cfg"):  # noqa: PTH110 - once for each folder
            found += [e for site in Path(folder).glob(_PACKAGES) for e in _scanned(site)]
    return [Path(e.path) for e in found if _is_protected(e.name) and not e.is_symlink()]


def secrets(workspace: Path) -> list[Path]:
    """What must not be read, further down: the nearest first, until so much was looked at.

    What lies beyond that is not covered: a command that names it is asked about all the same.
    """
    found: list[Path] = []
    folders, looked = deque([(str(workspace), 0)]), 0
    while folders and looked < _LOOKED_AT:
        folder, depth = folders.popleft()
        entries = _scanned(folder)
        looked += len(entries)
        for entry in entries:
            if is_secret(entry.name):
                if not entry.is_symlink():
                    found.append(Path(entry.path))
            elif depth < _DEEP and entry.is_dir(follow_symlinks=False) and entry.name not in _VAST:
                folders.append((entry.path, depth + 1))
    return found


@lru_cache(maxsize=8_192)
def is_secret(name: str) -> bool:
    """Whether a name stands for something that must not even be read."""
    found = protection(name)
    return found is not None and found.kind == "secret"


@lru_cache(maxsize=8_192)
def _is_protected(name: str) -> bool:
    return protection(name) is not None


def _candidates(workspace: Path) -> list[Path]:
    return [workspace / name for name in (*_FOLDERS, *_FILES)]


def _put(path: Path) -> bool:
    """Make a stub, or share the one that stands; False when something real is there."""
    if path not in _standing:
        try:
            if path.name in _FOLDERS:
                path.mkdir(mode=_FOLDER_MODE)
            else:
                path.touch(mode=_FILE_MODE, exist_ok=False)
        except OSError:
            if not _is_left_over(path):
                return False
    _standing[path] += 1
    return True


def _is_left_over(path: Path) -> bool:
    """Whether a killed program's stub stands there: empty, and writable for nobody."""
    with suppress(OSError):
        found = path.lstat()
        if stat.S_ISDIR(found.st_mode):
            return stat.S_IMODE(found.st_mode) == _FOLDER_MODE and not any(path.iterdir())
        is_stub = stat.S_IMODE(found.st_mode) == _FILE_MODE and found.st_size == 0
        return stat.S_ISREG(found.st_mode) and is_stub
    return False


def _take_away(path: Path) -> None:
    _standing[path] -= 1
    if _standing[path] > 0:
        return
    del _standing[path]
    with suppress(OSError):
        if path.is_dir():
            path.rmdir()
        elif path.stat().st_size == 0:
            path.unlink()


def _set_aside(path: Path) -> None:
    with suppress(OSError):
        path.rename(path.with_name(f"set-aside{path.name}.{os.urandom(3).hex()}"))


def _scanned(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(islice(entries, _NEARBY))
    except OSError:
        return []
