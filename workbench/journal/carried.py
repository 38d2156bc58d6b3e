"""A run as one readable file: a header, a row a line, an end. The format, and its strict reader.

    {"format": "kaizen-tui run", "version": 2, "run": …, "runs": [root … run], "program": …}
    {"run_id": …, "seq": …, "at": …, "kind": …, "key": …, "data": {…}, "sum": …}
    {"blob": digest, "base64": …, "sum": …}
    {"end": true, "rows": …, "blobs": …, "sum": …}

Each line's sum covers it and the sum before, so an altered line is named by its number and a cut
file is seen at its end. That guards against accidents; who alters a file on purpose can sum it
anew, so nothing in it is trusted either: what it holds is checked as any stranger's.

The rows are those of a run and of its parents up to each cut: a file needs no other one. The
folders a run worked in are another machine's and no part of it.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from workbench.errors import InputError
from workbench.journal.carried_rows import check_row
from workbench.journal.events import Event
from workbench.journal.untrusted import IMPORTED
from workbench.values import digest, dumps, loads

FORMAT: Final = "kaizen-tui run"
VERSION: Final = 2
LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes: so much is in memory at a time, and a line that never ends is refused."""

_SUM_BYTES: Final = 8
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BLOB: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class Chain:
    """The sums: each covers a line's value and the sum before."""

    last: str = ""

    def next(self, value: Mapping[str, Any]) -> str:
        """The sum of the next line."""
        self.last = digest(self.last.encode() + dumps(value), _SUM_BYTES)
        return self.last


@dataclass(slots=True)
class Writing:
    """Makes the lines of a file, in order."""

    chain: Chain = field(default_factory=Chain)
    rows: int = 0
    blobs: int = 0

    def header(self, run_id: str, runs: Sequence[str], program: str) -> bytes:
        """The first line."""
        told = {"format": FORMAT, "version": VERSION, "run": run_id, "runs": list(runs)}
        return self._line({**told, "program": program})

    def row(self, row: Event) -> bytes:
        """A row's line. Raises InputError when it is longer than any reader would take."""
        self.rows += 1
        line = self._line(_row_data(portable(row)))
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"row {row.seq} of run {row.run_id} is {len(line)} bytes long, "
                f"and a file's lines have at most {LONGEST_LINE}"
            )
        return line

    def blob(self, name: str, content: bytes) -> bytes:
        """A file's content, as it was at some time of the run."""
        self.blobs += 1
        return self._line({"blob": name, "base64": b64encode(content).decode()})

    def end(self) -> bytes:
        """The last line."""
        return self._line({"end": True, "rows": self.rows, "blobs": self.blobs})

    def _line(self, value: Mapping[str, Any]) -> bytes:
        return dumps({**value, "sum": self.chain.next(value)}) + b"\n"


def _row_data(row: Event) -> dict[str, Any]:
    return {
        "run_id": row.run_id,
        "seq": row.seq,
        "at": row.at,
        "kind": row.kind,
        "key": row.key,
        "data": row.data,
    }


def portable(row: Event) -> Event:
    """A row without what means something on one machine only: folders, what they held, and who.

    What a stranger's file says of folders is dropped as well, so a run from elsewhere works in
    this workspace, has nothing here that could be restored, and its open effects are looked at by
    a person.
    """
    if IMPORTED in row.data:
        row = replace(row, data={k: v for k, v in row.data.items() if k != IMPORTED})
    make = _PORTABLE.get(row.kind)
    return row if make is None else replace(row, data=make(row.data))


def _without_place(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in {"workspace", "by"}}


def _elsewhere(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "workspace": ELSEWHERE}


def _unprepared(data: dict[str, Any]) -> dict[str, Any]:
    gone: dict[str, Any] = {"prepared": ELSEWHERE} if data.get("prepared") else {}
    gone |= {"snapshot": {"none": ELSEWHERE}} if data.get("snapshot") else {}
    return {**data, **gone} if gone else data


def _untaken(data: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name not in {"tree", "before"}}
    return {**kept, "none": ELSEWHERE}


ELSEWHERE: Final = "elsewhere"
"""Stands for a folder of another machine, and for what was found in it."""

_PORTABLE: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "run.started": _without_place,
    "file.changed": _elsewhere,
    "step.started": _unprepared,
    "snapshot.taken": _untaken,
}


@dataclass(slots=True)
class Carried:
    """A run of a file."""

    run_id: str
    parent: str
    cut: int
    last_seq: int
    line: int
    """Of its first row."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's content out of a file."""

    name: str
    content: bytes


class Reading:
    """Reads a file line by line and refuses the first line that is not as it must be."""

    def __init__(self, name: str) -> None:
        self.run_id = ""
        self.program = ""
        self.runs: list[Carried] = []
        self.rows = self.blobs = 0
        self.is_over = False
        self._name, self._number = name, 0
        self._chain = Chain()
        self._named: list[str] = []

    @property
    def sum(self) -> str:
        """Names the whole file, once it is over."""
        return self._chain.last

    def take(self, line: bytes) -> Event | Blob | None:
        """Read the next line; a row, a blob, or None for the first and the last.

        Raises:
            InputError: naming the line and what is wrong with it.
        """
        self._number += 1
        if self.is_over:
            raise self.refused("stands after the end of the run")
        value = self._value(line)
        told = value.pop("sum", None)
        if self._number == 1:
            self._header(value)
        if told != self._chain.next(value):
            raise self.refused("was altered: its sum does not fit it")
        if self._number == 1:
            return None
        if "end" in value:
            return self._end(value)
        return self._blob(value) if "blob" in value else self._row(value)

    def close(self) -> None:
        """Say that there are no more lines. Raises InputError when the end is missing."""
        if not self.is_over:
            raise InputError(
                f"{self._name} was cut off after line {self._number}: its end is missing",
                hint="Export the run again, or fetch the whole file",
                line=self._number,
            )

    def refused(self, why: str, hint: str = "") -> InputError:
        """The error for the present line."""
        return InputError(
            f"line {self._number} of {self._name} {why}", hint=hint, line=self._number
        )

    def _value(self, line: bytes) -> dict[str, Any]:
        if len(line) > LONGEST_LINE:
            raise self.refused(f"is longer than {LONGEST_LINE} bytes")
        try:
            value = loads(line)
        except RecursionError:
            raise self.refused("is nested too deep") from None
        except (ValueError, TypeError, KeyError) as error:
            short = str(error).partition(":")[0][:80]
            raise self.refused(f"is no JSON that a run can hold ({short})") from None
        if not isinstance(value, dict):
            raise self.refused("is no JSON object")
        return cast("dict[str, Any]", value)

    def _header(self, value: Mapping[str, Any]) -> None:
        if value.get("format") != FORMAT:
            raise self.refused("does not begin an exported run", "Export one: kaizen-tui export")
        version: Any = value.get("version")
        if not _is_count(version):
            raise self.refused(f"names the version {version!r}, which is none")
        if version > VERSION:
            raise self.refused(
                f"is of format version {version}, and this program reads up to {VERSION}",
                "Read it with the kaizen-tui that wrote it, or a later one",
            )
        if version < VERSION:
            raise self.refused(f"is of format version {version}, which is no longer read")
        runs, run_id = value.get("runs"), value.get("run")
        named = cast("list[Any]", runs) if isinstance(runs, list) else []
        if not named or named[-1] != run_id or len(set(map(str, named))) < len(named):
            raise self.refused("does not name its runs, from the first to the one it is about")
        for one in named:
            self._check_id(one)
        self.run_id, self._named = str(run_id), named
        self.program = str(value.get("program") or "")

    def _check_id(self, run_id: Any) -> None:
        if not isinstance(run_id, str) or _ID.fullmatch(run_id) is None or ".." in run_id:
            raise self.refused(f"has a run that may not be called {str(run_id)[:60]!r}")

    def _row(self, value: Mapping[str, Any]) -> Event:
        if self.blobs:
            raise self.refused("is a row after the contents of files")
        if set(value) != {"run_id", "seq", "at", "kind", "key", "data"}:
            raise self.refused("is no row: a row has run_id, seq, at, kind, key and data")
        found = check_row(value, self.refused)
        row = portable(found)
        self._place(row)
        self.rows += 1
        return row

    def _place(self, row: Event) -> None:
        """Each run's rows follow each other; each run is a fork of the one before it."""
        here = self.runs[-1] if self.runs else None
        if here is not None and row.run_id == here.run_id:
            if row.seq != here.last_seq + 1 or row.kind == "run.started":
                raise self.refused(f"is row {row.seq} where {here.last_seq + 1} should be")
            here.last_seq = row.seq
            return
        expected = self._named[len(self.runs)] if len(self.runs) < len(self._named) else ""
        if row.run_id != expected or row.kind != "run.started":
            raise self.refused(f"does not begin run {expected or 'any that the file names'}")
        parent, cut = str(row.data.get("parent") or ""), int(row.data.get("cut") or 0)
        wanted = (here.run_id, here.last_seq) if here is not None else ("", 0)
        if (parent, cut) != wanted or row.seq != cut + 1:
            raise self.refused(
                f"begins run {row.run_id} after row {cut} of {parent or 'nothing'}, "
                f"and the file has it after row {wanted[1]} of {wanted[0] or 'nothing'}"
            )
        self.runs.append(Carried(row.run_id, parent, cut, row.seq, self._number))

    def _blob(self, value: Mapping[str, Any]) -> Blob:
        name, written = value.get("blob"), value.get("base64")
        if set(value) != {"blob", "base64"} or not isinstance(written, str):
            raise self.refused("is no content of a file")
        if not isinstance(name, str) or _BLOB.fullmatch(name) is None:
            raise self.refused("names a content that may not be called so")
        try:
            content = b64decode(written, validate=True)
        except (NotBase64, ValueError):
            raise self.refused("holds a content that is not base64") from None
        if digest(content, 32) != name:
            raise self.refused("holds a content that is not what its name says")
        self.blobs += 1
        return Blob(name, content)

    def _end(self, value: Mapping[str, Any]) -> None:
        if value != {"end": True, "rows": self.rows, "blobs": self.blobs}:
            raise self.refused(f"is no end of a file with {self.rows} rows")
        if [run.run_id for run in self.runs] != self._named:
            raise self.refused("ends the file before all its runs have come")
        self.is_over = True


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
