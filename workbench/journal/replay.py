"""Replay: feeding a drive what is recorded, before anything live.

A scope that has its end row is recalled by its result and not driven, so a session replays only
what was unfinished. What remains after the last row is asked for live by whoever called; here
nothing is performed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workbench.errors import Diverged, InputError
from workbench.journal.divergence import diverged, divergence
from workbench.journal.drive import Drive
from workbench.journal.events import OUTCOMES, Event


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that may have happened, and what was recorded of it since."""

    started: Event
    ended: Event | None = None
    """How it was ended, when the program still got to say so."""
    answered: Event | None = None
    """What was answered to the doubt about it."""
    before: Tried | None = None
    """The attempt before it."""


@dataclass(slots=True)
class Unfinished:
    """What a run has recorded of an effect that has no outcome yet."""

    run_id: str = ""
    """The run whose rows these are; those of a parent are nothing that a fork would go on with."""
    tried: Tried | None = None
    """The newest attempt of which nobody knows the end."""
    attempts: int = 0
    """How many there were, those that never began included."""
    approvals: int = 0
    """How many approvals were answered for it, over all attempts."""

    def take(self, row: Event) -> None:
        """Take one more of its rows in."""
        tried = self.tried
        if row.kind == "step.started":
            self.tried = Tried(row, before=tried)
            self.attempts = int(row.data.get("attempt", 1))
        elif row.kind == "approval.answered":
            self.approvals += 1
        elif tried is None:
            return
        elif row.kind == "attempt.ended" and row.data.get("end") == "never":
            # It was stopped before it began; of one before it nobody knows.
            self.tried = tried.before
        elif row.kind == "attempt.ended":
            self.tried = replace(tried, ended=row)
        elif row.kind == "question.answered" and row.data.get("asked_as") == "in_doubt":
            self.tried = replace(tried, answered=row)


@dataclass(slots=True)
class Replayed:
    """What a replay found besides the place it came to."""

    unfinished: dict[str, list[Unfinished]] = field(default_factory=dict[str, "list[Unfinished]"])
    """By key: what each run on the way recorded of an effect that has no outcome, oldest first."""
    fed: int = 0
    """Rows a workflow saw."""
    place: int = 0
    """Of the row that was looked at last."""
    last: Event | None = None
    """The last row that a workflow saw."""
    whole: bool = False
    """Every row fitted."""

    def note(self, row: Event) -> None:
        """Remember a row of an effect that has no outcome."""
        runs = self.unfinished.setdefault(row.key, [])
        if not runs or runs[-1].run_id != row.run_id:
            runs.append(Unfinished(row.run_id))
        runs[-1].take(row)

    def left_by(self, run_id: str) -> dict[str, Unfinished]:
        """What one run left unfinished."""
        newest = {key: runs[-1] for key, runs in self.unfinished.items()}
        return {key: left for key, left in newest.items() if left.run_id == run_id}


def replay(drive: Drive, rows: Sequence[Event], own: str = "") -> Replayed:
    """Start a drive and feed it every recorded row.

    Args:
        drive: a fresh one.
        rows: the run's, those it shares with its parents included.
        own: the run, when that matters: what a parent had in flight at the cut is its own affair,
            and a fork may ask for something else. Empty when every row counts.

    Raises `Diverged` (or what finding a scope's body raised) with the drive suspended and
    nothing begun.
    """
    found = Replayed()
    try:
        _feed(drive, rows, found)
        _compare_open(drive, rows, found, own)
        found.whole = True
    except Diverged as error:
        raise diverged(divergence(drive, rows, found, error.data["why"])) from None
    except InputError as error:
        refused = diverged(divergence(drive, rows, found, "refused"))
        refused.message = f"row {rows[found.place].seq} does not fit: {error}"
        raise refused from None
    finally:
        if not found.whole:
            drive.suspend()
    return found


def _feed(drive: Drive, rows: Sequence[Event], found: Replayed) -> None:
    ended = {row.key for row in rows if row.kind in OUTCOMES}
    skipped: set[str] = set()
    drive.start()
    for found.place, row in enumerate(rows):
        if row.key and row.key not in ended:
            found.note(row)
        if not row.is_fed:
            continue
        if row.key not in drive.parked and _is_below(row.key, skipped):
            continue
        if drive.outcome is not None and row.key:
            raise Diverged("the workflow has ended, and the log goes on", why="ended")
        parked = drive.parked.get(row.key)
        if parked is not None and row.kind == "step.started" and row.key in ended:
            parked.skipped = True
            skipped.add(row.key)
        drive.feed(row)
        found.fed += 1
        found.last = row


def _is_below(key: str, skipped: set[str]) -> bool:
    while skipped and "/" in key:
        key = key.rpartition("/")[0]
        if key in skipped:
            return True
    return False


def _compare_open(drive: Drive, rows: Sequence[Event], found: Replayed, own: str) -> None:
    """An effect that was started must be asked for now: a leftover intent is a divergence."""
    for key, runs in found.unfinished.items():
        counted = [left.tried for left in runs if own in {"", left.run_id} and left.tried]
        tried = counted[-1] if counted else None
        if tried is None:
            continue
        parked = drive.parked.get(key)
        if parked is None or parked.fingerprint != tried.started.data.get("fingerprint"):
            found.place = rows.index(tried.started)
            why = "other" if parked is not None else "open"
            raise Diverged(f"{key!r} was started, and is not asked for like that now", why=why)
