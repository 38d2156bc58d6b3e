"""What a call through the workbench costs over the bare client's, in one run, as ratios.

The bare client of ``mcp`` speaks to the same server over its own transport. Ours pays for the gate,
a durable intent and a durable outcome on top; ``pure`` is a tool that the user says only reads.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.measuring import Measured

DOUBLE = Path(__file__).parents[1] / "doubles" / "mcp_raw.py"


async def _timed(call: Callable[[], Awaitable[Any]], times: int) -> float:
    """The median of some calls, in seconds, after a few that do not count."""
    taken: list[float] = []
    for number in range(times + 5):
        began = time.perf_counter()
        await call()
        if number >= 5:
            taken.append(time.perf_counter() - began)
    return median(taken)


async def _bare(folder: Path, times: int) -> float:
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(command=sys.executable, args=[str(DOUBLE), "good", str(folder)])
    async with Client(server, mode="legacy") as client:
        return await _timed(lambda: client.call_tool("echo", {"text": "x"}), times)


async def _ours(folder: Path, times: int, repeat: str) -> dict[str, float]:
    from workbench import Workbench, pattern
    from workbench.workflow.verbs import call, use

    @pattern(name=f"calls-{repeat}")
    async def calls() -> list[float]:
        taken: list[float] = []
        for _ in range(times + 5):
            began = time.perf_counter()
            await use("srv.echo", text="x")
            taken.append(time.perf_counter() - began)
        return taken[5:]

    @pattern(name=f"steps-{repeat}")
    async def steps() -> list[float]:
        taken: list[float] = []
        for _ in range(times + 5):
            began = time.perf_counter()
            await call(_nothing)
            taken.append(time.perf_counter() - began)
        return taken[5:]

    settings = {
        "mcp": {
            "srv": {
                "command": sys.executable,
                "args": [str(DOUBLE), "good", str(folder)],
                "files": False,
            }
        },
        "rules": [{"verdict": "allow", "tool": "srv.*"}],
        "tools": {"srv.echo": {"repeat": repeat}},
    }
    async with Workbench.open(folder / f"{repeat}.db", workspace=folder, config=settings) as bench:
        assert bench.mcp is not None
        server = bench.mcp.servers["srv"]
        async with bench.looking_at(server) as connection:
            bench.trust_server(server, await connection.current_offer())
        run = await bench.start(calls)
        mine = median(await run.result())
        run = await bench.start(steps)
        return {"call": mine, "step": median(await run.result())}


async def _nothing() -> None:
    """A durable step that does nothing."""


async def _measured(times: int) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        bare = await _bare(folder, times)
        unsafe = await _ours(folder, times, "unsafe")
        pure = await _ours(folder, times, "pure")
    floor, step = bare * 1000, unsafe["step"] * 1000
    ours, reads = unsafe["call"] * 1000, pure["call"] * 1000
    return iter(
        (
            Measured("mcp.call", ours, "ms", floor + step, floor),
            Measured("mcp.reads", reads, "ms", floor + step, floor),
            Measured("mcp.step", step, "ms"),
        )
    )


def mcp_calls(times: int = 100) -> Iterator[Measured]:
    """A warm call beside the bare client's, and beside that and one durable step."""
    yield from asyncio.run(_measured(times))
