"""Change files: write, edit and delete, whole or not at all.

What a call would do is worked out first, as a value, and kept with both contents; `replacing`
does it. Before and after are known as digests, so an attempt nobody saw the end of can be probed.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Any, cast

from workbench.agent.probe import Probed
from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.tools import descent
from workbench.tools.kept import recorded
from workbench.tools.place import Place
from workbench.tools.replacing import Change, apply, content, known, shown
from workbench.values import Json

CHANGING = frozenset({"write_file", "edit_file", "delete_file"})


def change(tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Perform `write_file`, `edit_file` or `delete_file`."""
    asked = str(arguments["path"])
    verb = tool.partition("_")[0]
    with descent.reported(verb, asked, place):
        target = _target(tool, asked, place, decided)
        with descent.folder_of(target, place, create=tool == "write_file") as folder:
            wanted = _change(tool, arguments, target, folder, place)
            _refuse_surprise(wanted, decided)
            recorded(tool, wanted, folder, place)
            apply(wanted, folder, place)
    size = len(wanted.after) if wanted.after is not None else 0
    result: dict[str, Json] = {"path": shown(target, place), "size_bytes": size}
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
                old = content(wanted.seen, target, folder, place)
        except FileNotFoundError:
            if tool != "write_file":
                raise
            return Change(target, None, None, _encoded(arguments, place)), None
    return wanted, old


def prepare(
    tool: str, arguments: Mapping[str, Any], place: Place, decided: Facts | None
) -> dict[str, Json]:
    """What the intent's row records: the file before and after, both kept.

    It is kept before the intent is written, so whatever a kill leaves undone or untold, the
    content of either side is there under the digest that the row names.
    """
    asked = str(arguments["path"])
    with descent.reported("look at", asked, place):
        target = _target(tool, asked, place, decided)
        try:
            with descent.folder_of(target, place) as folder:
                wanted = _change(tool, arguments, target, folder, place)
                return recorded(tool, wanted, folder, place)
        except FileNotFoundError:
            if tool != "write_file":
                raise
            return recorded(tool, Change(target, None, None, _encoded(arguments, place)), -1, place)


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
            now = known(descent.standing(target.parts[-1], folder), target, folder, place)
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
    before = known(seen, target, folder, place)
    if tool == "delete_file":
        return Change(target, seen, before, None)
    if seen is not None and not seen.st_mode & 0o222:
        raise ToolError(f"{target.asked!r} is read-only")
    if tool == "write_file":
        return Change(target, seen, before, _encoded(arguments, place))
    old = content(seen, target, folder, place)
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


def _refuse_surprise(wanted: Change, decided: Facts | None) -> None:
    """A decision to create a file is none to replace one that appeared since."""
    if decided is not None and wanted.seen is not None and not decided.exists:
        raise Denied(f"{wanted.target.asked!r} appeared after the decision to create it")


def digests(prepared: Json) -> Mapping[str, Any]:
    """Read back what `prepare` made, from a row."""
    if not isinstance(prepared, dict) or not prepared.keys() >= _PREPARED:
        raise ToolError("the intent's row records no digests, so nothing can be compared")
    return cast("Mapping[str, Any]", prepared)


_PREPARED = {"real_path", "path", "size_bytes", "before", "after"}
