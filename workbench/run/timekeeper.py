"""The time a run may take: counts while it is at work, and says when it is over.

A run is at work unless it is paused or every effect in flight waits for a person. A timer, not a
check at each effect, so that one that never ends is noticed too. Where nobody is asked, the run
rests gracefully; what then does not end by itself is stopped after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.journal.events import Event
from workbench.run import exhausted
from workbench.run.stopwatch import worked_before_s
from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.run import Run


class Timekeeper:
    """Runs a run's stopwatch and the timer of its limit."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._idle = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_on = self._is_at_work = False
        run.budget.changed = self._set_timer

    def recall(self, rows: Sequence[Event]) -> None:
        """Count what earlier processes worked."""
        own = (row for row in rows if row.run_id == self._run.run_id)
        self._run.budget.stopwatch.add(worked_before_s(own))

    def start(self) -> None:
        """Begin to count."""
        self._is_on = True
        self._run.world.budgets.runs.add(self._run.run_id)
        self.look()

    def stop(self) -> float:
        """Count no more; the seconds worked."""
        self._is_on = self._is_at_work = False
        self.look()
        return round(self._run.budget.stopwatch.worked_s, 3)

    def held(self) -> None:
        """The run was paused, or goes on."""
        self._is_at_work = False
        self.look()

    def idles(self, more: int) -> None:
        """So many more effects wait for a person."""
        self._idle += more
        self.look()

    def look(self) -> None:
        """Effects have begun, ended or come to wait: is the run at work?"""
        run = self._run
        if not self._idle and self._is_at_work:
            return  # nothing that begins or ends changes that
        waits = self._idle > 0 and self._idle >= len(run.steps)
        works = self._is_on and not waits and run.hold.state != "paused"
        self._is_at_work = works
        if run.budget.stopwatch.run(on=works):
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        budget = self._run.budget
        seconds = budget.limits.seconds
        if seconds is not None and budget.stopwatch.is_running:
            left_s = max(seconds - budget.stopwatch.worked_s, 0.0)
            self._timer = asyncio.get_running_loop().call_later(left_s, self._over)

    def _over(self) -> None:
        run = self._run
        if not run.budget.is_over_time:
            self._set_timer()  # a timer may be early by the clock's grain
            return
        exhausted.time_is_over(run)


def note_waiting(runs: Mapping[str, Run], event: Event | Live) -> None:
    """Somebody is asked, or no longer: the time in which a run only waits is not its own.

    A used-up limit is left out: there the effects that wait are counted, not the question.
    """
    if isinstance(event, Event) or event.kind != "waiting":
        return
    run = runs.get(event.run_id)
    if run is not None and ":budget/" not in event.data["id"]:
        run.time.idles(1 if event.data["what"] == "asked" else -1)
