"""Look at files: read a part of one, list a folder, ask whether something is there.

All of it is bounded: a file of any size costs at most what is returned plus, for a far line,
`Limits.scan_bytes`; what is not a regular file is never opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any, BinaryIO

from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.tools import descent
from workbench.tools.place import KIB, MIB, Place
from workbench.values import Json

_LISTED = 50_000


def read_file(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Return lines of a text file: from ``offset`` (1 is the first), at most ``limit``."""
    asked = str(arguments["path"])
    first, count = int(arguments.get("offset") or 1), arguments.get("limit")
    if first < 1 or (count is not None and count < 1):
        raise ToolError(f"offset {first} and limit {count}: lines are counted from 1")
    with descent.reported("read", asked, place):
        target = descent.locate(asked, place)
        descent.admit(target, place, decided)
        if not target.parts:
            raise ToolError(f"{asked!r} is a folder, not a file")
        with descent.folder_of(target, place) as folder:
            descriptor = descent.open_regular(target, target.parts[-1], folder, place)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            size = _checked_size(os.fstat(descriptor), target, decided)
            data, more = _lines(file, first, count, place)
    if b"\0" in data[: 8 * KIB]:
        hint = "Images, audio, PDF and office files are read with read_media"
        raise ToolError(f"{asked!r} is a binary file of {size} bytes", hint=hint)
    text = data.decode("utf-8", "replace")
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    return {"text": text, "truncated": more, "size_bytes": size, "lines": lines}


def _checked_size(found: os.stat_result, target: descent.Target, decided: Facts | None) -> int:
    """A file with a second name may be somebody else's: it counts as outside the workspace."""
    if found.st_nlink > 1 and not (decided and decided.outside):
        raise Denied(
            f"{target.asked!r} has {found.st_nlink} names, and the others may lie outside "
            "the workspace",
        )
    return found.st_size


def _lines(file: BinaryIO, first: int, count: int | None, place: Place) -> tuple[bytes, bool]:
    """The bytes of the lines wanted, and whether the file goes on after them."""
    limit = place.limits.read_bytes
    data = _skip(file, first - 1, place) if first > 1 else b""
    while len(data) <= limit:
        block = file.read(limit + 1 - len(data))
        if not block:
            break
        data += block
    wanted = data if count is None else _head(data, count)
    if len(wanted) > limit:
        wanted = _whole_characters(wanted[:limit])
    return wanted, len(wanted) < len(data)


def _skip(file: BinaryIO, lines: int, place: Place) -> bytes:
    """Read past some lines; what was read beyond them comes back."""
    scanned = 0
    while block := file.read(MIB):
        found = block.count(b"\n")
        if found >= lines:
            return _tail(block, lines)
        lines -= found
        scanned += len(block)
        if scanned > place.limits.scan_bytes:
            raise ToolError(f"the line lies beyond the first {place.limits.scan_bytes} bytes")
    return b""


def _tail(block: bytes, lines: int) -> bytes:
    at = 0
    for _ in range(lines):
        at = block.index(b"\n", at) + 1
    return block[at:]


def _head(data: bytes, lines: int) -> bytes:
    at = 0
    for _ in range(lines):
        found = data.find(b"\n", at)
        if found < 0:
            return data
        at = found + 1
    return data[:at]


def _whole_characters(data: bytes) -> bytes:
    """Cut a character of UTF-8 that the limit cut in two."""
    for back in range(1, 4):
        if data[-back:][:1] >= b"\xc0":
            needs = 2 if data[-back] < 0xE0 else 3 if data[-back] < 0xF0 else 4
            return data[:-back] if needs > back else data
    return data


def list_directory(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Return a folder's entries by name, with kind and size."""
    asked = str(arguments.get("path") or ".")
    with descent.reported("list", asked, place):
        target = descent.locate(asked, place)
        descent.admit(target, place, decided)
        with descent.descended(target, target.parts, place) as folder:
            listing = descent.open_listing(folder)
        try:
            names, more = _names(listing, place.limits.entries)
            entries: list[Json] = [_entry(name, listing) for name in names]
        finally:
            os.close(listing)
    return {"entries": entries, "truncated": more}


def _names(listing: int, limit: int) -> tuple[list[str], bool]:
    """The first names in order; of a folder beyond all measure, of those that were read."""
    names: list[str] = []
    with os.scandir(listing) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) >= _LISTED:
                break
    names.sort()
    return names[:limit], len(names) > limit


def _entry(name: str, listing: int) -> Json:
    found = descent.standing(name, listing)
    if found is None:
        return {"name": name, "kind": "gone", "size_bytes": 0}
    return {"name": name, "kind": descent.kind_of(found.st_mode), "size_bytes": found.st_size}


def file_exists(arguments: Mapping[str, Any], place: Place, decided: Facts | None) -> Json:
    """Say whether something is there, and what it is."""
    asked = str(arguments["path"])
    with descent.reported("look at", asked, place):
        target = descent.locate(asked, place)
        descent.admit(target, place, decided)
        try:
            kind = _kind(target, place)
        except (FileNotFoundError, NotADirectoryError):
            kind = None
    return {"exists": kind is not None, "kind": kind}


def _kind(target: descent.Target, place: Place) -> str | None:
    if not target.parts:
        return "folder"
    with descent.folder_of(target, place) as folder:
        found = descent.standing(target.parts[-1], folder)
    if found is None or stat.S_ISLNK(found.st_mode):
        return None
    return descent.kind_of(found.st_mode)
