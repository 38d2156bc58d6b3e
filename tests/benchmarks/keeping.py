"""What the store costs: a durable step's latency, and the bytes of a long conversation."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
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
_TEXT = 1024
"""Bytes that each round adds to the conversation."""

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
            marks.append(perf_counter())  # noqa: PERF401 - awaits stand between them
            await use(used, text="text")
        marks.append(perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        async with opened(Path(folder), synchronous=synchronous) as bench:
            cpu = process_time()
            await (await bench.start(workflow)).result()
            cpu = process_time() - cpu
    steps = [after - before for before, after in zip(marks, marks[1:], strict=False)]
    return median(steps), cpu / _STEPS


def stored() -> Iterator[Measured]:
    """One agent's turn with 200 tool rounds of 1 KB each: bytes on disk over bytes said."""
    found = {rounds: _rounds(rounds) for rounds in (100, 200)}
    bare = {rounds: _bare(rounds) for rounds in (100, 200)}
    said = 200 * _TEXT
    yield Measured("bytes.ratio", found[200] / said, "x", 2, bare[200] / said)
    growth = found[200] / found[100]
    yield Measured("bytes.200_to_100", growth, "x", 2.1, bare[200] / bare[100])


def _rounds(rounds: int) -> int:
    text = "".join(chr(97 + i % 26) for i in range(_TEXT))

    @tool(name="echo", repeat="pure", danger="SAFE")
    async def page(text: str) -> str:
        """A page of text."""
        del text
        return said

    said = text
    worker = agent(page, max_rounds=rounds + 1)

    @pattern
    async def workflow() -> Any:
        return await ask(worker, task="text")

    async def run(folder: Path) -> int:
        async with opened(folder):
            before = bytes_in(folder)
        before = bytes_in(folder)
        async with opened(folder, Instant(rounds=rounds)) as bench:
            await (await bench.start(workflow)).result()
        return bytes_in(folder) - before

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


def _bare(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        connection = floors.table(Path(folder) / "bare.db", "NORMAL")
        for seq in range(rounds):
            floors.commit(connection, (seq,), "x" * _TEXT)
        connection.close()
        return bytes_in(Path(folder))
