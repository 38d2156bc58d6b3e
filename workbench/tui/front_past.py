"""The jobs that the screen gives the core about the past: how much there is, and its rows.

They only read, each in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.journal.events import Event
from workbench.tui.past import Extent


async def extent(bench: Any, run_id: str) -> Extent:
    """How many rows a run has by now, its parents' included, and where its checkpoints are."""

    def read() -> Extent:
        bench.store.catch_up()
        last = bench.store.last_seq(run_id)
        marks = bench.store.rows(run_id, kinds={"checkpoint.taken"}) if last else ()
        return Extent(run_id, last, tuple(row.seq for row in marks))

    return await asyncio.to_thread(read)


async def page(bench: Any, run_id: str, after: int, upto: int) -> list[Event]:
    """The rows after one and up to another."""
    return await asyncio.to_thread(lambda: [*bench.store.rows(run_id, after=after, upto=upto)])
