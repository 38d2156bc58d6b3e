"""Two workbenches on one database in one process: one drives, the other follows and asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.run.stage import BOUND_S, Answering, opened, until
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.run.waiting import Waiting
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import question, use

T = TypeVar("T")

DEEDS: list[str] = []
"""What was done."""


@tool(danger="HIGH", repeat="unsafe")
async def deed(text: str) -> str:
    """Do something that cannot be undone."""
    DEEDS.append(text)
    return f"did {text}"


@pattern
async def doing(text: str) -> str:
    """Do one thing, once it is allowed."""
    return await use(deed, text=text)


@pattern
async def wondering() -> str:
    """Ask which way."""
    return await question("which way?", ["left", "right"])


@pattern
async def going_on() -> str:
    """Do one thing once it is allowed, and go on waiting."""
    await use(deed, text="it")
    return await question("which way?", ["left", "right"])


@asynccontextmanager
async def two(
    folder: Path, answer: Answering | None = None, **settings: Any
) -> AsyncGenerator[tuple[Workbench, Workbench]]:
    """An owner and another one."""
    DEEDS.clear()
    async with (
        opened(folder, answer, **settings) as owner,
        opened(folder, answer, **settings) as other,
    ):
        for bench in (owner, other):
            bench.world.patterns |= {one.name: one for one in (doing, going_on, wondering)}
        yield owner, other


class Told:
    """What a workbench tells, to be waited for."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self.rows: list[Event] = []
        self.live: list[Live] = []
        bench.subscribe(self._take)

    def _take(self, event: Event | Live) -> None:
        if isinstance(event, Event):
            self.rows.append(event)
        else:
            self.live.append(event)

    async def row(self, kind: str, count: int = 1) -> Event:
        """Wait for the so-manieth row of a kind."""

        def found() -> Event | None:
            rows = [row for row in self.rows if row.kind == kind]
            return rows[count - 1] if len(rows) >= count else None

        return await until(self.bench, found)

    async def driver(self, name: str) -> Live:
        """Wait until it is told who drives a run."""

        def found() -> Live | None:
            told = [one for one in self.live if one.kind == "driver"]
            return told[-1] if told and told[-1].data["driver"] == name else None

        return await until(self.bench, found)


async def waits_for(found: Callable[[], T | None]) -> T:
    """Wait until something is so that no workbench tells of."""
    async with asyncio.timeout(BOUND_S):
        while (value := found()) is None or value is False:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        return value


async def let_go(bench: Workbench, run: Run) -> None:
    """Wait until nobody drives a run any more."""
    await waits_for(lambda: bench.store.owner(run.run_id) is None)


async def asked(owner: Workbench, other: Workbench, run: Run) -> Waiting:
    """What a run waits for, once the other one knows of it."""

    def found() -> Waiting | None:
        waiting = owner.world.inbox.of(run.run_id)
        followed = other.following.runs.get(run.run_id)
        known = followed.pending if followed is not None else {}
        return waiting[0] if waiting and waiting[0].id in known else None

    await until(owner, lambda: owner.world.inbox.of(run.run_id) or None)
    owner.store.flush()
    await other.following.follow(run.run_id)
    async with asyncio.timeout(BOUND_S):
        return await until(other, found)
