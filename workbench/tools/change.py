"""Change files: write, edit and delete, whole or not at all.

New content goes to a temporary file in the same folder, is synced, and takes the name in one
rename, after a second look that folder and file are still those that were decided on. Before
and after are known as digests, so that an attempt nobody saw the end of can be probed.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

from workbench.agent.probe import Probed
from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.tools import descent
from workbench.tools.place import MIB, Place
from workbench.values import Json, digest

CHANGING = frozenset({"write_file", "edit_file", "delete_file"})
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

    @property
    def digest(self) -> str | None:
        """The digest of what is to be there."""
        return None if self.after is None else digest(self.after)


def change(tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Perform `write_file`, `edit_file` or `delete_file`."""
    asked = str(arguments["path"])
    verb = tool.partition("_")[0]
    with descent.reported(verb, asked, place):
        target = _target(tool, asked, place, decided)
        with descent.folder_of(target, place, create=tool == "write_file") as folder:
            wanted = _change(tool, arguments, target, folder, place)
            _refuse_surprise(wanted, decided)
            if wanted.after is None:
                _unlink(wanted, folder, place)
            else:
                _replace(wanted, wanted.after, folder, place)
    return _result(wanted, place)


def _result(wanted: Change, place: Place) -> dict[str, Json]:
    size = len(wanted.after) if wanted.after is not None else 0
    result: dict[str, Json] = {"path": _shown(wanted.target, place), "size_bytes": size}
    return {**result, "before": wanted.before, "after": wanted.digest}


def intended(
    tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None
) -> tuple[Change, bytes | None]:
    """What a call would change, and the content that stands there if it is small enough."""
    asked = str(arguments["path"])
    with descent.reported("look at", asked, place):
        target = _target(tool, asked, place, decided)
        try:
            with descent.folder_of(target, place) as folder:
                wanted = _change(tool, arguments, target, folder, place)
                old = _content(wanted.seen, target, folder, place)
        except FileNotFoundError:
            if tool != "write_file":
                raise
            return Change(target, None, None, _encoded(arguments, place)), None
    return wanted, old


def prepare(
    tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None
) -> dict[str, Json]:
    """What the intent's row records: where, the digests before and after, and the result."""
    wanted, _ = intended(tool, arguments, place, decided)
    return {"real_path": str(wanted.target.path), **_result(wanted, place)}


def recalled(prepared: Mapping[str, Any]) -> Json:
    """What a change that was prepared returns when it is done."""
    return {name: prepared[name] for name in ("path", "size_bytes", "before", "after")}


def probe(prepared: Mapping[str, Any], place: Place) -> Probed:
    """Compare what stands there now with what `prepare` recorded."""
    path, before, after = prepared["real_path"], prepared["before"], prepared["after"]
    target = descent.locate(path, place, keep_link=True)
    if str(target.path) != path or target.path.is_relative_to(place.state):
        return Probed("unknown", said=f"{path} leads somewhere else now")
    try:
        with descent.folder_of(target, place) as folder:
            now = _known(descent.standing(target.parts[-1], folder), target, folder, place)
    except FileNotFoundError:
        now = None
    except (OSError, Denied, ToolError) as error:
        return Probed("unknown", said=f"{path} cannot be looked at: {error}")
    if now == after:
        return Probed("done", recalled(prepared))
    if now == before:
        return Probed("not_done")
    stands = "is not there" if now is None else "holds something else"
    return Probed("unknown", said=f"{path} {stands}: neither what it was nor what it was to be")


def _shown(target: descent.Target, place: Place) -> str:
    return str(target.path if target.outside else target.path.relative_to(place.workspace))


def _target(tool: str, asked: str, place: Place, decided: Facts | None) -> descent.Target:
    """A deletion is of the link itself; a write goes where the link leads."""
    target = descent.locate(asked, place, keep_link=tool == "delete_file")
    descent.admit(target, place, decided)
    if not target.parts:
        raise ToolError(f"{asked!r} is the workspace itself, not a file")
    return target


def _change(
    tool: str, arguments: Mapping[str, Any], target: descent.Target, folder: int, place: Place
) -> Change:
    seen = descent.standing(target.parts[-1], folder)
    if seen is None and tool != "write_file":
        raise FileNotFoundError
    if seen is not None and not _changeable(tool, seen.st_mode):
        raise ToolError(f"{target.asked!r} is {descent.kind_of(seen.st_mode, article=True)}")
    before = _known(seen, target, folder, place)
    if tool == "delete_file":
        return Change(target, seen, before, None)
    if seen is not None and not seen.st_mode & 0o222:
        raise ToolError(f"{target.asked!r} is read-only")
    if tool == "write_file":
        return Change(target, seen, before, _encoded(arguments, place))
    old = _content(seen, target, folder, place)
    if old is None:
        raise ToolError(f"{target.asked!r} is larger than {place.limits.write_bytes} bytes")
    return Change(target, seen, before, _edited(old, arguments, target.asked))


def _changeable(tool: str, mode: int) -> bool:
    return stat.S_ISREG(mode) or (tool == "delete_file" and not stat.S_ISDIR(mode))


def _encoded(arguments: Mapping[str, Any], place: Place) -> bytes:
    data = str(arguments["content"]).encode("utf-8", "surrogateescape")
    if len(data) > place.limits.write_bytes:
        raise ToolError(f"{len(data)} bytes are more than {place.limits.write_bytes} for one file")
    return data


def _edited(old: bytes, arguments: Mapping[str, Any], asked: str) -> bytes:
    """Replace a text that stands in the file exactly once."""
    find = str(arguments["old_text"]).encode("utf-8", "surrogateescape")
    put = str(arguments["new_text"]).encode("utf-8", "surrogateescape")
    if not find or find == put:
        raise ToolError("old_text is empty" if not find else "old_text and new_text are the same")
    count = old.count(find)
    if count == 1:
        return old.replace(find, put)
    if count > 1:
        line = old.count(b"\n", 0, old.find(find)) + 1
        raise ToolError(
            f"old_text stands {count} times in {asked!r}, first in line {line}",
            hint="Give more of the text around it",
        )
    endings = b"\r\n" in old and b"\r\n" not in find and b"\n" in find
    hint = "The file ends its lines with CR LF" if endings else "Read the file again"
    raise ToolError(f"old_text does not stand in {asked!r}", hint=hint)


def _content(
    seen: os.stat_result | None, target: descent.Target, folder: int, place: Place
) -> bytes | None:
    limit = place.limits.write_bytes
    if seen is None or not stat.S_ISREG(seen.st_mode) or seen.st_size > limit:
        return None
    descriptor = descent.open_regular(target, target.parts[-1], folder, place)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _known(
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
    total = blake2b(digest_size=16)
    with os.fdopen(descent.open_regular(target, name, folder, place), "rb") as file:
        left = place.limits.scan_bytes
        while left > 0 and (block := file.read(min(MIB, left))):
            total.update(block)
            left -= len(block)
    return total.hexdigest()


def _refuse_surprise(wanted: Change, decided: Facts | None) -> None:
    """A decision to create a file is none to replace one that appeared since."""
    if decided is not None and wanted.seen is not None and not decided.exists:
        raise Denied(f"{wanted.target.asked!r} appeared after the decision to create it")


def _replace(wanted: Change, data: bytes, folder: int, place: Place) -> None:
    temporary = f".writing-{secrets.token_hex(8)}"
    descriptor = os.open(temporary, _NEW, 0o666 if wanted.seen is None else 0o600, dir_fd=folder)
    renamed = False
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) or 0 :]
            _dress(descriptor, wanted.seen)
            os.fsync(descriptor)
        _look_again(wanted, folder, place)
        os.rename(temporary, wanted.target.parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
        renamed = True
    finally:
        if not renamed:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=folder)
    _sync(folder)


def _dress(descriptor: int, old: os.stat_result | None) -> None:
    """Give the new file the old one's mode and owner, without its set-id bits."""
    if old is None:
        return
    if (old.st_uid, old.st_gid) != (os.getuid(), os.getgid()):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
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


def _sync(folder: int) -> None:
    listing = descent.open_listing(folder)
    try:
        os.fsync(listing)
    finally:
        os.close(listing)


def digests(prepared: Json) -> Mapping[str, Any]:
    """Read back what `prepare` made, from a row."""
    if not isinstance(prepared, dict) or not prepared.keys() >= _PREPARED:
        raise ToolError("the intent's row records no digests, so nothing can be compared")
    return cast("Mapping[str, Any]", prepared)


_PREPARED = {"real_path", "path", "size_bytes", "before", "after"}
