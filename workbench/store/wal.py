"""SQLite's write-ahead log as bytes: which pages stand in it, and whether its end was lost.

SQLite takes a WAL to end at the first frame whose checksum does not fit. After a crash that is
right; of a file that was damaged later it drops commits without a word. Two things tell: the
shared-memory file that a killed process leaves says how far the log went, and frames of the same
generation that lie behind the end.

Only for whoever is alone with the database, see `presence`. The format: sqlite.org/fileformat2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAGICS: Final = {0x377F0682: "<", 0x377F0683: ">"}
"""By the header's first word: the byte order of its checksums."""
HEADER_BYTES: Final = 32
FRAME_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class Frame:
    """One page in the log."""

    page: int
    is_commit: bool
    at: int
    """Where its content begins in the file."""


@dataclass(frozen=True, slots=True)
class Index:
    """What the shared-memory file says."""

    frames: int
    copied: int
    """How many of them stand in the database."""
    salts: bytes


def frames(path: Path, page_bytes: int) -> Iterator[Frame]:
    """The frames of the newest generation, wherever they lie; none when there is no log."""
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        salts = _salts(header) if is_header(header) else b""
        step = FRAME_BYTES + page_bytes
        size = path.stat().st_size
        for at in range(HEADER_BYTES, size - step + 1, step):
            file.seek(at)
            head = file.read(FRAME_BYTES)
            salts = salts or head[8:16]
            page, pages = struct.unpack(">II", head[:8])
            if head[8:16] == salts and 0 < page < 2**31:
                yield Frame(page, pages > 0, at + FRAME_BYTES)


def is_header(header: bytes) -> bool:
    """Whether a log begins like this: SQLite ignores all of one that does not."""
    if len(header) < HEADER_BYTES:
        return False
    (magic,) = struct.unpack(">I", header[:4])
    order = _MAGICS.get(magic)
    return order is not None and checksum(header[:24], order) == struct.unpack(">II", header[24:32])


def _salts(header: bytes) -> bytes:
    return header[16:24]


def checksum(data: bytes, order: str) -> tuple[int, int]:
    """SQLite's checksum over a multiple of eight bytes."""
    first = second = 0
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second


def index(path: Path) -> Index | None:
    """What a shared-memory file says, or None when it says nothing that can be relied on."""
    try:
        with path.open("rb") as file:
            data = file.read(100)
    except OSError:
        return None
    if len(data) < 100 or data[:48] != data[48:96]:
        return None
    if checksum(data[:40], "=") != struct.unpack("=II", data[40:48]):
        return None
    (count,) = struct.unpack("=I", data[16:20])
    (copied,) = struct.unpack("=I", data[96:100])
    return Index(count, copied, data[32:40]) if copied <= count else None


def lost(wal: Path, before: Index | None, page_bytes: int, read: int) -> str:
    """What SQLite left out of a log without saying so, in words; empty when nothing.

    Args:
        wal: the log.
        before: what its shared-memory file said before SQLite opened it.
        page_bytes: of the database.
        read: how many frames SQLite took for valid.
    """
    # The log may have been begun anew since its frames were copied: then nothing is missing.
    if before is not None and before.frames > max(read, before.copied):
        header = _header(wal)
        if not is_header(header) or _salts(header) == before.salts:
            return f"{before.frames - read} of {before.frames} pages in {wal} cannot be read"
        return ""
    later = [frame for number, frame in enumerate(frames(wal, page_bytes), 1) if number > read]
    # One cut-off commit is what a power cut leaves; a whole one behind it is not.
    if sum(frame.is_commit for frame in later) > (0 if not is_header(_header(wal)) else 1):
        return f"{len(later)} pages in {wal} cannot be read"
    return ""


def cut_off(wal: Path, memory: Path, page_bytes: int) -> int:
    """How many pages a log has lost since its program was killed, as far as one can know."""
    before = index(memory)
    if before is None or before.frames <= before.copied:
        return 0
    header = _header(wal)
    if is_header(header) and _salts(header) != before.salts:
        return 0
    return max(before.frames - sum(1 for _ in frames(wal, page_bytes)), 0)


def _header(wal: Path) -> bytes:
    try:
        with wal.open("rb") as file:
            return file.read(HEADER_BYTES)
    except OSError:
        return b""
