"""Take a run out of a file into the store: checked whole before anything is kept, all or nothing.

The file is read three times, a line at a time, so its size does not matter: to check it, to find
out which of its runs are here already, and to store the others in one transaction. A run keeps
its id if that is free. If another run has it, it gets one made of the file's sum, so the same file
read again is recognised.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import BinaryIO, Literal

from workbench.errors import InputError, UsageError
from workbench.journal.carried import LONGEST_LINE, Blob, Carried, Reading, portable
from workbench.journal.events import Event
from workbench.journal.untrusted import IMPORTED
from workbench.script.export import Moved
from workbench.store.memory import MemoryStore
from workbench.store.projection import RunState
from workbench.store.store import Store
from workbench.values import digest, dumps

AnyStore = Store | MemoryStore


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file."""

    run_id: str
    """What the run is called here."""
    called: str
    """What it was called in the file."""
    rows: int
    """Rows that were stored."""
    known: int
    """Rows that were here already."""
    blobs: int
    renamed: Mapping[str, str]
    """By its name in the file: a run's name here, where that is another."""


def import_run(
    store: AnyStore, path: Path, *, moved: Moved = lambda _done, _total: None
) -> Imported:
    """Take in a run with its parents.

    Raises:
        UsageError: the file cannot be read.
        InputError: a line of it is not as it must be; nothing was stored.
    """
    with _opened(path) as file:
        # Looking for runs that are here already is not foreseen in it: mostly there are none.
        total = os.fstat(file.fileno()).st_size * 2
        steps = _Steps(moved, total)
        checked = _checked(file, path, steps)
        places = _places(store, file, path, checked)
        return _stored(store, file, path, checked, places, steps)


@dataclass(slots=True)
class _Steps:
    moved: Moved
    total: int
    done: int = 0

    def add(self, size: int) -> None:
        self.done += size
        self.moved(self.done, self.total)


@dataclass(frozen=True, slots=True)
class _Place:
    """A run of the file: what it is called here, and how many of its rows are here."""

    run_id: str
    known: int


def _opened(path: Path) -> BinaryIO:
    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise UsageError(f"{path} is no file")
    return file


def _items(file: BinaryIO, reading: Reading, steps: _Steps) -> Iterator[Event | Blob]:
    """Everything in the file, from its beginning. Raises InputError at the first wrong line."""
    file.seek(0)
    while line := file.readline(LONGEST_LINE + 1):
        item = reading.take(line)
        steps.add(len(line))
        if item is not None:
            yield item
    reading.close()


def _checked(file: BinaryIO, path: Path, steps: _Steps) -> Reading:
    """The whole file, read for the first time."""
    state: RunState | None = None
    reading = Reading(path.name)
    for item in _items(file, reading, steps):
        if isinstance(item, Event):
            try:
                if state is None or item.kind == "run.started":
                    state = RunState.begin(item)
                else:
                    state.take(item)
            except (ValueError, TypeError, KeyError, OverflowError) as error:
                raise reading.refused(f"holds a row that cannot be counted ({error})") from None
    return reading


def _places(store: AnyStore, file: BinaryIO, path: Path, checked: Reading) -> dict[str, _Place]:
    """Where each run of the file belongs: an id that is free, or that holds just this run."""
    found: dict[str, _Place] = {}
    for carried in checked.runs:
        for name in _names(carried, checked.sum):
            known = _known(store, name)
            if known is None:
                found[carried.run_id] = _Place(name, 0)
                break
            rows = _rows_of(file, path, carried, found, name)
            same = _compared(store, name, carried, rows)
            if same != "different":
                found[carried.run_id] = _Place(name, min(known, carried.last_seq) - carried.cut)
                break
    return found


def _names(carried: Carried, whole: str) -> Iterator[str]:
    """What a run may be called here, in the order in which it is tried."""
    yield carried.run_id
    for number in count():
        yield digest(f"{whole} {carried.run_id} {number}", 4)


def _known(store: AnyStore, run_id: str) -> int | None:
    """The newest row of a run that is here, or None."""
    return store.last_seq(run_id) or None


def _rows_of(
    file: BinaryIO,
    path: Path,
    carried: Carried,
    places: Mapping[str, _Place],
    name: str,
) -> Iterator[Event]:
    """The rows of one run of the file, under the names they would have here."""
    names = {**{old: place.run_id for old, place in places.items()}, carried.run_id: name}
    for item in _items(file, Reading(path.name), _Steps(lambda _done, _total: None, 0)):
        if isinstance(item, Event) and item.run_id == carried.run_id:
            yield _renamed(item, names)


def _renamed(row: Event, names: Mapping[str, str]) -> Event:
    data = row.data
    if row.kind == "run.started" and data.get("parent"):
        data = {**data, "parent": names[data["parent"]]}
    return replace(row, run_id=names[row.run_id], data=data)


def _compared(
    store: AnyStore, name: str, carried: Carried, rows: Iterator[Event]
) -> Literal["same", "different"]:
    """Whether a run that is here is the same as the file's, as far as both go."""
    here = store.rows(name, after=carried.cut)
    first = True
    for ours, theirs in zip(here, rows, strict=False):
        if _told(ours) != _told(theirs):
            return "different"
        first = False
    return "different" if first else "same"


def _told(row: Event) -> bytes:
    row = portable(row)
    return dumps([row.run_id, row.seq, row.at, row.kind, row.key, row.data])


def _stored(
    store: AnyStore,
    file: BinaryIO,
    path: Path,
    checked: Reading,
    places: Mapping[str, _Place],
    steps: _Steps,
) -> Imported:
    names = {old: place.run_id for old, place in places.items()}
    after = {run.run_id: run.cut + places[run.run_id].known for run in checked.runs}
    wanted = sum(run.last_seq - after[run.run_id] for run in checked.runs)

    def rows() -> Iterator[Event]:
        again = Reading(path.name)
        for item in _items(file, again, steps):
            if isinstance(item, Blob):
                keep(item)
            elif item.seq > after[item.run_id]:
                row = _renamed(item, names)
                first = item.seq == after[item.run_id] + 1
                yield replace(row, data={**row.data, IMPORTED: True}) if first else row
        if again.sum != checked.sum:
            raise InputError(f"{path.name} was changed while it was read")

    def keep(blob: Blob) -> None:
        store.blobs.write(blob.content)

    if wanted:
        store.take_in(rows())
    return Imported(
        names[checked.run_id],
        checked.run_id,
        wanted,
        checked.rows - wanted,
        checked.blobs,
        {old: new for old, new in names.items() if old != new},
    )
