"""Reach a file one folder at a time, following no link, and check what was reached.

A path is resolved once (`locate`) and judged; then it is walked again from the workspace's own
descriptor with ``O_NOFOLLOW``, so whoever swaps a folder for a link in between makes the walk
fail instead of leading it elsewhere. The state folder and the kernel's own file systems are
recognised by device and inode, not by spelling.
"""

from __future__ import annotations

import errno
import os
import os.path
import stat
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from workbench.errors import Denied, ToolError, nearest
from workbench.permission.danger import Facts
from workbench.permission.paths import below
from workbench.tools.place import Place

_ANCHOR = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Target:
    """Where a path leads when every link is resolved."""

    asked: str
    path: Path
    """Absolute and real at the time of asking."""
    root: Path
    """Where the walk starts: the workspace, or ``/`` for what lies outside."""
    parts: tuple[str, ...]
    """The walk, folder by folder; empty for the root itself."""
    outside: bool


def locate(asked: str, place: Place, *, keep_link: bool = False) -> Target:
    """Find where a path leads; with ``keep_link`` a link at its end is the target itself."""
    if not asked or "\0" in asked:
        raise ToolError(f"{asked!r} is not a path")
    if asked.startswith("~"):
        raise ToolError(f"{asked!r}: '~' is not expanded", hint="Write the path in full")
    joined = os.path.join(place.workspace, asked)  # noqa: PTH118 (Path would drop a final '..')
    real = _real(joined, keep_link=keep_link)
    path, inside = Path(real), below(real, str(place.workspace))
    if inside is None:
        root = Path(path.anchor)
        return Target(asked, path, root, path.relative_to(root).parts, outside=True)
    parts = () if inside == "." else tuple(inside.split("/"))
    return Target(asked, path, place.workspace, parts, outside=False)


def _real(joined: str, *, keep_link: bool) -> str:
    folder, name = os.path.split(joined.rstrip("/") or "/")
    if keep_link and name not in {"", ".", ".."}:
        return f"{os.path.realpath(folder).rstrip('/')}/{name}"
    return os.path.realpath(joined)


def admit(target: Target, place: Place, decided: Facts | None) -> None:
    """Refuse what no decision can open, and what lies elsewhere than was decided on."""
    refuse_state(target, place)
    if decided is None:
        if target.outside:
            raise Denied(f"{target.asked!r} leads out of the workspace, to {target.path}")
    elif str(target.path) not in decided.targets:
        was = ", ".join(decided.targets) or "nothing"
        raise Denied(f"{target.asked!r} now leads to {target.path}; it was decided on {was}")


def refuse_state(target: Target, place: Place) -> None:
    """Nothing opens the workbench's own folder, whoever decided what."""
    if below(str(target.path), str(place.state)) is not None:
        raise Denied(f"{target.asked!r} lies in the workbench's own folder")


@contextmanager
def folder_of(target: Target, place: Place, *, create: bool = False) -> Generator[int]:
    """The descriptor of the folder that holds the target, reached without following links."""
    with descended(target, target.parts[:-1], place, create=create) as descriptor:
        yield descriptor


@contextmanager
def descended(
    target: Target, parts: tuple[str, ...], place: Place, *, create: bool = False
) -> Generator[int]:
    """The descriptor of a folder below the target's root."""
    here = os.open(target.root, _ANCHOR)
    try:
        _refuse_folder(os.fstat(here), target, place)
        for part in parts:
            if create:
                _make(part, here)
            deeper = _deeper(part, here, target)
            os.close(here)
            here = deeper
            _refuse_folder(os.fstat(here), target, place)
        yield here
    finally:
        os.close(here)


@contextmanager
def deeper(part: str, here: int, target: Target, place: Place) -> Generator[int]:
    """The descriptor of one folder further down, by the same rules."""
    descriptor = _deeper(part, here, target)
    try:
        _refuse_folder(os.fstat(descriptor), target, place)
        yield descriptor
    finally:
        os.close(descriptor)


def _make(part: str, here: int) -> None:
    try:
        os.mkdir(part, dir_fd=here)
    except FileExistsError:
        return


def _deeper(part: str, here: int, target: Target) -> int:
    try:
        return os.open(part, _ANCHOR, dir_fd=here)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR} and _is_link(part, here):
            raise Denied(f"{target.asked!r} changed: {part!r} became a link") from error
        raise


def _is_link(part: str, here: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True


def _refuse_folder(found: os.stat_result, target: Target, place: Place) -> None:
    if (found.st_dev, found.st_ino) == _identity(str(place.state)):
        raise Denied(f"{target.asked!r} lies in the workbench's own folder")
    if target.outside and found.st_dev in _kernel_devices():
        raise ToolError(f"{target.asked!r} lies in a file system of the kernel")


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 (on the way of every call; Path costs as much again)
    except OSError:
        return None
    return found.st_dev, found.st_ino


@cache
def _kernel_devices() -> frozenset[int]:
    found = {identity[0] for name in ("/proc", "/sys", "/dev") if (identity := _identity(name))}
    root = _identity("/")
    return frozenset(found - ({root[0]} if root else set()))


def standing(name: str, folder: int) -> os.stat_result | None:
    """What stands under a name now, itself and not what it links to; None when nothing does."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def same(one: os.stat_result | None, other: os.stat_result | None) -> bool:
    """Whether two looks saw the same, unchanged thing."""
    if one is None or other is None:
        return one is other
    return (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) == (
        other.st_dev,
        other.st_ino,
        other.st_size,
        other.st_mtime_ns,
    )


def open_regular(target: Target, name: str, folder: int, place: Place) -> int:
    """Open a regular file for reading; FIFOs, devices and folders are refused unopened."""
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(seen.st_mode):
        raise ToolError(f"{target.asked!r} is {kind_of(seen.st_mode, article=True)}, not a file")
    if seen.st_nlink > 1:
        refuse_state_twin(seen, target, place)
    descriptor = os.open(name, _READING, dir_fd=folder)
    now = os.fstat(descriptor)
    if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
        os.close(descriptor)
        raise Denied(f"{target.asked!r} was replaced while it was being opened")
    return descriptor


def refuse_state_twin(seen: os.stat_result, target: Target, place: Place) -> None:
    """Refuse another name (a hard link) of a file of the state folder, without opening it.

    Opening and closing a database's file by another name lets SQLite lose its locks.
    """
    try:
        with os.scandir(place.state) as entries:
            if any(entry.inode() == seen.st_ino for entry in entries):
                raise Denied(f"{target.asked!r} is a file of the workbench's own folder")
    except FileNotFoundError:
        return


def open_listing(folder: int) -> int:
    """A second descriptor of a folder, good for reading its names or syncing it."""
    return os.open(".", _LISTING, dir_fd=folder)


def still_there(target: Target, folder: int, place: Place) -> bool:
    """Whether the target's folder is still reached by its path: the look before a rename."""
    held = os.fstat(folder)
    try:
        with folder_of(target, place) as again:
            now = os.fstat(again)
    except (OSError, Denied):
        return False
    return (held.st_dev, held.st_ino) == (now.st_dev, now.st_ino)


_KINDS = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
}


def kind_of(mode: int, *, article: bool = False) -> str:
    """``file``, ``folder``, ``link``, ``FIFO``, ``socket`` or ``device``."""
    kind = _KINDS.get(stat.S_IFMT(mode), "device")
    return f"a {kind}" if article else kind


@contextmanager
def reported(what: str, asked: str, place: Place) -> Generator[None]:
    """Turn the system's refusals into a ToolError that names the path and the nearest name."""
    try:
        yield
    except FileNotFoundError as error:
        guess = None if asked.startswith("/") else _nearby(asked, place)
        hint = f"Did you mean {guess!r}?" if guess else ""
        raise ToolError(f"cannot {what} {asked!r}: there is no such file", hint=hint) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ToolError(f"cannot {what} {asked!r}: {reason.lower()}") from error


def _nearby(asked: str, place: Place) -> str | None:
    """The name in the same folder that looks most like the one that is missing."""
    folder, name = os.path.split(asked.rstrip("/"))
    try:
        target = locate(folder or ".", place)
        admit(target, place, None)
        with descended(target, target.parts, place) as anchor:
            listing = open_listing(anchor)
            try:
                with os.scandir(listing) as entries:
                    names = [entry.name for entry in islice(entries, 1_000)]
            finally:
                os.close(listing)
    except (OSError, Denied, ToolError):
        return None
    guess = nearest(name, names)
    return str(Path(folder, guess)) if guess else None
