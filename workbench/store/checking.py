"""Going through all of a database: pages, rows, blobs, and what is computed from them.

Nothing is changed, and others may go on working meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from workbench.errors import StoreDamaged
from workbench.store.blobs import Blobs
from workbench.store.connection import FAILURES, Readers, translated
from workbench.store.packing import COLUMNS, unpack
from workbench.store.projection import COLUMNS as STATE
from workbench.store.projection import RunState
from workbench.store.schema import PLACE

MOST_FAULTS: Final = 20
_PAGE: Final = 1000
_NEXT: Final = (
    f"SELECT id, {COLUMNS} FROM events WHERE id > ? AND run_id <> '{PLACE}' "  # noqa: S608
    f"ORDER BY id LIMIT {_PAGE}"
)


@dataclass(slots=True)
class Checked:
    """What was found."""

    rows: int = 0
    faults: list[str] = field(default_factory=list[str])
    """Sentences, the first `MOST_FAULTS`."""
    stale: list[str] = field(default_factory=list[str])
    """Runs whose figures are not what their rows say: they can be computed anew."""

    def fault(self, text: str) -> None:
        """One more."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)


def check(path: Path, readers: Readers, progress: Callable[[str], None]) -> Checked:
    """Go through everything."""
    found = Checked()
    states: dict[str, RunState] = {}
    try:
        with readers.read() as link:
            progress("looking at pages")
            for (text,) in link.execute(f"PRAGMA integrity_check({MOST_FAULTS})"):
                if text != "ok":
                    found.fault(str(text).replace("\n", " "))
            lost = dict(link.execute("SELECT run_id, first_seq FROM losses"))
        for row in _rows(readers):
            found.rows += 1
            _take(row, Blobs(path.parent / "blobs"), states, lost, found)
            if found.rows % 10_000 == 0:
                progress(f"{found.rows} rows")
        with readers.read() as link:
            _compare(link, states, found)
    except (*FAILURES, UnicodeDecodeError) as error:
        found.fault(translated(error, path).message if isinstance(error, FAILURES) else str(error))
    return found


def _rows(readers: Readers) -> Iterator[Any]:
    """All rows in the order of their commits; no read is held for longer than a page."""
    after = 0
    while True:
        with readers.read() as link:
            page = link.execute(_NEXT, (after,)).fetchall()
        yield from (row[1:] for row in page)
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _take(
    row: Any, blobs: Blobs, states: dict[str, RunState], lost: dict[str, int], found: Checked
) -> None:
    run_id = row[0]
    try:
        event = unpack(row, blobs)
    except StoreDamaged as error:
        if run_id not in lost:
            found.fault(error.message)
        return
    state = states.get(run_id)
    if state is None:
        states[run_id] = RunState.begin(event)
        return
    if event.seq != state.row["last_seq"] + 1 and run_id not in lost:
        found.fault(f"rows {state.row['last_seq'] + 1} to {event.seq - 1} of run {run_id} are gone")
    state.take(event)


def _compare(link: sqlite3.Connection, states: dict[str, RunState], found: Checked) -> None:
    """Whether what is kept about the runs is what their rows say."""
    kept = {row[0]: row for row in link.execute(f"SELECT {', '.join(STATE)} FROM run_states")}  # noqa: S608
    for run_id, state in states.items():
        row = kept.get(run_id)
        mine = state.row
        if row is not None and (row[STATE.index("last_seq")] or 0) > mine["last_seq"]:
            continue  # it has grown since
        if row is None or any(_differs(mine[name], row[n]) for n, name in enumerate(STATE)):
            found.stale.append(run_id)
    found.stale += [run_id for run_id in kept if run_id not in states]


def _differs(mine: Any, kept: Any) -> bool:
    if isinstance(mine, float) and isinstance(kept, int | float):
        return abs(mine - kept) > 1e-6
    return bool(mine != kept)
