"""What a long run costs: forking it in its middle, and resuming it after all it has done."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

from tests.benchmarks import floors
from tests.benchmarks.measuring import Measured, Took, best, least
from tests.benchmarks.stage import echo, opened
from workbench.bench import Workbench
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import question, use

_STEPS = 10_000
_TIMES = 5


@pattern
async def long_run() -> None:
    """So many steps, and then a question."""
    for number in range(_STEPS):
        await use(echo, text=f"step {number}")
    await question("and now?")


def long_runs() -> Iterator[Measured]:
    """A run of 10,000 finished steps, resumed to its first live effect, and forked at 5,000."""
    with tempfile.TemporaryDirectory() as folder:
        run_id = asyncio.run(_made(Path(folder)))
        reading = best(lambda: floors.read_all(Path(folder) / "workbench.db", run_id)).in_ms()
        resumed = least(asyncio.run(_resumed(Path(folder), run_id)) for _ in range(_TIMES)).in_ms()
        yield Measured("resume.10000", resumed.wall, "ms", 300, reading.wall, resumed.cpu)
        for synchronous in ("NORMAL", "FULL"):
            commits = floors.commits(Path(folder) / f"{synchronous}.db", synchronous, 100, 2)
            forked = asyncio.run(_forked(Path(folder), run_id, synchronous)).in_ms()
            name = f"fork.{synchronous.lower()}"
            yield Measured(name, forked.wall, "ms", 2, min(commits) * 1e3, forked.cpu)


async def asked(bench: Workbench) -> None:
    """Wait until something asks a person: the first live effect."""
    asked = asyncio.Event()
    stop = bench.subscribe(lambda event: asked.set() if event.kind == "waiting" else None)
    if not bench.waiting:
        await asked.wait()
    stop()


async def _made(folder: Path) -> str:
    async with opened(folder) as bench:
        run = await bench.start(long_run)
        await asked(bench)
        run.interrupt("immediate")
        await run.finished()
        return run.run_id


async def _resumed(folder: Path, run_id: str) -> Took:
    async with opened(folder) as bench:
        wall, cpu = perf_counter(), process_time()
        await bench.resume(run_id, what=long_run)
        await asked(bench)
        return Took(perf_counter() - wall, process_time() - cpu)


async def _forked(folder: Path, run_id: str, synchronous: str) -> Took:
    async with opened(folder, synchronous=synchronous) as bench:
        tooks: list[Took] = []
        for number in range(20):
            wall, cpu = perf_counter(), process_time()
            bench.branches.branch(run_id, _STEPS // 2 + number)
            tooks.append(Took(perf_counter() - wall, process_time() - cpu))
        return least(tooks)
