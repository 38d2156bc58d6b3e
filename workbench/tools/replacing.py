"""Put a file in another's place, or take it away: whole or not at all.

New content goes to a temporary file in the same folder, is synced, and takes the name in one
rename, after a second look that folder and file are still those that were decided on.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b

from workbench.errors import Denied
from workbench.journal.files import TEMPORARY
from workbench.tools import descent
from workbench.tools.place import MIB, Place
from workbench.values import digest

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Change:
    """What a call would do to one file."""

    target: descent.Target
    seen: os.stat_result | None
    """What stood there; None when nothing did."""
    before: str | None
    """Its digest, or its size, time and inode when it is too large to read."""
    after: bytes | None
    """The content to be; None when it is to be gone."""
    mode: int | None = None
    """The permissions to be; None for those of what stands there, or what is usual."""

    @property
    def digest(self) -> str | None:
        """The digest of what is to be there."""
        return None if self.after is None else digest(self.after, 32)


def shown(target: descent.Target, place: Place) -> str:
    """A target's path as agents are told it: from the workspace, or in full outside of it."""
    return str(target.path if target.outside else target.path.relative_to(place.workspace))


def apply(wanted: Change, folder: int, place: Place) -> None:
    """Do it: whole or not at all."""
    if wanted.after is None:
        _unlink(wanted, folder, place)
    else:
        _replace(wanted, wanted.after, folder, place)


def _replace(wanted: Change, data: bytes, folder: int, place: Place) -> None:
    temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
    if place.fence is not None:
        place.fence.note(str(wanted.target.path.parent / temporary))
    descriptor = os.open(temporary, _NEW, 0o666 if wanted.seen is None else 0o600, dir_fd=folder)
    renamed = False
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) or 0 :]
            _dress(descriptor, wanted)
            os.fsync(descriptor)
        _look_again(wanted, folder, place)
        _rename(temporary, wanted.target.parts[-1], folder, place)
        renamed = True
    finally:
        if not renamed:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
    _sync(folder)


def _rename(temporary: str, name: str, folder: int, place: Place) -> None:
    try:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except FileNotFoundError:
        if place.fence is not None:
            place.fence.check()  # whoever took the turn over has taken it away
        raise


def _dress(descriptor: int, wanted: Change) -> None:
    """Give the new file the old one's mode and owner, without its set-id bits."""
    old = wanted.seen
    if old is not None and (old.st_uid, old.st_gid) != (os.getuid(), os.getgid()):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    if wanted.mode is not None:
        os.fchmod(descriptor, wanted.mode & 0o777)
    elif old is not None:
        os.fchmod(descriptor, old.st_mode & 0o777)


def _unlink(wanted: Change, folder: int, place: Place) -> None:
    _look_again(wanted, folder, place)
    os.unlink(wanted.target.parts[-1], dir_fd=folder)
    _sync(folder)


def _look_again(wanted: Change, folder: int, place: Place) -> None:
    now = descent.standing(wanted.target.parts[-1], folder)
    if not descent.same(now, wanted.seen):
        raise Denied(f"{wanted.target.asked!r} was changed by somebody else meanwhile")
    if not descent.still_there(wanted.target, folder, place):
        raise Denied(f"the folder of {wanted.target.asked!r} was moved meanwhile")
    if place.fence is not None:
        place.fence.check()


def _sync(folder: int) -> None:
    listing = descent.open_listing(folder)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)


def content(
    seen: os.stat_result | None, target: descent.Target, folder: int, place: Place
) -> bytes | None:
    """What a regular file holds, if it is small enough to be changed; else None."""
    limit = place.limits.write_bytes
    if seen is None or not stat.S_ISREG(seen.st_mode) or seen.st_size > limit:
        return None
    descriptor = descent.open_regular(target, target.parts[-1], folder, place)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def known(
    seen: os.stat_result | None, target: descent.Target, folder: int, place: Place
) -> str | None:
    """What a thing is known by later: a digest, or what `stat` says of the rest."""
    if seen is None:
        return None
    name = target.parts[-1]
    if stat.S_ISLNK(seen.st_mode):
        return digest("link:" + os.readlink(name, dir_fd=folder))
    if not stat.S_ISREG(seen.st_mode) or seen.st_size > place.limits.scan_bytes:
        return f"stat:{seen.st_dev}:{seen.st_ino}:{seen.st_size}:{seen.st_mtime_ns}"
    total = blake2b(digest_size=32)
    with os.fdopen(descent.open_regular(target, name, folder, place), "rb") as file:
        left = place.limits.scan_bytes
        while left > 0 and (block := file.read(min(MIB, left))):
            total.update(block)
            left -= len(block)
    return total.hexdigest()
