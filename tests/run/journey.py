"""A workflow that is killed in the middle, and what its code is changed to before it goes on.

``record(FOLDER)`` drives it until it waits for a person and dies by SIGKILL; ``go_on(FOLDER …)``
takes it up again with the code that stands in ``FOLDER/plan.py``, answers, and writes what came of
it to ``FOLDER/outcome.json``. Whatever is really done stands in a ledger beside it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.run.stage import opened, waiting
from workbench.bench import Workbench
from workbench.errors import Diverged, WorkbenchError
from workbench.journal.events import Event
from workbench.run.header import RunOutcome
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.workflow.pattern import Pattern

RUN = "journey"

PLAN = '''"""A plan."""

from tests.run.journey import act
from workbench import call, checkpoint, follow, now, pattern, question, race, together

EXTRA = 1


def unrelated():
    return 1


@pattern
async def stage(name):
    return await call(act, "stage")


@pattern
async def leg(name):
    """The middle of it."""
    first = await call(act, "four")
    said = await question("go on?")
    return [first, said, await call(act, "five")]


@pattern
async def journey(name):
    """A journey."""
    first = await call(act, "one")
    inner = await follow("stage", name=name)
    both = await together(call(act, "two"), call(act, "three"))
    await checkpoint("middle")
    part = await follow("leg", name=name)
    last = await call(act, "six")
    return [first, inner, both, part, last]
'''


def act(text: str) -> str:
    """Add a line to the ledger: what cannot be repeated."""
    with Path("ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
        ledger.flush()
        os.fsync(ledger.fileno())
    return f"{text} is done"


def ledger(folder: Path) -> list[str]:
    return sorted(Path(folder, "ledger").read_text(encoding="utf-8").split())


def load(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("plan", folder / "plan.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["plan"] = module
    spec.loader.exec_module(module)
    return module


def _patterns(module: ModuleType) -> dict[str, Pattern[..., Any]]:
    found: list[Pattern[..., Any]] = [
        value for value in vars(module).values() if isinstance(value, Pattern)
    ]
    return {one.name: one for one in found}


def record(folder: str) -> None:
    """Come to the question and die."""
    os.chdir(folder)
    asyncio.run(_record(Path(folder)))


async def _record(folder: Path) -> None:
    async with opened(folder) as bench:
        bench.world.patterns.update(_patterns(load(folder)))

        def told(event: Event | Live) -> None:
            if isinstance(event, Event) and event.kind == "question.asked":
                bench.store.flush()
                os.kill(os.getpid(), signal.SIGKILL)

        bench.subscribe(told)
        run = await bench.start("journey", run_id=RUN, name="north")
        await run.result()


def go_on(*folders: str) -> None:
    """Take each up again and say what came of it."""
    for folder in folders:
        os.chdir(folder)
        outcome = asyncio.run(_gone_on(Path(folder)))
        Path(folder, "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")


async def _gone_on(folder: Path) -> dict[str, Any]:
    notices: list[str] = []

    def told(event: Event | Live) -> None:
        if isinstance(event, Live) and event.kind == "notice":
            notices.append(str(event.data["text"]))

    async with opened(folder) as bench:
        bench.world.patterns.update(_patterns(load(folder)))
        bench.subscribe(told)
        try:
            ended = await _answered(bench, await bench.resume(RUN))
        except Diverged as error:
            return {"code": "diverged", "message": str(error), **error.data}
        except WorkbenchError as error:
            return {"code": error.code, "message": str(error)}
        return {"code": ended.outcome, "notices": notices, "result": ended.result}


async def _answered(bench: Workbench, run: Run) -> RunOutcome:
    """How a run ends once its questions are answered."""
    ended = asyncio.ensure_future(run.finished())
    asked = asyncio.ensure_future(waiting(bench))
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    for one in bench.waiting:
        await bench.answer(one.id, Answer(answer="yes"))
    return await ended


def fork_on(*folders: str) -> None:
    """Fork each where its divergence says that one can, and say what came of that."""
    for folder in folders:
        os.chdir(folder)
        outcome = asyncio.run(_forked(Path(folder)))
        Path(folder, "fork.json").write_text(json.dumps(outcome), encoding="utf-8")


async def _forked(folder: Path) -> dict[str, Any]:
    async with opened(folder) as bench:
        bench.world.patterns.update(_patterns(load(folder)))
        try:
            bench.take_up.check(RUN)
        except Diverged as error:
            cut = error.data["cut"]
        else:
            raise AssertionError("it fits")
        ended = await _answered(bench, await bench.fork(RUN, cut))
        return {"cut": cut, "code": ended.outcome, "run": ended.run_id}
