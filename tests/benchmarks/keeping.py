"""What the store costs: a durable step's latency, and the bytes of a long conversation."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

from tests.benchmarks import floors
from tests.benchmarks.measuring import Measured, bytes_in, median
from tests.benchmarks.stage import Instant, act, agent, echo, opened
from workbench.agent.tool import Tool, tool
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, use

_STEPS = 300
_RUNS = 3
_EQUAL = (1024,) * 200
_MIXED = tuple(Random(1).sample(range(128, 1928, 9), 200))
"""Bytes that each round adds to the conversation; 1 KB on average.

A page takes whole rows, so rows of equal size leave the same room unused in every page; sizes
that differ, as they do in a conversation, fill it.
"""

_TARGETS = {
    ("NORMAL", "pure"): 0.1,
    ("NORMAL", "unsafe"): 0.25,
    ("FULL", "pure"): 0.45,
    ("FULL", "unsafe"): 0.9,
}


def durable() -> Iterator[Measured]:
    """A tool call, one after the other, each recorded before the next: the median's latency."""
    for (synchronous, kind), target in _TARGETS.items():
        used, commits = (echo, 1) if kind == "pure" else (act, 2)
        floor = min(_floor(synchronous, commits) for _ in range(_RUNS))
        runs = [asyncio.run(_steps(used, synchronous)) for _ in range(_RUNS)]
        wall, cpu = min(w for w, _ in runs), min(c for _, c in runs)
        name = f"durable.{synchronous.lower()}.{kind}"
        yield Measured(name, wall * 1e3, "ms", target, floor * 1e3, cpu * 1e3)


def _floor(synchronous: str, commits: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        return median(floors.commits(Path(folder) / "bare.db", synchronous, _STEPS, commits))


async def _steps(used: Tool, synchronous: str) -> tuple[float, float]:
    """The median's wall time and the mean CPU time of a step, in seconds."""
    marks: list[float] = []

    @pattern
    async def workflow() -> None:
        for _ in range(_STEPS):
            marks.append(perf_counter())
            await use(used, text="text")
        marks.append(perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder), synchronous=synchronous) as bench:
            cpu = process_time()
            await (await bench.start(workflow)).result()
            cpu = process_time() - cpu
    steps = [after - before for before, after in pairwise(marks)]
    return median(steps), cpu / _STEPS


def stored() -> Iterator[Measured]:
    """One agent's turn with 200 tool rounds: bytes on disk over the bytes of the results."""
    for name, sizes in (("bytes.mixed", _MIXED), ("bytes.equal", _EQUAL)):
        found = {rounds: _rounds(rounds, sizes) for rounds in (100, 200)}
        bare = {rounds: _bare(rounds, sizes) for rounds in (100, 200)}
        said = sum(sizes)
        yield Measured(f"{name}.ratio", found[200] / said, "x", 2, bare[200] / said)
        growth = found[200] / found[100]
        expected = said / sum(sizes[:100])
        yield Measured(f"{name}.growth", growth / expected, "x", 1.05, bare[200] / bare[100])


def _rounds(rounds: int, sizes: Sequence[int]) -> int:
    @tool(name="echo", repeat="pure", danger="SAFE")
    async def page(text: str) -> str:
        """A page of text."""
        return "x" * sizes[int(text)]

    worker = agent(page, max_rounds=rounds + 1)

    @pattern
    async def workflow() -> Any:
        return await ask(worker, task="text")

    async def run(folder: Path) -> int:
        async with opened(folder):
            pass
        before = bytes_in(folder)
        async with opened(folder, Instant(rounds=rounds)) as bench:
            await (await bench.start(workflow)).result()
        return bytes_in(folder) - before

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


def _bare(rounds: int, sizes: Sequence[int]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        connection = floors.table(Path(folder) / "bare.db", "NORMAL")
        for seq in range(rounds):
            floors.commit(connection, (seq,), "x" * sizes[seq])
        connection.close()
        return bytes_in(Path(folder))
