"""What checkpoints cost: a run that has a thousand of them beside one that has one.

Each figure is a ratio, both sides measured in one process, so that what else the machine does
weighs on both.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.long_runs import asked
from tests.benchmarks.measuring import Measured, Took, awaited, least, timed
from tests.benchmarks.stage import echo, opened
from workbench.bench import Workbench
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import question, use

_STEPS = 5_000
_MANY = 1_000
_TIMES = 5


@pattern
async def stepping() -> None:
    """So many steps, and then a question."""
    for number in range(_STEPS):
        await use(echo, text=f"step {number}")
    await question("and now?")


def checkpoints() -> Iterator[Measured]:
    """Save, find, fork at and resume with 1,000 checkpoints, over the same with one."""
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        runs = {1: asyncio.run(_made(Path(few), 1)), _MANY: asyncio.run(_made(Path(many), _MANY))}
        folders = {1: Path(few), _MANY: Path(many)}
        for name, measure, target in (
            ("save", _saved, 1.2),
            ("fork", _forked, 1.2),
            ("list", _listed, 1.0),
            ("resume", _resumed, 1.3),
        ):
            one, all_of_them = (
                least(asyncio.run(measure(folders[n], runs[n])) for _ in range(_TIMES))
                for n in (1, _MANY)
            )
            share = _MANY if name == "list" else 1  # a list costs what each of its lines costs
            ratio = all_of_them.wall / share / one.wall
            yield Measured(f"checkpoints.{name}", ratio, "x", target)


async def _made(folder: Path, count: int) -> str:
    async with opened(folder) as bench:
        run = await bench.start(stepping)
        await asked(bench)
        for number in range(count):
            run.checkpoint(f"c{number}")
        run.interrupt("immediate")
        await run.finished()
        return run.run_id


async def _saved(folder: Path, run_id: str) -> Took:
    """One more, by name, on a run that rests."""
    async with opened(folder) as bench:
        await bench.mark(run_id, "warm")
        return least([await awaited(bench.mark(run_id, "more")) for _ in range(_TIMES)])


async def _forked(folder: Path, run_id: str) -> Took:
    """At the oldest name, of which every other one is newer."""
    return await _timed(folder, lambda bench: bench.branches.branch(run_id, "c0"))


async def _listed(folder: Path, run_id: str) -> Took:
    return await _timed(folder, lambda bench: bench.store.checkpoints(run_id))


async def _resumed(folder: Path, run_id: str) -> Took:
    async with opened(folder) as bench:

        async def resume() -> None:
            await bench.resume(run_id, what=stepping)
            await asked(bench)

        return await awaited(resume())


async def _timed(folder: Path, act: Callable[[Workbench], object]) -> Took:
    async with opened(folder) as bench:
        act(bench)
        return least(timed(lambda: act(bench)) for _ in range(_TIMES))
