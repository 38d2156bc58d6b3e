"""What many agents at once cost, all of it durable.

An agent is a path of its own in ``together``. In ``calls`` each path makes three calls of 10 ms,
one after the other; in ``agents`` each path asks an agent three times, one model call of 10 ms a
turn, so that the difference shows what the turns cost.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import floors
from tests.benchmarks.measuring import Measured, Took, awaited, best_of, peak_mb
from tests.benchmarks.stage import PAUSE_S, Instant, agent, opened, pause
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, together, use

_CALLS = 3
_TARGETS = {100: 50, 1000: 200}


def crowd() -> Iterator[Measured]:
    """100 and 1,000 paths, three calls of 10 ms each, every outcome committed."""
    for kind in ("calls", "agents"):
        for count, target in _TARGETS.items():
            floor = best_of(lambda count=count: _bare(count), 3).in_ms()
            took = best_of(lambda kind=kind, count=count: _crowd(kind, count), 3).in_ms()
            yield Measured(f"crowd.{kind}.{count}", took.wall, "ms", target, floor.wall, took.cpu)
        yield Measured(f"crowd.{kind}.memory", _peak(kind), "MB", 80)


async def _crowd(kind: str, count: int) -> Took:
    worker = agent()

    async def calls() -> None:
        for _ in range(_CALLS):
            await use(pause, text="text")

    async def agents() -> None:
        for _ in range(_CALLS):
            await ask(worker, task="text")

    path = {"calls": calls, "agents": agents}[kind]

    @pattern(name=kind)
    async def workflow() -> None:
        await together(path() for _ in range(count))

    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder), Instant(rounds=0, pause_s=PAUSE_S)) as bench:
            # What is loaded at first use is no part of this.
            await (await bench.start(workflow)).result() if count <= 100 else None
            return await awaited((await bench.start(workflow)).result())


async def _bare(count: int) -> Took:
    """The sleeps as tasks, and a transaction for each wave of calls."""
    with tempfile.TemporaryDirectory() as folder:
        connection = floors.table(Path(folder) / "bare.db", "NORMAL")

        async def path() -> None:
            for _ in range(_CALLS):
                await asyncio.sleep(PAUSE_S)

        async def all_of_it() -> None:
            await asyncio.gather(*(path() for _ in range(count)))
            for wave in range(_CALLS):
                floors.commit(connection, range(wave * count, wave * count + count), "x" * 200)

        took = await awaited(all_of_it())
        connection.close()
        return took


def _peak(kind: str) -> float:
    """The most memory that a whole process with 1,000 of them takes, Python included."""
    argv = [sys.executable, "-m", "tests.benchmarks.crowds", kind]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    asyncio.run(_crowd(sys.argv[1], 1000))
    sys.stdout.write(f"{peak_mb():.1f}\n")
