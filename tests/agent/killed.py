"""A plan that is killed: ``run(FOLDER, POINT)`` in a process of its own, which kills itself there.

``before:two`` is inside the call of item two before its line stands in the ledger, ``after:two``
after it; ``row:N`` is when row N is committed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from tests.agent.planned import item, plan_of, playing
from tests.run.stage import calling, opened
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.journal.events import Event
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

RUN = "killed"
_POINT: list[str] = []
"""Where this process dies; the process of the tests never does."""


@tool(danger="SAFE", repeat="unsafe")
def add_line(folder: str, text: str) -> str:
    """Add a line to the ledger; what cannot be repeated."""
    _die_at(f"before:{text}")
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
        ledger.flush()
        os.fsync(ledger.fileno())
    _die_at(f"after:{text}")
    return f"{text} is there"


@pattern
async def planning(folder: str) -> str:
    """Three items, one after the other, each with a line in the ledger."""
    agent = Agent("mason", "task: str -> answer: str", tools=[add_line], style="plan")
    return (await ask(agent, task=folder)).answer


@pattern
async def reviewed(folder: str) -> str:
    """The same, once a person has accepted the plan."""
    planning = {"approve": "ask"}
    agent = Agent(
        "mason", "task: str -> answer: str", tools=[add_line], style="plan", planning=planning
    )
    return (await ask(agent, task=folder)).answer


@pattern
async def handing(folder: str) -> str:
    """An agent has another write a line."""
    mason = Agent("mason", "folder: str -> done: bool", tools=[add_line])
    lead = Agent("lead", "folder: str -> answer: str", tools=[mason])
    return (await ask(lead, folder=folder)).answer


def handed() -> Any:
    """The model of that; dies at ``below``, where the line is written and told to the mason."""

    def answer(request: ModelRequest) -> Any:
        folder, told = request.inputs["folder"], request.entries[-1].role == "tool"
        if request.agent == "lead":
            return "it is written" if told else calling(("mason", {"folder": folder}))
        if told:
            _die_at("below")
            return '{"done": true}'
        return calling(("add_line", {"folder": folder, "text": "one"}))

    return answer


def answers() -> Any:
    """The model of it: plans the three, has each write its line."""
    names = ("one", "two", "three")
    items = [
        item(name, tools=["add_line"], depends_on=[*names[:place]][-1:])
        for place, name in enumerate(names)
    ]

    def worker(request: ModelRequest) -> Any:
        if request.entries[-1].role == "tool":
            return "written"
        text = request.inputs["item"].removeprefix("do ")
        return calling(("add_line", {"folder": request.inputs["task"], "text": text}))

    return playing(planner=plan_of(*items), worker=worker)


def lines(folder: Path) -> list[str]:
    """What stands in the ledger."""
    file = folder / "ledger"
    return file.read_text().split() if file.exists() else []


def run(folder: str, point: str, what: str = "planning") -> None:
    _POINT.append(point)
    asyncio.run(_driven(Path(folder), what))


async def _driven(folder: Path, what: str) -> None:
    workflow, model = (handing, handed()) if what == "handing" else (planning, answers())
    if _POINT == ["asked"]:
        workflow = reviewed
    async with opened(folder, model) as bench:

        def told(event: Event | Live) -> None:
            if isinstance(event, Event):
                _die_at(f"row:{event.seq}")
                _die_at("asked" if event.kind == "question.asked" else "")

        bench.subscribe(told)
        run = await bench.start(workflow, run_id=RUN, folder=str(folder))
        await run.result()


def _die_at(point: str) -> None:
    if point in _POINT:
        os.kill(os.getpid(), signal.SIGKILL)
