"""The text of one answer as it streams in, told to whoever watches: some times a second at most.

A hundred streams of a hundred tokens a second would be ten thousand messages; no eye sees more
than some. The first piece is told at once, the rest together, and all of it before the outcome.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.step import Step

_EACH_S = 0.04


class Deltas:
    """What has come of one attempt's answer and is not told yet."""

    __slots__ = ("_due", "_pieces", "_step")

    def __init__(self, step: Step) -> None:
        self._step = step
        self._pieces: list[str] = []
        self._due: asyncio.TimerHandle | None = None

    def take(self, text: str) -> None:
        """One piece has come; on the core's loop."""
        self._pieces.append(text)
        if self._due is None:
            self._tell()
            self._due = asyncio.get_running_loop().call_later(_EACH_S, self._over)

    def close(self) -> None:
        """The attempt is over: tell the rest."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        self._tell()

    def _over(self) -> None:
        self._due = None
        if self._pieces:
            self._tell()
            self._due = asyncio.get_running_loop().call_later(_EACH_S, self._over)

    def _tell(self) -> None:
        if self._pieces:
            data = {"text": "".join(self._pieces), "pieces": len(self._pieces)}
            self._pieces.clear()
            run = self._step.run
            run.world.publish(Live("delta", run.run_id, self._step.key, data))
