"""A program that is killed over a doubt: ``run(FOLDER, POINT)`` in a process of its own.

It drives one run that launches something, with a person who allows everything and wants what is
in doubt to run again, and kills itself with SIGKILL at a point: ``launched:2`` when the second
launch stands in the ledger, ``asked`` when a doubt was put, ``answered`` when it was answered and
nothing recorded that, ``answer row`` when the answer is recorded, ``approved`` when the approval
of the next attempt is.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from tests.run.stage import opened, waiting
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import UnknownName
from workbench.journal.events import Event
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import use

RUN = "launch"
_POINT: list[str] = []
"""Where this process dies; the process of the tests never does."""


@tool(danger="HIGH")
def launch(folder: str) -> str:
    """Launch it, once and for all."""
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write("launched\n")
        ledger.flush()
        os.fsync(ledger.fileno())
    _die_at(f"launched:{launches(Path(folder))}")
    return f"launched {launches(Path(folder))}"


@pattern
async def launching(folder: str) -> str:
    """Launch."""
    return await use(launch, folder=folder)


@tool(danger="HIGH", act="run")
def scribble(folder: str) -> str:
    """Change a file, make one, and die before it is told."""
    Path(folder, "old").write_text("changed by it")
    Path(folder, "new").write_text("made by it")
    _die_at("scribbled")
    return "scribbled"


@pattern
async def scribbling(folder: str) -> str:
    """Scribble."""
    return await use(scribble, folder=folder)


def launches(folder: Path) -> int:
    """How often it really happened."""
    file = folder / "ledger"
    return len(file.read_text().split()) if file.exists() else 0


def run(folder: str, point: str) -> None:
    _POINT.append(point)
    asyncio.run(_driven(Path(folder)))


def scribbled(folder: str) -> None:
    _POINT.append("scribbled")
    asyncio.run(_scribbled(Path(folder)))


async def _scribbled(folder: Path) -> None:
    async with opened(folder) as bench:
        run = await bench.start(scribbling, run_id=RUN, folder=str(folder / "work"))
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer())
        await run.result()


def _die_at(point: str) -> None:
    if point in _POINT:
        os.kill(os.getpid(), signal.SIGKILL)


async def _driven(folder: Path) -> None:
    async with opened(folder) as bench:
        bench.subscribe(lambda event: _told(bench, event))
        try:
            run = await bench.resume(RUN, what=launching)
        except UnknownName:
            run = await bench.start(launching, run_id=RUN, folder=str(folder))
        await run.result()


def _told(bench: Workbench, event: Event | Live) -> None:
    if isinstance(event, Event):
        kinds = {"question.asked": "asked", "question.answered": "answer row"}
        kinds["approval.answered"] = "approved"
        if event.kind in kinds:
            bench.store.flush()
            _die_at(kinds[event.kind])
    elif event.kind == "waiting" and event.data["what"] == "asked":
        waiting = bench.world.inbox.waiting[event.data["id"]]
        answer = Answer(answer="run again") if waiting.kind == "in_doubt" else Answer()
        asyncio.get_running_loop().call_soon(bench.world.inbox.answer, waiting.id, answer)
    elif event.kind == "waiting" and event.data["id"].endswith("doubt#1"):
        _die_at(event.data["what"])
