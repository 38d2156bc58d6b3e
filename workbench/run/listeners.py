"""Who goes through the rows of a run while it is driven: what is there, then what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from workbench.journal.events import Event
from workbench.run.ports import Log


class Listeners:
    """The listeners of one run."""

    def __init__(self, log: Log, run_id: str) -> None:
        self._log, self._run_id = log, run_id
        self._queues: list[asyncio.Queue[Event | None]] = []
        self._closed = False

    def tell(self, row: Event) -> None:
        """One more row."""
        for queue in self._queues:
            queue.put_nowait(row)

    def close(self) -> None:
        """There are no more."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)

    async def events(self) -> AsyncIterator[Event]:
        """Every row: those that are there, then each as it comes, until the run ends or rests."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queues.append(queue)
        if self._closed:
            queue.put_nowait(None)
        last = 0
        for row in await asyncio.to_thread(self._recorded):
            last = row.seq
            yield row
        while (event := await queue.get()) is not None:
            if event.seq > last:
                yield event

    def _recorded(self) -> list[Event]:
        self._log.catch_up()
        return list(self._log.rows(self._run_id))
