"""The reduced sandbox: a command that has given up rights, where no namespace can be had.

It reads the system's folders and the workspace but its secrets, writes what is in the workspace
and neither protected nor the state folder, and has a temporary folder of its own. Landlock allows
whole trees and knows no exceptions, so where something is protected the entries beside it get
their rights one by one, and nothing can be made or removed right there: at the top of the
workspace always, because of the stubs.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from workbench.errors import ToolError
from workbench.permission.paths import protection
from workbench.tools.place import Place
from workbench.tools.sandbox import confine
from workbench.tools.sandbox.bubblewrap import SETTINGS
from workbench.tools.sandbox.stubs import is_secret, kept_out

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/proc", *SETTINGS)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_MOST_ENTRIES = 10_000
_DEEPEST = 2
"""How far below the workspace protected names are looked for, as in the full sandbox."""


def is_there() -> bool:
    """Whether this kernel can do it."""
    return confine.abi() >= confine.LEAST_ABI


@contextmanager
def walls(
    argv: tuple[str, ...], program: str, place: Place
) -> Generator[tuple[tuple[str, ...], str]]:
    """The argv and program that run a command with less rights."""
    scratch = tempfile.TemporaryDirectory(prefix="kaizen-", ignore_cleanup_errors=True)
    with kept_out(place), scratch as tmp:
        system = [os.path.realpath(path) for path in (*_SYSTEM, sys.prefix, sys.base_prefix)]
        spec = {
            "list": [str(place.workspace)],
            "read": [*system, *_trees(place.workspace, place, is_secret)],
            "write": [*_DEVICES, *_trees(place.workspace, place, _is_protected)],
            "tmp": tmp,
        }
        launcher = (sys.executable, "-I", "-S", confine.__file__, json.dumps(spec))
        yield (*launcher, program, program, *argv[1:]), sys.executable


def _is_protected(name: str) -> bool:
    return protection(name) is not None


def _trees(
    folder: Path, place: Place, kept_out: Callable[[str], bool], depth: int = 0
) -> list[str]:
    """The largest trees in a folder that hold nothing kept out: at best the folder itself.

    Args:
        folder: where to look; real.
        place: whose state folder is always kept out.
        kept_out: whether an entry of this name is.
        depth: how far below the workspace this is.
    """
    found: list[str] = []
    is_whole = True
    looks = depth <= _DEEPEST or place.state.is_relative_to(folder)
    for path in _entries(folder) if looks else ():
        if path.is_symlink():  # where it leads is somebody else's to allow
            continue
        if path == place.state or kept_out(path.name):
            is_whole = False
        elif path.is_dir():
            below = _trees(path, place, kept_out, depth + 1)
            is_whole = is_whole and below == [str(path)]
            found += below
        else:
            found.append(str(path))
    return [str(folder)] if is_whole else found


def _entries(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in islice(entries, _MOST_ENTRIES + 1)]
    if len(found) > _MOST_ENTRIES:
        raise ToolError(
            f"{folder} has more than {_MOST_ENTRIES} entries: the reduced sandbox cannot be set up",
            hint="Install bubblewrap. Nothing was run",
        )
    return found
