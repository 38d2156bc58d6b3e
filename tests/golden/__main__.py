"""``python -m tests.golden make``: record this release's runs, never over those that are there.

A release's runs are made once, when it is made. Later versions replay them as they are
(`tests/golden/test_golden.py`), so nothing here changes a file that exists.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.golden.kept import EXPECTED, HERE, WORKFLOWS, patterns_of, workflows
from tests.run.stage import calling, opened, seen, until, waiting
from workbench import __version__
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelReply, ModelRequest
from workbench.bench import Workbench
from workbench.errors import Diverged
from workbench.journal.carried import Writing
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.script.export import runs_of_line
from workbench.values import dumps, loads

Make = Callable[[Workbench, Any], Awaitable[str]]
"""Makes one run, with the module of its workflows; its id."""


def plainly(name: str, **inputs: Any) -> Make:
    """A run that is only started and ends by itself."""

    async def make(bench: Workbench, _module: Any) -> str:
        run = await bench.start(name, inputs, run_id=name)
        return (await run.finished()).run_id

    return make


async def _agents(bench: Workbench, module: Any) -> str:
    inputs = {"writers": [module.WRITER, replace_name(module.WRITER, "other")], "topic": "rain"}
    run = await bench.start("agents", inputs, run_id="agents")
    return (await run.finished()).run_id


def replace_name(agent: Agent, name: str) -> Agent:
    """The same agent under another name."""
    return Agent.from_definition({**agent.definition(), "name": name})


async def _answered(bench: Workbench, run: Run, *answers: str) -> str:
    for said in answers:
        (asked,) = await waiting(bench)
        await bench.answer(asked.id, Answer(answer=said))
        await until(bench, lambda it=asked.id: all(one.id != it for one in bench.waiting))
    return (await run.finished()).run_id


async def _asking(bench: Workbench, _module: Any) -> str:
    run = await bench.start("asking", {"topic": "rain"}, run_id="asking")
    return await _answered(bench, run, "no", "too wet")


async def _cut_at_a_question(bench: Workbench, _module: Any) -> str:
    run = await bench.start("asking", {"topic": "snow"}, run_id="cut_at_a_question")
    (asked,) = await waiting(bench)
    await bench.answer(asked.id, Answer(answer="yes"))
    await seen(bench, "question.asked")
    run.interrupt("immediate")
    return (await run.finished()).run_id


class Held:
    """What holds a call up, and knows when it does."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def wait(self) -> None:
        """For ever."""
        self.begun.set()
        await asyncio.Event().wait()


async def _held(bench: Workbench, module: Any, name: str) -> Run:
    """A run whose second call has begun and does not end."""
    module.HOLDING = held = Held()
    run = await bench.start("doubtful", {"topic": "rain"}, run_id=name)
    await held.begun.wait()
    return run


async def _stopped(bench: Workbench, module: Any, name: str) -> Run:
    run = await _held(bench, module, name)
    run.interrupt("immediate")
    await run.finished()
    return run


async def _cut_in_doubt(bench: Workbench, module: Any) -> str:
    return (await _stopped(bench, module, "cut_in_doubt")).run_id


async def _doubtful(bench: Workbench, module: Any) -> str:
    stopped = await _stopped(bench, module, "doubtful")
    run = await bench.resume(stopped.run_id)
    (asked,) = await waiting(bench)
    await bench.answer(asked.id, Answer(answer="done", reason='"it was there"'))
    return (await run.finished()).run_id


async def _cancelled(bench: Workbench, module: Any) -> str:
    run = await _held(bench, module, "cancelled")
    run.cancel(reason="enough")
    return (await run.finished()).run_id


async def _fork(bench: Workbench, module: Any) -> str:
    run = await bench.start(
        "agents", {"writers": [module.WRITER], "topic": "hail"}, run_id="forked"
    )
    await run.finished()
    rows = [row for row in bench.store.rows(run.run_id) if row.key.endswith("ask.judge")]
    fork = await bench.fork(run.run_id, rows[0].seq - 1, as_id="fork", instructions="Be long.")
    return (await fork.finished()).run_id


def _said(request: ModelRequest) -> str | ModelReply:
    """What the models of golden runs say: the worker uses both its tools first, at once."""
    if request.agent == "judge":
        return '{"verdict": "wet", "sure": true}'
    if request.agent == "worker" and all(entry.role != "tool" for entry in request.entries):
        return calling(("measure", {"text": "rain"}), ("keep", {"text": "rain"}), text="I look.")
    return f"{request.agent} has spoken"


STYLES: dict[str, Make] = {
    "sequence": plainly("sequence", topic="rain"),
    "together": plainly("beside", topics=["rain", "snow"]),
    "race": plainly("first", topic="rain"),
    "as_they_finish": plainly("as_they_come", topics=["rain", "snow", "hail"]),
    "within": plainly("in_time", topic="rain"),
    "nested": plainly("nested", topic="rain"),
    "agents": _agents,
    "questions": _asking,
    "messages": plainly("letters", topic="rain"),
    "memory": plainly("memory", topic="rain"),
    "fork": _fork,
    "doubt": _doubtful,
    "cancelled": _cancelled,
    "failed": plainly("failing", topic="rain"),
    "cut_at_a_question": _cut_at_a_question,
    "cut_in_doubt": _cut_in_doubt,
}


async def make(folder: Path) -> dict[str, Any]:
    """Record every style into a folder; what a replay of each is expected to come to."""
    expected: dict[str, Any] = {}
    for name, making in STYLES.items():
        module = workflows(HERE)
        with tempfile.TemporaryDirectory() as place:
            async with opened(Path(place), _said) as bench:
                bench.world.patterns.update(patterns_of(module))
                run_id = await making(bench, module)
                bench.store.flush()
                write(bench, run_id, folder / f"{name}.jsonl", Path(place))
                checked = bench.take_up.check(run_id)
        frontier = sorted(one.key for one in checked.frontier)
        expected[name] = {"ended": checked.ended, "frontier": frontier}
    return expected


def write(bench: Workbench, run_id: str, path: Path, place: Path) -> None:
    """Export a run, without the folder of the machine it was made on."""
    writing = Writing()
    with path.open("xb") as file:
        file.write(writing.header(run_id, runs_of_line(bench.store, run_id), __version__))
        for row in bench.store.rows(run_id):
            file.write(writing.row(without(row, place)))
        file.write(writing.end())


def without(row: Event, place: Path) -> Event:
    """The row with a folder's name taken out."""
    text = dumps(row.data).decode().replace(str(place), "/workspace")
    return replace(row, data=loads(text))


def main(words: list[str]) -> int:
    """Make the runs of this release; refuses when they are there."""
    if words != ["make"]:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = HERE / __version__
    if folder.exists():
        sys.stderr.write(f"{folder} is there: the runs of a release are made once\n")
        return 1
    with tempfile.TemporaryDirectory(dir=HERE) as made:
        expected = asyncio.run(make(Path(made)))
        text = json.dumps(expected, indent=2, sort_keys=True)
        Path(made, EXPECTED).write_text(f"{text}\n", encoding="utf-8")
        shutil.copyfile(HERE / WORKFLOWS, Path(made, WORKFLOWS))
        shutil.copytree(made, folder)
    sys.stdout.write(f"{len(expected)} runs in {folder}\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Diverged as error:
        sys.stderr.write(f"{error}\n{error.data.get('cause', '')}\n")
        sys.exit(1)
