"""A program that dies on order: ``run(FOLDER, POINT)`` in a process of its own.

It drives one run whose calls cannot be repeated, each adding a line to a ledger outside, and kills
itself with SIGKILL at a numbered point: ``row:7`` once row 7 is committed, ``before:2`` inside
the second call before its line, ``after:2`` after it. ``hold`` starts, says so, and waits.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.run.stage import opened
from workbench.journal.events import Event
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, checkpoint, now, question, together, use

RUN = "doomed"
LINES = ["one", "two", "three", "four", "five"]
_POINT: list[str] = []
"""Where this process dies; the process of the tests never does."""


def add_line(folder: str, text: str) -> str:
    """Add a line to the ledger; what cannot be repeated."""
    die_at(f"before:{text}")
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
        ledger.flush()
        os.fsync(ledger.fileno())
    die_at(f"after:{text}")
    return f"{text} is there"


@pattern
async def doomed(folder: str) -> list[str]:
    """Write five lines, two of them beside each other."""
    said = [await call(add_line, folder, "one")]
    await checkpoint("early")
    said += await together(call(add_line, folder, "two"), call(add_line, folder, "three"))
    await now()
    return [*said, await call(add_line, folder, "four"), await call(add_line, folder, "five")]


@pattern
async def holding() -> str:
    """Wait for a person."""
    return await question("hold?")


@pattern
async def writing() -> Any:
    """Write a file, which a later process can look at."""
    return await use("write_file", path="note.txt", content="hello")


def die_at(point: str) -> None:
    if point in _POINT:
        os.kill(os.getpid(), signal.SIGKILL)


def run(folder: str, point: str) -> None:
    _POINT.append(point)
    asyncio.run(_driven(Path(folder), point))


async def _driven(folder: Path, point: str) -> None:
    async with opened(folder, rules=[{"verdict": "allow", "tool": "write_file"}]) as bench:

        def told(event: Event | Live) -> None:
            if isinstance(event, Event):
                die_at(f"row:{event.seq}")
                die_at("intent" if event.kind == "step.started" else "")
            if event.kind == "question.asked":
                sys.stdout.write("holding\n")
                sys.stdout.flush()

        bench.subscribe(told)
        if point == "hold":
            run = await bench.start(holding, run_id=RUN)
        elif point == "intent":
            run = await bench.start(writing, run_id=RUN)
        else:
            run = await bench.start(doomed, run_id=RUN, folder=str(folder))
        await run.result()
