"""Put files back: many changes as one call, checked all together before the first is made.

Each change names the content that has to stand there now and the one that is to stand there. If
any file is not what the call was decided on, nothing at all is changed. A file that has its
wanted content already is passed by, so a call that was killed in the middle is simply done again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.agent.probe import Probed
from workbench.errors import Denied, ToolError, WorkbenchError
from workbench.permission.danger import Facts
from workbench.tools import descent
from workbench.tools.kept import recorded
from workbench.tools.place import Place
from workbench.tools.preview import diff_of
from workbench.tools.replacing import Change, apply, content
from workbench.values import Json, digest

_GIT = "git:"
_BELOW = 1_000
_SHOWN_LINES = 4_000


@dataclass(frozen=True, slots=True)
class Now:
    """What stands at a path."""

    kind: Literal["nothing", "file", "large", "folder", "link", "special", "outside"]
    content: bytes | None = None
    mode: int | None = None
    size_bytes: int = 0

    @property
    def name(self) -> str | None:
        """Of its content, if that could be read."""
        return None if self.content is None else digest(self.content, 32)

    def is_(self, name: str | None) -> bool:
        """Whether it is what a name of a content means; nothing is None."""
        if name is None:
            return self.kind == "nothing"
        return self.content is not None and named(self.content, name) == name


def named(data: bytes, like: str) -> str:
    """The name of a content, of the same kind as another name."""
    if like.startswith(_GIT):
        header = b"blob %d\0" % len(data)
        return _GIT + hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
    return digest(data, 32)


def look(path: str, place: Place) -> Now:
    """What stands at a path of the workspace now."""
    try:
        target = descent.locate(path, place, keep_link=True)
        if target.outside or str(target.path.relative_to(place.workspace)) != os.path.normpath(
            path
        ):
            return Now("outside")
        descent.refuse_state(target, place)
        with descent.folder_of(target, place) as folder:
            return _standing(target, folder, place)
    except FileNotFoundError:
        return Now("nothing")
    except NotADirectoryError:
        return Now("nothing")
    except (Denied, ToolError):
        return Now("outside")


def _standing(target: descent.Target, folder: int, place: Place) -> Now:
    seen = descent.standing(target.parts[-1], folder)
    if seen is None:
        return Now("nothing")
    if stat.S_ISREG(seen.st_mode):
        data = content(seen, target, folder, place)
        return Now("large" if data is None else "file", data, seen.st_mode, seen.st_size)
    if stat.S_ISDIR(seen.st_mode):
        return Now("folder", mode=seen.st_mode)
    return Now("link" if stat.S_ISLNK(seen.st_mode) else "special", mode=seen.st_mode)


def put_back(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Perform it: first everything that goes, then everything that comes."""
    changes = _ordered(arguments)
    refused = [why for one in changes if (why := _refusal(one, changes, place))]
    if refused:
        raise Denied(f"nothing was changed: {'; '.join(refused[:20])}", refused=refused)
    done: list[Json] = []
    for one in changes:
        with descent.reported("restore", one["path"], place):
            if _apply(one, place, decided):
                done.append(one["path"])
    already = len(changes) - len(done)
    return {"restored": done, "already": already, "of": str(arguments.get("of", ""))}


def prepare(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """What the intent's row records: each change, the contents of both sides kept."""
    changes = _ordered(arguments)
    refused = [why for one in changes if (why := _refusal(one, changes, place))]
    if refused:
        raise Denied(f"nothing was changed: {'; '.join(refused[:20])}", refused=refused)
    made: list[Json] = [_recorded(one, place, decided) for one in changes]
    return {"of": str(arguments.get("of", "")), "changes": made}


def probe(prepared: Mapping[str, Any], place: Place) -> Probed:
    """Whether all of it was done; part of it counts as not done, for the rest can follow."""
    found = [(one, look(one["path"], place)) for one in prepared["changes"]]
    if all(_is_done(one, now) for one, now in found):
        restored: list[Json] = [one["path"] for one, _ in found]
        return Probed("done", {"restored": restored, "already": 0, "of": prepared["of"]})
    strange = [one["path"] for one, now in found if not _is_either(one, now)]
    if strange:
        said = f"neither what they were nor what they were to be: {', '.join(strange[:20])}"
        return Probed("unknown", said=said)
    return Probed("not_done")


def happened(prepared: Mapping[str, Any], place: Place) -> list[dict[str, Any]]:
    """The changes that are found done."""
    changes = prepared["changes"]
    return [dict(one) for one in changes if _is_done(one, look(one["path"], place))]


def _is_either(one: Mapping[str, Any], now: Now) -> bool:
    return now.is_(one["before"]) or now.is_(one["after"])


def _is_done(one: Mapping[str, Any], now: Now) -> bool:
    mode = one.get("mode")
    same_mode = mode is None or now.mode is None or now.mode & 0o777 == mode & 0o777
    return now.is_(one["after"]) and same_mode


def _ordered(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What goes comes first, so that a folder can become a file and a file a folder."""
    changes = [dict(one) for one in arguments["changes"]]
    return sorted(changes, key=lambda one: (one["after"] is not None, str(one["path"])))


def _refusal(one: Mapping[str, Any], changes: list[dict[str, Any]], place: Place) -> str:
    """Why a file may not be touched, or empty."""
    path = str(one["path"])
    now = look(path, place)
    if now.is_(one["after"]) or now.is_(one["before"]):
        return ""
    if now.kind == "folder" and one["before"] is None and _clears(path, changes, place):
        return ""
    what = {"nothing": "is gone", "file": "was edited", "large": "is too large to be kept"}
    return f"{path} {what.get(now.kind, f'is {now.kind}')} since"


def _clears(path: str, changes: list[dict[str, Any]], place: Place) -> bool:
    """Whether everything in a folder goes by the same call, so that a file can take its place."""
    going = {one["path"] for one in changes if one["after"] is None}
    top = place.workspace / path
    below = [str(Path(folder, name)) for folder, _, names in os.walk(top) for name in names]
    found = {os.path.relpath(name, place.workspace) for name in below[: _BELOW + 1]}
    return len(below) <= _BELOW and found <= going


def _change(one: Mapping[str, Any], target: descent.Target, folder: int, place: Place) -> Change:
    seen = descent.standing(target.parts[-1], folder)
    if seen is not None and stat.S_ISDIR(seen.st_mode):
        seen = None
    name, mode = one["after"], one.get("mode")
    after = None if name is None else place.kept(name)
    if after is not None and named(after, str(name)) != name:
        raise ToolError(f"what was kept of {one['path']!r} is not what its name says")
    return Change(target, seen, one["before"], after, _permissions(mode, seen))


def _permissions(mode: int | None, seen: os.stat_result | None) -> int | None:
    """The permissions to be. A snapshot knows only whether a file can be executed."""
    if mode is None or seen is None or mode & 0o777 not in {0o644, 0o755}:
        return None if mode is None else mode & 0o777
    old = seen.st_mode & 0o777
    return old | (old & 0o444) >> 2 if mode & 0o100 else old & ~0o111


def _target(path: str, place: Place, decided: Facts | None) -> descent.Target:
    target = descent.locate(path, place, keep_link=True)
    descent.admit(target, place, decided)
    if target.outside or not target.parts:
        raise Denied(f"{path!r} leads out of the workspace")
    return target


def _recorded(one: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    path = str(one["path"])
    target = _target(path, place, decided)
    try:
        with descent.folder_of(target, place) as folder:
            made = recorded("restore_files", _change(one, target, folder, place), folder, place)
    except (FileNotFoundError, NotADirectoryError):
        after = None if one["after"] is None else place.kept(one["after"])
        wanted = Change(target, None, None, after, _permissions(one.get("mode"), None))
        made = recorded("restore_files", wanted, -1, place)
    if not made["restorable"]:
        raise Denied(f"nothing was changed: {path} could not be brought back, {made['limit']}")
    return made


def _apply(one: Mapping[str, Any], place: Place, decided: Facts | None) -> bool:
    """Make one change; False when there is nothing to do."""
    path = str(one["path"])
    target, now = _target(path, place, decided), look(path, place)
    if _is_done(one, now):
        return False
    if not now.is_(one["before"]) and now.kind != "folder":
        raise Denied(f"{path!r} was changed by somebody else meanwhile")
    with descent.folder_of(target, place, create=one["after"] is not None) as folder:
        wanted = _change(one, target, folder, place)
        if now.kind == "folder":
            _remove_folders(target, folder)
        apply(wanted, folder, place)
    return True


def _remove_folders(target: descent.Target, folder: int) -> None:
    """Take away a folder that holds nothing but folders."""
    listing = os.open(target.parts[-1], os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        with os.scandir(listing) as entries:
            names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        for name in names:
            path = target.path / name
            below = descent.Target(name, path, target.root, (name,), outside=False)
            _remove_folders(below, listing)
    finally:
        os.close(listing)
    os.rmdir(target.parts[-1], dir_fd=folder)


def preview(arguments: Mapping[str, Any], place: Place) -> str:
    """Every file with what becomes of it, and the differences of those that are text."""
    changes = _ordered(arguments)
    parts = [_shown(one, place) for one in changes]
    lines = "".join(parts).splitlines(keepends=True)
    if len(lines) <= _SHOWN_LINES:
        return "".join(lines)
    heads = [part.partition("\n")[0] + "\n" for part in parts]
    return f"{len(lines)} lines of differences; the files are:\n" + "".join(heads)


def _shown(one: Mapping[str, Any], place: Place) -> str:
    path, now = str(one["path"]), look(str(one["path"]), place)
    try:
        after = None if one["after"] is None else place.kept(one["after"])
    except WorkbenchError as error:
        return f"{path}: {error.message}\n"
    if _is_done(one, now):
        return f"{path}: is as it was\n"
    if after is None:
        return f"{path}: deleted\n" + diff_of(now.content or b"", b"", path, existed=True)
    if now.content == after:
        return f"{path}: mode {_octal(now.mode)} becomes {_octal(one.get('mode'))}\n"
    verb = "created" if now.content is None else "changed"
    return f"{path}: {verb}\n" + diff_of(now.content or b"", after, path, existed=verb == "changed")


def _octal(mode: int | None) -> str:
    return "as usual" if mode is None else f"{mode & 0o777:o}"
