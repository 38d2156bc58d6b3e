"""Each shipped pattern on a stage of its own: its agents, what they say, and what it is given.

A new pattern takes its place in `STAGES`, and the suite in `test_conformance.py` does the rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.plugins.said import Says, agents, answering, gives
from tests.run.stage import opened
from workbench.agent.agent import Agent
from workbench.journal.events import Event
from workbench.run.world import Live

RUN = "staged"


@dataclass(frozen=True)
class Stage:
    """A pattern with everything it needs to get to its end."""

    inputs: Mapping[str, Any]
    says: Mapping[str, Says]


def _stage(says: Mapping[str, Says], **inputs: Any) -> Stage:
    return Stage(inputs, says)


def _worker(name: str) -> Says:
    return lambda given: {"work": f"{name} of {given['task']}"}


def _lead(given: Mapping[str, Any]) -> dict[str, Any]:
    orders = {} if given["reports"] else {"a": "dig", "b": "fill"}
    return {"orders": orders, "answer": " and ".join(given["reports"])}


def _writes(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"text": given["before"] + "x"}


def _adds(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"add": len(given["board"]) < 3, "note": f"note {len(given['board'])}"}


_WORKERS = agents("task: str -> work: str", "abc")
_WORK = {name: _worker(name) for name in "abc"}

STAGES: dict[str, Stage] = {
    "blackboard": _stage(
        {"a": _adds, "b": _adds, "z": lambda g: {"answer": "|".join(g["board"])}},
        agents=agents("task: str, board: list[str] -> add: bool, note: str", "ab"),
        closer=Agent("z", "task: str, board: list[str] -> answer: str"),
        task="t",
    ),
    "consensus": _stage(
        {"a": gives(answer="yes"), "b": gives(answer="yes"), "c": gives(answer="no")},
        agents=agents("question: str, answers: list[str] -> answer: str", "abc"),
        question="q",
    ),
    "debate": _stage(
        {n: gives(argument=f"{n} says") for n in "ab"} | {"j": gives(verdict="a is right")},
        agents=agents("question: str, others: list[str] -> argument: str", "ab"),
        judge=Agent("j", "question: str, arguments: list[str] -> verdict: str"),
        question="q",
    ),
    "ensemble": _stage(
        {
            "a": gives(answer="a"),
            "b": gives(answer="b"),
            "z": lambda g: {"answer": "+".join(g["answers"])},
        },
        agents=agents("task: str -> answer: str", "ab"),
        combiner=Agent("z", "task: str, answers: list[str] -> answer: str"),
        task="t",
    ),
    "handoff": _stage(
        {"a": gives(answer="", to="b", note="-"), "b": gives(answer="done", to="", note="")},
        agents=agents(
            "task: str, notes: list[str], agents: list[str] -> answer: str, to: str, note: str",
            "ab",
        ),
        task="t",
    ),
    "map_reduce": _stage(
        {"m": lambda g: {"part": g["item"] * 2}, "r": lambda g: {"whole": "".join(g["parts"])}},
        mapper=Agent("m", "item: str -> part: str"),
        reducer=Agent("r", "parts: list[str] -> whole: str"),
        items=["x", "y", "z"],
        fan_in=2,
    ),
    "parallel": _stage(_WORK, agents=_WORKERS, task="t"),
    "reflection": _stage(
        {"w": _writes, "c": lambda g: {"good": g["text"] == "xx", "critique": "more"}},
        writer=Agent("w", "task: str, before: str, critique: str -> text: str"),
        critic=Agent("c", "task: str, text: str -> good: bool, critique: str"),
        task="t",
    ),
    "router": _stage(
        {**_WORK, "r": gives(name="b", why="it can")},
        chooser=Agent("r", "task: str, agents: list[str] -> name: str, why: str"),
        agents=_WORKERS,
        task="t",
    ),
    "sequential": _stage(_WORK, agents=_WORKERS, task="t"),
    "supervisor": _stage(
        {"l": _lead, **{n: gives(report=f"{n} did") for n in "ab"}},
        lead=Agent(
            "l",
            "task: str, workers: list[str], reports: list[str] -> orders: dict[str, str], "
            "answer: str",
        ),
        workers=agents("order: str -> report: str", "ab"),
        task="t",
    ),
    "tournament": _stage(
        {n: gives(entry=n) for n in "abc"} | {"j": gives(winner="second", why="-")},
        agents=agents("task: str -> entry: str", "abc"),
        judges=agents("task: str, first: str, second: str -> winner: str, why: str", "j"),
        task="t",
    ),
    "vote": _stage(
        {"a": gives(choice="x"), "b": gives(choice="y"), "c": gives(choice="x")},
        agents=agents("question: str, choices: list[str] -> choice: str", "abc"),
        question="q",
        choices=["x", "y"],
        share=0.5,
    ),
}
"""By the pattern's name."""


def dies(folder: str, pattern: str, row: int) -> None:
    """Follow a pattern and be killed once a row is committed; the result goes to stdout."""

    async def main() -> None:
        stage = STAGES[pattern]
        async with opened(Path(folder), answering(stage.says)) as bench:

            def told(event: Event | Live) -> None:
                if isinstance(event, Event) and event.seq == row:
                    os.kill(os.getpid(), signal.SIGKILL)

            bench.subscribe(told)
            run = await bench.start(pattern, stage.inputs, run_id=RUN)
            sys.stdout.write(json.dumps(await run.result()))

    asyncio.run(main())
