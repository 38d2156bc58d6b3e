"""What the benchmarks run on: a core without a store, and a workbench on a real file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from workbench.agent.agent import Agent
from workbench.agent.conversation import (
    Capabilities,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.engine.local import LocalWorkers
from workbench.journal.events import Event
from workbench.journal.ledger import Dues, Within
from workbench.permission.policy import Policy
from workbench.permission.rule import Rule
from workbench.placed import PlacedTools
from workbench.run.header import Header
from workbench.run.ports import Done
from workbench.run.run import Run
from workbench.run.waiting import Inbox
from workbench.run.world import Acks, Live, World
from workbench.store.memory import MemoryStore
from workbench.tools.place import Place

PAUSE_S = 0.01
"""How long a call takes that stands for a model's."""


@tool(repeat="pure", danger="SAFE")
async def echo(text: str) -> str:
    """Give a text back."""
    return text


@tool(repeat="unsafe", danger="SAFE")
async def act(text: str) -> str:
    """Give a text back, as a deed that may not be repeated."""
    return text


@tool(repeat="pure", danger="SAFE")
def echo_beside(text: str) -> str:
    """Give a text back, from a thread."""
    return text


@tool(repeat="pure", danger="SAFE")
async def pause(text: str) -> str:
    """Give a text back after a while."""
    await asyncio.sleep(PAUSE_S)
    return text


class NullLog:
    """A log that only acknowledges."""

    def append(
        self, events: Sequence[Event], done: Done | None = None, within: Within = ()
    ) -> None:
        del events, within
        if done is not None:
            done(None)

    def flush(self) -> None:
        pass

    def catch_up(self) -> None:
        pass

    def rows(self, run_id: str) -> Iterator[Event]:
        del run_id
        return iter(())

    def dues(self, day: str) -> Dues:
        del day
        return Dues()

    def owner(self, run_id: str) -> int | None:
        del run_id
        return None


class Instant:
    """A model that calls the tool for some rounds and then answers; takes ``pause_s`` a call."""

    def __init__(self, tool_name: str = "echo", rounds: int = 1, pause_s: float = 0.0) -> None:
        self._tool, self._rounds, self._pause_s = tool_name, rounds, pause_s

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        del on_delta
        if self._pause_s:
            await asyncio.sleep(self._pause_s)
        spoken = len(request.entries) // 2
        if spoken < self._rounds:
            call = ToolCall(self._tool, {"text": f"{spoken}"})
            return ModelReply("", (call,), Usage(10, 5, 0.0), "instant", "tools")
        return ModelReply("done", (), Usage(10, 5, 0.0), "instant")

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        del request
        return 0.0, 0.0

    async def capabilities(self, model: str) -> Capabilities:
        del model
        return Capabilities()


def agent(*tools: Any, max_rounds: int = 12) -> Agent:
    """An agent whose answer is plain text."""
    return Agent("worker", "task: str -> text: str", tools=tools, max_rounds=max_rounds)


RULE = Rule("allow", tool="echo", danger="<=MEDIUM")


def world(workspace: Path, model: Any, *, traced: bool = True) -> World:
    """The surroundings of a run that nobody keeps; with a rule, and a trace that listens."""
    seen: list[Event | Live] = []

    def publish(event: Event | Live) -> None:
        if traced:
            seen.append(event)
            if len(seen) > 1000:
                seen.clear()

    return World(
        log=NullLog(),
        models=model,
        toolbox=PlacedTools(Place(workspace, workspace / "state"), sandboxed=False),
        engine=LocalWorkers(),
        inbox=Inbox(lambda _waiting, _what: None),
        publish=publish,
        policy=Policy("confirm", (RULE,), str(workspace)),
        default_model="instant:instant",
        memory=MemoryStore().memory,
    )


async def drive(
    surroundings: World, workflow: Callable[..., Coroutine[Any, Any, Any]], *given: Any
) -> Any:
    """Run a workflow to its end without a store."""
    acks = Acks(asyncio.get_running_loop())
    header = Header("bench", "bench", {}, model=surroundings.default_model)
    run = Run(surroundings, acks, header, workflow(*given))
    run.begin()
    return await run.result()


@asynccontextmanager
async def opened(
    folder: Path, model: Any = None, *, synchronous: str = "NORMAL"
) -> AsyncGenerator[Workbench]:
    """A workbench on a file in ``folder``."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    config = {
        "model": "playbook:default",
        "synchronous": synchronous,
        "features": {"sandbox": False, "plugins": False},
    }
    async with Workbench.open(folder / "workbench.db", workspace=work, config=config) as bench:
        if model is not None:
            bench.world.models = model
        yield bench
