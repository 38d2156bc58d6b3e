"""Replay: feeding a drive what is recorded, before anything live.

A scope that has its end row is recalled by its result and not driven, so a session replays only
what was unfinished. What remains after the last row is asked for live by whoever called; here
nothing is performed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from workbench.errors import Diverged, WorkbenchError
from workbench.journal.drive import Drive
from workbench.journal.events import OUTCOMES, Event


@dataclass(slots=True)
class Replayed:
    """What a replay found besides the place it came to."""

    open: dict[str, Event] = field(default_factory=dict[str, Event])
    """Start rows of effects that have no outcome yet: they may have happened."""
    tried: dict[str, Event] = field(default_factory=dict[str, Event])
    """The newest start row of each of them, also of an attempt that never began."""
    fed: int = 0
    """Rows a workflow saw."""


def replay(drive: Drive, rows: Sequence[Event]) -> Replayed:
    """Start a drive and feed it every recorded row.

    Raises `Diverged` (or what finding a scope's body raised) with the drive suspended and
    nothing begun.
    """
    try:
        return _fed(drive, rows)
    except WorkbenchError:
        drive.suspend()
        raise


def _fed(drive: Drive, rows: Sequence[Event]) -> Replayed:
    found = Replayed()
    ended = {row.key for row in rows if row.kind in OUTCOMES}
    skipped: set[str] = set()
    before: dict[str, Event] = {}
    drive.start()
    for row in rows:
        if row.key not in ended:
            _note_attempt(found, before, row)
        if not row.is_fed:
            continue
        if row.key not in drive.parked and _is_below(row.key, skipped):
            continue
        _refuse_after_end(drive, row)
        parked = drive.parked.get(row.key)
        if parked is not None and row.kind == "step.started" and row.key in ended:
            parked.skipped = True
            skipped.add(row.key)
        drive.feed(row)
        found.fed += 1
    _compare_open(drive, found)
    return found


def _note_attempt(found: Replayed, before: dict[str, Event], row: Event) -> None:
    """Keep the start row of the newest attempt that may have happened."""
    opened = found.open
    if row.kind == "step.started":
        if row.key in opened:
            before[row.key] = opened[row.key]
        opened[row.key] = found.tried[row.key] = row
    elif row.kind == "attempt.ended" and row.data.get("end") == "never" and row.key in opened:
        # It was stopped before it began; of one before it nobody knows.
        del opened[row.key]
        if row.key in before:
            opened[row.key] = before.pop(row.key)


def _is_below(key: str, skipped: set[str]) -> bool:
    while skipped and "/" in key:
        key = key.rpartition("/")[0]
        if key in skipped:
            return True
    return False


def _refuse_after_end(drive: Drive, row: Event) -> None:
    if drive.outcome is not None and row.key:
        raise Diverged(
            f"the workflow has ended, and the log goes on with {row.key!r}", recorded=row.key
        )


def _compare_open(drive: Drive, found: Replayed) -> None:
    """An effect that was started must be asked for now: a leftover intent is a divergence."""
    for key, row in found.open.items():
        parked = drive.parked.get(key)
        if parked is None or parked.fingerprint != row.data.get("fingerprint"):
            raise Diverged(
                f"{key!r} was started, and the workflow does not ask for it any more",
                recorded=key,
                asked=drive.parked,
            )
