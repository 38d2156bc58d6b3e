"""The jobs that the screen gives the core for jumps: which row belongs to which approval.

They only read, each in a thread.
"""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.journal.events import OUTCOMES, Event
from workbench.journal.requests import ASKS, ENDS
from workbench.tui.front import row_at


async def counterpart(bench: Any, run_id: str, seq: int, upto: int | None) -> Event | None:
    """Of a call the row that asked about it, of an approval the call's; None without one."""

    def read() -> Event | None:
        row = row_at(bench.store, run_id, seq)
        if row is None or not row.key:
            return None
        if row.kind in ASKS | ENDS:
            kinds = OUTCOMES | {"step.started"}
            after = (one for one in bench.store.rows(run_id, after=seq, upto=upto, kinds=kinds))
            return next((one for one in after if one.key == row.key), None)
        asked = bench.store.rows(run_id, upto=upto, kinds=ASKS)
        return next((one for one in asked if one.key == row.key), None)

    return await asyncio.to_thread(read)


async def next_asked(bench: Any, run_id: str, after: int, upto: int | None) -> Event | None:
    """The first thing that was asked after a row."""

    def read() -> Event | None:
        return next(iter(bench.store.rows(run_id, after=after, upto=upto, kinds=ASKS)), None)

    return await asyncio.to_thread(read)
