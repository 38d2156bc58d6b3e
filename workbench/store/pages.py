"""Rows of the log read from the bytes of a damaged database, trusting nothing but themselves.

Every page of the file and of its write-ahead log is looked at, in every version there is: rows of
the log never change, and each carries a sum, so a cell that reads as a row and fits its sum is one,
wherever it lies and whatever is broken around it. The format: sqlite.org/fileformat2.

Only for whoever is alone with the database, see `presence`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from workbench.store import wal
from workbench.store.connection import PAGE_BYTES
from workbench.store.packing import Row, sum_of
from workbench.store.projection import COLUMNS as STATE
from workbench.values import loads

LEAF: Final = 0x0D
_MOST_BYTES: Final = 2**30
"""No row is as long as this."""
_INTEGERS: Final = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
"""Bytes of an integer, by its serial type."""


def records(database: Path) -> Iterator[tuple[int, list[Any]]]:
    """Every record of any table that can be read, with its number; some more than once."""
    with Pages(database) as pages:
        for content, begin in pages.leaves():
            for cell in _cells(content, begin):
                found = _cell(pages, content, cell)
                if found is not None:
                    yield found


def missing_bytes(database: Path) -> int:
    """How much longer file and log should be by their own account; 0 when it cannot be read."""
    with database.open("rb") as file:
        header = file.read(100)
    pages = int.from_bytes(header[28:32], "big")
    size = _page_size(header)
    log, memory = Path(f"{database}-wal"), Path(f"{database}-shm")
    cut = wal.cut_off(log, memory, size) * size
    missing = pages * size - database.stat().st_size
    is_ours = header[:15] == b"SQLite format 3" and pages < 2**31
    return cut + (missing if is_ours and missing > 0 else 0)


class Pages:
    """The pages of a database and its log."""

    def __init__(self, database: Path) -> None:
        self._files: list[BinaryIO] = [database.open("rb")]
        self.size = _page_size(self._files[0].read(100))
        self._count = database.stat().st_size // self.size
        log = Path(f"{database}-wal")
        self._frames = list(wal.frames(log, self.size))
        self._newest = {frame.page: frame.at for frame in self._frames}
        if self._frames:
            self._files.append(log.open("rb"))

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def leaves(self) -> Iterator[tuple[bytes, int]]:
        """Every version of every page that holds cells of a table, and where its header begins."""
        for number in range(self._count):
            yield from self._leaf(self._read(0, number * self.size), 100 if number == 0 else 0)
        for frame in self._frames:
            yield from self._leaf(self._read(1, frame.at), 100 if frame.page == 1 else 0)

    def chain(self, page: int, length: int) -> bytes:
        """The content of a chain of overflow pages."""
        parts: list[bytes] = []
        while page and length > 0:
            at = self._newest.get(page)
            content = self._read(0, (page - 1) * self.size) if at is None else self._read(1, at)
            (page,) = struct.unpack(">I", content[:4])
            parts.append(content[4 : 4 + length])
            length -= len(parts[-1])
        return b"".join(parts)

    def _leaf(self, content: bytes, begin: int) -> Iterator[tuple[bytes, int]]:
        if len(content) == self.size and content[begin] == LEAF:
            yield content, begin

    def _read(self, file: int, at: int) -> bytes:
        self._files[file].seek(at)
        return self._files[file].read(self.size)


def _page_size(header: bytes) -> int:
    size = int.from_bytes(header[16:18], "big")
    return size if size >= 512 and size & (size - 1) == 0 else PAGE_BYTES


def _cells(content: bytes, begin: int) -> Iterator[int]:
    """Where the cells of a page begin."""
    (count,) = struct.unpack(">H", content[begin + 3 : begin + 5])
    for place in range(begin + 8, min(begin + 8 + 2 * count, len(content) - 1), 2):
        yield int.from_bytes(content[place : place + 2], "big")


def _cell(pages: Pages, content: bytes, at: int) -> tuple[int, list[Any]] | None:
    try:
        length, at = _varint(content, at)
        rowid, at = _varint(content, at)
        if length > _MOST_BYTES:
            return None
        here = _local_bytes(length, pages.size)
        payload = content[at : at + here]
        if here < length:
            first = int.from_bytes(content[at + here : at + here + 4], "big")
            payload += pages.chain(first, length - here)
        return rowid, _record(payload)
    except (IndexError, struct.error, ValueError):
        return None


def event(columns: list[Any]) -> Row | None:
    """The columns of a record as a row of the log, if they are one and as it was written."""
    if len(columns) == 8:  # written before rows had a sum
        columns = [*columns, None]
    match columns:
        case [
            None, str(run_id), int(seq), int() | float() as at, str(kind), str(key), str(data),
            (str() | None) as spilled, (int() | None) as kept,
        ]:  # fmt: skip
            row = (run_id, seq, float(at), kind, key, data, spilled)
            if kept is not None and sum_of(*row) != kept:
                return None
            if kept is None and not ("." in kind and _is_object(data)):
                return None
            return (*row, kept)
        case _:
            return None


def _is_object(data: str) -> bool:
    try:
        return isinstance(loads(data), dict)
    except ValueError:
        return False


def end_of_run(columns: list[Any]) -> tuple[str, int] | None:
    """The columns of a record as what is kept about a run: its id and newest row."""
    if len(columns) != len(STATE) or columns[STATE.index("status")] not in _STATUSES:
        return None
    run_id, last = columns[0], columns[STATE.index("last_seq")]
    is_one = isinstance(run_id, str) and isinstance(last, int) and 0 < last < 2**40
    return (run_id, last) if is_one else None


_STATUSES: Final = frozenset(
    ("running", "suspended", "returned", "failed", "cancelled", "out_of_budget")
)


def _local_bytes(length: int, page: int) -> int:
    """How much of a cell's payload stands in its own page."""
    most, least = page - 35, (page - 12) * 32 // 255 - 23
    if length <= most:
        return length
    fit = least + (length - least) % (page - 4)
    return fit if fit <= most else least


def _record(payload: bytes) -> list[Any]:
    head, at = _varint(payload, 0)
    body, columns = head, list[Any]()
    while at < head:
        kind, at = _varint(payload, at)
        value, size = _value(payload, body, kind)
        columns.append(value)
        body += size
    return columns


def _value(payload: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in _INTEGERS:
        size = _INTEGERS[kind]
        return int.from_bytes(payload[at : at + size], "big", signed=True), size
    match kind:
        case 0:
            return None, 0
        case 7:
            return struct.unpack(">d", payload[at : at + 8])[0], 8
        case 8 | 9:
            return kind - 8, 0
        case _ if kind >= 12:
            size = (kind - 12) // 2
            content = payload[at : at + size]
            if len(content) < size:
                raise ValueError("cut off")
            return (content.decode() if kind % 2 else content), size
        case _:
            raise ValueError("no such type")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for number in range(9):
        byte = data[at + number]
        if number == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + number + 1
    raise ValueError("no end")
