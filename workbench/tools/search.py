"""Search files below a folder for a text or a regular expression, in bounded time.

A literal search is linear and runs in a thread. Python's regular expressions can take forever
on one line and cannot be interrupted, so they run in a process of their own, which is killed
when its time is over; it walks the folders by the same rules, with the same code.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.permission.paths import guarded
from workbench.tools import descent
from workbench.tools.apart import apart
from workbench.tools.place import Limits, Place
from workbench.values import Json

_SKIPPED = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"})
_DEPTH = 64
_SHOWN = 300


@dataclass(slots=True)
class _Tally:
    """What a search has found and spent so far."""

    matches: list[Json] = field(default_factory=list[Json])
    files: int = 0
    read_bytes: int = 0
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Hunt:
    """One search, read and ready."""

    pattern: re.Pattern[str]
    glob: str
    prefix: Path
    target: descent.Target
    place: Place
    until: float


def search_literal(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Find a text; for a thread."""
    flags = re.IGNORECASE if arguments.get("ignore_case") else 0
    pattern = re.compile(re.escape(str(arguments["pattern"])), flags)
    return _search(pattern, arguments, place, decided)


async def search_regex(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Find a regular expression, in a process that can be killed."""
    _compiled(arguments)
    question = {
        "arguments": dict(arguments),
        "place": replace(place, contents=None),
        "decided": decided,
    }
    where, limit = "workbench.tools.search:search_apart", place.limits.search_s
    return await apart(where, question, limit, f"the expression {arguments['pattern']!r}")


def search_apart(
    arguments: dict[str, Any], place: dict[str, Any], decided: dict[str, Any] | None
) -> Json:
    """The same search, asked for in values by another process."""
    limits = Limits(**place["limits"])
    here = Place(Path(place["workspace"]), Path(place["state"]), limits=limits)
    facts = Facts("read", tuple(decided["targets"]), decided["outside"]) if decided else None
    return _search(_compiled(arguments), arguments, here, facts)


def _compiled(arguments: Mapping[str, Any]) -> re.Pattern[str]:
    text = str(arguments["pattern"])
    try:
        flags = re.IGNORECASE if arguments.get("ignore_case") else re.NOFLAG
        return re.compile(text, re.MULTILINE | flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise ToolError(f"{text!r} is not a regular expression: {error}") from error


def _search(
    pattern: re.Pattern[str], arguments: Mapping[str, Any], place: Place, decided: Facts | None
) -> Json:
    asked, tally = str(arguments.get("path") or "."), _Tally()
    if not pattern.pattern:
        raise ToolError("the pattern is empty")
    with descent.reported("search", asked, place):
        target = descent.locate(asked, place)
        descent.admit(target, place, decided)
        prefix = target.path if target.outside else target.path.relative_to(place.workspace)
        until = time.monotonic() + place.limits.search_s
        glob = str(arguments.get("glob") or "*")
        hunt = _Hunt(pattern, glob, prefix, target, place, until)
        for path, text in _texts(hunt, tally):
            _collect(path, text, hunt, tally)
            if tally.more:
                break
    return {"matches": tally.matches, "truncated": tally.more, "files": tally.files}


def _collect(path: str, text: str, hunt: _Hunt, tally: _Tally) -> None:
    """Add the lines of one file that match."""
    seen, line, counted = -1, 1, 0
    for match in hunt.pattern.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        if start == seen:
            continue
        if len(tally.matches) >= hunt.place.limits.matches:
            tally.more = True
            return
        line, counted, seen = line + text.count("\n", counted, start), start, start
        end = text.find("\n", start)
        shown = text[start : end if end >= 0 else len(text)][:_SHOWN]
        tally.matches.append({"path": path, "line": line, "text": shown})


def _texts(hunt: _Hunt, tally: _Tally) -> Iterator[tuple[str, str]]:
    """The text files of the search, opened safely, until a bound is met."""
    target, place = hunt.target, hunt.place
    if target.parts:
        with descent.folder_of(target, place) as parent:
            found = os.stat(target.parts[-1], dir_fd=parent, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                text = _text(target.parts[-1], parent, hunt, tally)
                if text is not None:
                    yield str(hunt.prefix), text
                return
    with descent.descended(target, target.parts, place) as top:
        yield from _below(top, hunt.prefix, hunt, tally, _DEPTH)


def _below(
    folder: int, prefix: Path, hunt: _Hunt, tally: _Tally, depth: int
) -> Iterator[tuple[str, str]]:
    listing = descent.open_listing(folder)
    try:
        with os.scandir(listing) as entries:
            found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        for name, is_folder in found:
            if _spent(hunt, tally):
                return
            path = prefix / name
            if guarded(name, "read"):
                continue
            if is_folder:
                if name not in _SKIPPED and depth:
                    yield from _inside(name, listing, path, hunt, tally, depth)
            elif _wanted(path, hunt.glob):
                text = _text(name, listing, hunt, tally)
                if text is not None:
                    yield str(path), text
    finally:
        os.close(listing)


def _inside(
    name: str, parent: int, path: Path, hunt: _Hunt, tally: _Tally, depth: int
) -> Iterator[tuple[str, str]]:
    try:
        with descent.deeper(name, parent, hunt.target, hunt.place) as folder:
            yield from _below(folder, path, hunt, tally, depth - 1)
    except (OSError, Denied, ToolError):
        return


def _wanted(path: Path, glob: str) -> bool:
    return fnmatchcase(str(path) if "/" in glob else path.name, glob)


def _spent(hunt: _Hunt, tally: _Tally) -> bool:
    limits = hunt.place.limits
    tally.more = tally.more or (
        time.monotonic() > hunt.until or tally.read_bytes > limits.search_bytes
    )
    return tally.more


def _text(name: str, folder: int, hunt: _Hunt, tally: _Tally) -> str | None:
    """A file's text, or None for what is not searched: binary, huge, shared, unreadable."""
    try:
        descriptor = descent.open_regular(hunt.target, name, folder, hunt.place)
    except (OSError, Denied, ToolError):
        return None
    with os.fdopen(descriptor, "rb") as file:
        found, limit = os.fstat(descriptor), hunt.place.limits.search_file_bytes
        if found.st_nlink > 1 or found.st_size > limit:
            return None
        data = file.read(limit)
    tally.files += 1
    tally.read_bytes += len(data)
    return None if b"\0" in data else data.decode("utf-8", "replace")
