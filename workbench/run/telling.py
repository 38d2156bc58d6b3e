"""Tells subscribers that take their time: off the path, each run's rows in their order.

A run waits for none of them. What waits is bounded, each telling has a deadline, and what was
dropped, failed or took too long is said and counted, never lost in silence. Told is who is there:
a row that a killed program had recorded and not told is in the log, and told to nobody again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.foreign import Raised, attempt_async
from workbench.journal.events import Event

MOST: Final = 1000
"""Tellings of one run that may wait."""
CLOSING_S: Final = 5.0
"""How long closing waits for what is not told yet."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Telling:
    """One subscriber and one row for it."""

    name: str
    function: Callable[[Event], Coroutine[Any, Any, object]]
    row: Event
    deadline_s: float
    say: Say


@dataclass(slots=True)
class _Lane:
    """What waits of one run."""

    line: deque[Telling] = field(default_factory=deque[Telling])
    told: Telling | None = None
    dropped: int = 0
    task: asyncio.Task[None] | None = None


class Tellers:
    """What waits to be told, by run."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self.closing_s = CLOSING_S

    def put(self, telling: Telling) -> None:
        """Have it told after what its run told before; dropped, and said, when the line is full."""
        lane = self._lanes.setdefault(telling.row.run_id, _Lane())
        if len(lane.line) >= MOST:
            lane.dropped += 1
            if lane.dropped == 1:
                telling.say(f"hook {telling.name!r} is too slow: rows are not told to it")
            return
        lane.line.append(telling)
        if lane.task is None:
            lane.task = asyncio.get_running_loop().create_task(self._tell_all(lane, telling))

    async def _tell_all(self, lane: _Lane, first: Telling) -> None:
        while lane.line:
            lane.told = lane.line.popleft()
            await _tell(lane.told)
        del self._lanes[first.row.run_id]
        if lane.dropped:
            first.say(f"hooks were too slow: {lane.dropped} tellings were dropped")

    async def close(self) -> None:
        """Wait for what is not told, in bounded time; say how much never was."""
        tasks = {lane.task: lane for lane in self._lanes.values() if lane.task is not None}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self.closing_s)
        for task in late:
            task.cancel()
            lane = tasks[task]
            if lane.told is not None:
                lost = len(lane.line) + 1 + lane.dropped
                lane.told.say(f"closed before hooks were told: {lost} tellings were dropped")
        await asyncio.gather(*late, return_exceptions=True)
        self._lanes.clear()


async def _tell(telling: Telling) -> None:
    told = asyncio.wait_for(telling.function(telling.row), telling.deadline_s)
    answer = await attempt_async(told)
    if isinstance(answer, Raised):
        telling.say(failure(telling.name, answer.error))


def failure(name: str, error: BaseException) -> str:
    """What is said of a subscriber that failed; a run goes on as if it had not."""
    what = "took too long" if isinstance(error, TimeoutError) else f"failed: {error}"
    return f"hook {name!r} {what}"
