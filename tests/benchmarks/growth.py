"""How everything grows: ten and a hundred times the steps of a run, a hundred times the runs.

Each figure is the cost at the larger size over that at the smaller, in one run: 1 is flat, 10 is
linear for ten times as much. Targets leave a margin for the machine.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.benchmarks.measuring import Measured, best
from tests.benchmarks.stage import echo, opened
from tests.store.making import event, started
from workbench.bench import Workbench
from workbench.store.store import Store
from workbench.tui import front
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import question, use

_STEPS = (1_000, 10_000, 100_000)
_RUNS = (100, 10_000)
_FLAT, _LINEAR = 2.0, 15.0


@pattern
async def long_run(steps: int) -> None:
    """So many steps, and then a question."""
    for number in range(steps):
        await use(echo, text=f"step {number}")
    await question("and now?")


def growth() -> Iterator[Measured]:
    """Ratios of a larger run, and of a larger file, to a smaller one."""
    yield from _of_steps()
    yield from _of_runs()


def _of_steps() -> Iterator[Measured]:
    before: dict[str, float] = {}
    for steps in _STEPS:
        with tempfile.TemporaryDirectory() as folder:
            run_id = asyncio.run(_made(Path(folder), steps))
            took = _looked(Path(folder), run_id)
            took["resume"] = asyncio.run(_resumed(Path(folder), run_id))
        for name, seconds in took.items():
            yield Measured(f"steps.{name}.{steps}", seconds * 1e3, "ms")
            if name in before:
                target = _LINEAR if name in {"resume", "export", "screen"} else _FLAT
                yield Measured(f"steps.{name}.ratio", seconds / before[name], "x", target)
        before = took


def _looked(folder: Path, run_id: str) -> dict[str, float]:
    store = Store.open(folder / "workbench.db", readonly=True)
    acts: dict[str, Callable[[], Any]] = {
        "list": store.runs,
        "tail": lambda: store.tail(max(store.last_place() - 100, 0)),
        "checkpoints": lambda: store.checkpoints(run_id),
        "screen": lambda: front._rows_of(store, run_id),
        "export": lambda: sum(1 for _ in store.rows(run_id)),
    }
    took = {name: best(act, 3).wall for name, act in acts.items()}
    store.close()
    return took


async def _asked(bench: Workbench) -> None:
    asked = asyncio.Event()
    stop = bench.subscribe(lambda event: asked.set() if event.kind == "waiting" else None)
    if not bench.waiting:
        await asked.wait()
    stop()


async def _made(folder: Path, steps: int) -> str:
    async with opened(folder) as bench:
        run = await bench.start(long_run, {"steps": steps})
        await _asked(bench)
        run.interrupt("immediate")
        await run.finished()
        return run.run_id


async def _resumed(folder: Path, run_id: str) -> float:
    async with opened(folder) as bench:
        began = perf_counter()
        await bench.resume(run_id, what=long_run)
        await _asked(bench)
        return perf_counter() - began


def _of_runs() -> Iterator[Measured]:
    before: dict[str, float] = {}
    for count in _RUNS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "workbench.db"
            _fill(path, count)
            took = {"open": best(lambda: Store.open(path).close(), 3).wall}  # noqa: B023  at once
            store = Store.open(path, readonly=True)
            took["list 100"] = best(store.runs, 3).wall
            took["find"] = best(lambda: store.run("run00042"), 3).wall  # noqa: B023
            took["list all"] = best(lambda: store.runs(limit=10_000), 3).wall  # noqa: B023
            took["search"] = best(lambda: store.runs(search="nothing"), 3).wall  # noqa: B023
            store.close()
        for name, seconds in took.items():
            yield Measured(f"runs.{name}.{count}", seconds * 1e3, "ms")
            if name in before:
                grows = name in {"list all", "search"}
                target = _RUNS[1] / _RUNS[0] * 1.5 if grows else _FLAT
                yield Measured(f"runs.{name}.ratio", seconds / before[name], "x", target)
        before = took


def _fill(path: Path, count: int) -> None:
    store = Store.open(path, synchronous="NORMAL")
    for number in range(count):
        name = f"run{number:05}"
        ended = event(name, 3, "run.finished", outcome="returned", result="so it is")
        store.append([started(name), event(name, 2, result="x" * 100), ended])
    store.close()
