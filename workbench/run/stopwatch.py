"""How long a run has been at work: by a clock that nobody sets, and not while it only waits.

What an earlier process worked is read from its rows: there the wall clock is all there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from workbench.journal.events import Event
from workbench.journal.requests import ASKS, ENDS

_RESTS = frozenset({"run.suspended", "run.finished"})


class Stopwatch:
    """Seconds at work; stopped when made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before_s = 0.0
        self._since: float | None = None

    @property
    def worked_s(self) -> float:
        """Seconds so far."""
        running_s = 0.0 if self._since is None else self._clock() - self._since
        return self._before_s + running_s

    @property
    def is_running(self) -> bool:
        """Whether time counts."""
        return self._since is not None

    def run(self, *, on: bool) -> bool:
        """Let time count or not; whether that is a change."""
        if on is self.is_running:
            return False
        self._before_s = self.worked_s
        self._since = self._clock() if on else None
        return True

    def add(self, seconds: float) -> None:
        """Count what was worked before."""
        self._before_s += seconds


def worked_before_s(rows: Iterable[Event]) -> float:
    """How long a run worked, by its own rows.

    That is ``worked_s`` where it says so at its rest, else the time between rows in which nobody
    was waited for; a clock that was set back counts as 0.
    """
    worked_s, stretch_s, last, waits = 0.0, 0.0, None, set[str]()
    for row in rows:
        if row.kind in {"run.started", "run.resumed"}:
            worked_s, stretch_s, last = worked_s + stretch_s, 0.0, None
            waits.clear()
        if last is not None and not waits:
            stretch_s += max(0.0, row.at - last)
        last = row.at
        if row.kind in ASKS:
            waits.add(str(row.data["id"]))
        elif row.kind in ENDS:
            waits.discard(str(row.data["id"]))
        elif row.kind in _RESTS and "worked_s" in row.data:
            worked_s, stretch_s, last = float(row.data["worked_s"]), 0.0, None
    return worked_s + stretch_s
