"""What a command has printed so far, kept in a small file that outlives a killed workbench.

One file for each attempt in flight, below the state folder: a head, the first part of the output,
and a ring that holds the last part, so its size is bounded whatever is printed. Nothing is synced:
it is evidence for a person, not the log. It is taken away once the outcome is recorded.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from workbench.redaction import Redaction
from workbench.run.evidence import Captured
from workbench.values import digest

FOLDER = "spool"
_HEAD = struct.Struct("<8sIiqqB7x")
"""Mark, bytes of each half, exit code, pid, bytes printed in all, whether the exit was seen."""
_MARK = b"kzspool1"
_OLD_S = 7 * 24 * 3600.0


def path_of(state: Path, run_id: str, key: str) -> Path:
    """Where the output of an attempt of this effect lies."""
    return state / FOLDER / f"{quote(run_id, safe='')}.{digest(key, 8)}"


class Spool:
    """The file of one attempt, open for writing.

    What cannot be kept is let go: a command does not fail because nobody could take notes.
    """

    def __init__(self, path: Path, half: int, redaction: Redaction) -> None:
        self._half = half
        self._clean = redaction.stream()
        self._pid, self._total = 0, 0
        self._exit: int | None = None
        self._file = -1
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o600)
        self._note()

    def began(self, pid: int) -> None:
        """A process was started."""
        self._pid = pid
        self._note()

    def add(self, data: bytes) -> None:
        """It printed something."""
        data = self._clean(data)
        # The ring is twice as long as what is read of it: a write that the head does not know of
        # yet spoils nothing.
        first = data[: max(0, self._half - self._total)]
        rest = data[len(first) :][-self._half :]
        self._put(_HEAD.size + self._total, first)
        if rest:
            place = (self._total + len(data) - len(rest)) % (2 * self._half)
            until_end = 2 * self._half - place
            ring = _HEAD.size + self._half
            self._put(ring + place, rest[:until_end])
            self._put(ring, rest[until_end:])
        self._total += len(data)
        self._note()

    def ended(self, exit_code: int) -> None:
        """Its exit was seen."""
        self._exit = exit_code
        self._note()

    def close(self) -> None:
        """Let go of the file; it stays."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _note(self) -> None:
        seen = self._exit is not None
        head = _HEAD.pack(_MARK, self._half, self._exit or 0, self._pid, self._total, seen)
        self._put(0, head)

    def _put(self, place: int, data: bytes) -> None:
        if self._file >= 0 and data:
            with suppress(OSError):
                os.pwrite(self._file, data, place)


def read(path: Path, text_of: Callable[[bytes, bytes, int], str]) -> Captured | None:
    """What a spool holds; None when there is none that can be read.

    Args:
        path: the file.
        text_of: makes one text of the first part, the last part, and how much lies between.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if len(data) < _HEAD.size or data[:8] != _MARK:
        return None
    _, half, code, pid, total, seen = _HEAD.unpack_from(data)
    first, ring = data[_HEAD.size :][: min(half, total)], data[_HEAD.size + half :]
    last = bytes(_last(ring, half, total))
    text = text_of(first, last, max(0, total - 2 * half))
    return Captured(pid, code if seen else None, text, total)


def _last(ring: bytes, half: int, total: int) -> Iterator[int]:
    for place in range(max(half, total - half), total):
        at = place % (2 * half)
        yield ring[at] if at < len(ring) else 0


def forget(path: Path) -> None:
    """Take a spool away, if there is one."""
    with suppress(OSError):
        path.unlink()


def clear(state: Path, has_ended: Callable[[str], bool | None]) -> None:
    """Take away what is left of runs that have ended.

    Args:
        state: the folder of the workbench's own.
        has_ended: whether a run has; None when nobody knows the run, and then only what is a
            week old goes.
    """
    try:
        left = list((state / FOLDER).iterdir())
    except OSError:
        return
    for path in left:
        ended = has_ended(unquote(path.name.rpartition(".")[0]))
        if ended or (ended is None and _is_old(path)):
            forget(path)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _OLD_S
    except OSError:
        return False
