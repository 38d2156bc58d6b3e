"""Letting runs go: once one has ended or rests, whoever wants it next may have it.

Not before all of its rows are recorded. A run that another process has taken over was let go
without being asked, and is followed from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from workbench.errors import Fenced, StoreFull
from workbench.run.ports import Keeper
from workbench.run.signals import PATIENCE_S
from workbench.run.world import World

if TYPE_CHECKING:
    from workbench.run.run import Run

_SPARE_S = 2.0
"""For recording how everything ended, once it did."""


class Leaving:
    """The runs of one session that are not let go yet. Lives on the core's loop."""

    def __init__(
        self, keeper: Keeper, world: World, follow_instead: Callable[[str], Awaitable[None]]
    ) -> None:
        self._keeper, self._world, self._follow_instead = keeper, world, follow_instead
        self._watchers: dict[str, asyncio.Task[None]] = {}

    def watch(self, run: Run) -> None:
        """Let a run go when it is time."""
        task = asyncio.get_running_loop().create_task(self._let_go(run))
        self._watchers[run.run_id] = task
        task.add_done_callback(lambda _task: self._watchers.pop(run.run_id, None))

    async def let_go(self, run_id: str) -> None:
        """Wait until a run is let go; returns at once for one that was."""
        if (going := self._watchers.get(run_id)) is not None:
            await asyncio.wait({going})

    async def _let_go(self, run: Run) -> None:
        await run.finished()
        # What it could not record yet is still ours to record.
        await self._world.room.wait()
        with suppress(StoreFull):
            await asyncio.to_thread(self._keeper.release, run.run_id)
        if isinstance(run.error, Fenced):
            await self._follow_instead(run.run_id)

    async def rested(self, runs: Iterable[Run]) -> None:
        """Wait, in bounded time, until all have ended or rest."""
        if rests := [asyncio.ensure_future(run.finished()) for run in runs]:
            limit = PATIENCE_S + self._world.stop_s + _SPARE_S
            await asyncio.wait(rests, timeout=limit)

    async def close(self, runs: Iterable[Run]) -> None:
        """Wait, in bounded time, until all have ended or rest, and let them go."""
        await self.rested(runs)
        limit = self._world.stop_s + _SPARE_S
        # Without room a run is not let go before the store is closed.
        if self._watchers and self._world.room.full is None:
            await asyncio.wait(self._watchers.values(), timeout=limit)
        for task in self._watchers.values():
            task.cancel()
