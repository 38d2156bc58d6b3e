"""Functions and tools that runs call: each says what it does, and waits where a test wants it."""

from __future__ import annotations

import asyncio

from tests.run.stage import Ledger
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, together

DONE = Ledger()
"""What was begun and ended, in order."""
GATES: dict[str, asyncio.Event] = {}
"""What a function waits for, by its name: the tests open them."""


def gate(*names: str) -> None:
    """Have functions wait once they have begun."""
    for name in names:
        GATES[name] = asyncio.Event()


async def begun(*names: str) -> None:
    """Wait until these functions have begun."""
    for name in names:
        await DONE.has(f"{name} begins")


async def work(name: str) -> str:
    DONE.append(f"{name} begins")
    if name in GATES:
        await GATES[name].wait()
    DONE.append(f"{name} ends")
    return name


def nothing() -> object:
    return object()


def a_tuple() -> tuple[int, tuple[int, int]]:
    return 1, (2, 3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pattern
async def line() -> list[str]:
    """Three things one after another."""
    first = await call(work, "a", repeat="pure")
    second = await call(work, "b", repeat="pure")
    return [first, second, await call(work, "c", repeat="pure")]


@pattern
async def beside() -> list[str]:
    """Three things beside each other."""
    return await together(call(work, name, repeat="pure") for name in "abc")


@tool(danger="SAFE", repeat="pure")
async def study(topic: str) -> str:
    """Study a topic."""
    await work("study")
    return f"all about {topic}"


STUDENT = Agent("student", "task: str -> text: str", tools=[study])
