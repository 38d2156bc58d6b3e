"""Whether there is room to record what happens. What is not there, effects wait for.

Two measures. When the log found no room, nothing at all starts: every effect waits here, and the
log says when it has recorded what waits. And before an effect that leaves an intent, so much must
be free that its outcome will surely fit: that is looked at here, and again until it is so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from workbench.errors import StoreFull

T = TypeVar("T")

LOOK_S: Final = 0.5
"""How long until the disk is looked at again."""
GRACE_S: Final = 1.0
"""How long something is given to be recorded after all, when nobody waits for room with it."""


def _enough() -> str:
    return ""


class Room:
    """What the effects of one workbench wait for. Lives on the core's loop."""

    def __init__(self, short: Callable[[], str] = _enough) -> None:
        self.full: StoreFull | None = None
        """Why nothing can be recorded, while that is so."""
        self.tell: Callable[[str], None] = _tell_nobody
        """Told, in a sentence, that effects wait for room, and that they go on."""
        self._short = short
        """Says how much is missing for an effect's outcome, or nothing."""
        self._is_short = False
        self._full, self._found = asyncio.Event(), asyncio.Event()
        self._found.set()

    def changed(self, full: StoreFull | None) -> None:
        """The log found no room, or with None that there is again."""
        was, self.full = self.full, full
        if full is not None:
            self._found.clear()
            self._full.set()
            self.tell(f"{full.message}: nothing new starts, and the runs go on when there is room")
        elif was is not None:
            self._full.clear()
            self._found.set()
            self.tell("there is room again: the runs go on")

    def check(self) -> None:
        """Refuse to begin something. Raises StoreFull while nothing can be recorded."""
        if self.full is not None:
            raise self.full

    async def wait(self) -> None:
        """Until something can be recorded."""
        await self._found.wait()

    async def wait_to_act(self) -> None:
        """Until an outcome will surely fit, too."""
        await self._found.wait()
        while short := self._short():
            if not self._is_short:
                self._is_short = True
                self.tell(f"{short}: nothing is done until there is, and then the runs go on")
            await asyncio.sleep(LOOK_S)
            await self._found.wait()
        if self._is_short:
            self._is_short = False
            self.tell("there is room again: the runs go on")

    async def unless_full(self, work: Awaitable[T]) -> T:
        """Wait for something to be recorded, but not for room. Raises StoreFull."""
        task = asyncio.ensure_future(work)
        full = asyncio.ensure_future(self._full.wait())
        try:
            await asyncio.wait({task, full}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await asyncio.wait({task}, timeout=GRACE_S)
        finally:
            full.cancel()
        if not task.done() and self.full is not None:
            # It goes on waiting in the log; whoever asks here does not.
            raise self.full
        return await task


def _tell_nobody(_: str) -> None:
    pass
