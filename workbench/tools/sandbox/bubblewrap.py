"""The full sandbox: a command in namespaces of its own, built by bubblewrap.

Inside are the system's folders and the workbench's interpreter (read-only), an empty ``/tmp``
and the workspace; no home, no network, no other process, no state folder. Protected names are
read-only, and those that hold secrets cannot be read. Those that are missing are kept from
appearing in two ways, in `stubs.py`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from workbench.tools.place import Place
from workbench.tools.sandbox import stubs

_UNSHARE = (
    "--unshare-user", "--unshare-all", "--disable-userns", "--die-with-parent", "--new-session",
    "--cap-drop", "ALL", "--hostname", "sandbox",
)  # fmt: skip
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SETTINGS = (
    "/etc/alternatives", "/etc/ca-certificates", "/etc/group", "/etc/hosts", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/pki", "/etc/ssl", "/etc/terminfo",
)  # fmt: skip
_TMP_BYTES = 1024**3


@contextmanager
def walls(
    argv: tuple[str, ...], program: str, place: Place
) -> Generator[tuple[tuple[str, ...], str]]:
    """The argv and program that run a command in namespaces."""
    with stubs.kept_out(place) as protected:
        near = frozenset(protected)
        deeper = [path for path in stubs.secrets(place.workspace) if path not in near]
        yield (
            ("bwrap", *profile(place, [*protected, *deeper]), "--", program, *argv[1:]),
            place.sandbox.program,
        )


def profile(place: Place, protected: list[Path]) -> list[str]:
    """The options of bubblewrap for a place; what comes later covers what came before."""
    workspace, state = str(place.workspace), str(place.state)
    made = list(_UNSHARE)
    for path in _SYSTEM:
        made += _system(path)
    for path in SETTINGS:
        made += _setting(path)
    made += ["--proc", "/proc", "--dev", "/dev"]
    made += ["--size", str(_TMP_BYTES), "--tmpfs", "/tmp"]  # noqa: S108 (a new, empty one)
    made += ["--setenv", "HOME", "/tmp"]  # noqa: S108
    made += ["--bind", workspace, workspace]
    for path in _interpreter():
        made += ["--ro-bind", path, path]
    for path in protected:
        made += _covered(path) if stubs.is_secret(path.name) else ["--ro-bind", *[str(path)] * 2]
    if place.state.is_dir():
        made += ["--size", "4096", "--tmpfs", state, "--remount-ro", state]
    return [*made, "--remount-ro", "/", "--chdir", workspace]


def _covered(path: Path) -> list[str]:
    """What keeps a secret out of a command's sight, and so out of what a model gets to read."""
    if path.is_dir():
        return ["--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
    return ["--ro-bind", "/dev/null", str(path)]


def _system(path: str) -> list[str]:
    """A system folder, or the link that stands for it where ``/usr`` is merged."""
    if Path(path).is_symlink():
        return ["--symlink", str(Path(path).readlink()), path]
    return ["--ro-bind-try", path, path]


def _setting(path: str) -> list[str]:
    """One of `SETTINGS`: each bind takes 0.3 ms, so what leads to a system file is a link."""
    real = os.path.realpath(path)
    if real != path and real.startswith("/usr/"):
        return ["--symlink", real, path]
    return ["--ro-bind-try", path, path]


def _interpreter() -> list[str]:
    """Where Python lives when that is not a system folder; inside a workspace too."""
    found = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    return sorted(prefix for prefix in found if not prefix.startswith("/usr/"))
