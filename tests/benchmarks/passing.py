"""What the gate costs: an effect, a turn and the hooks, with a log that only acknowledges."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks import floors
from tests.benchmarks.measuring import Measured, Took, awaited, best, best_of
from tests.benchmarks.stage import Instant, act, agent, drive, echo, echo_beside, world
from workbench.agent.tool import Tool
from workbench.run.hooks import Hook, HookCall, Hooks
from workbench.workflow.verbs import ask, use

_EFFECTS = 2000
_TURNS = 400


def gate() -> Iterator[Measured]:
    """A user tool called with `use`: a trace, one hook, one rule; sync ones run in threads."""
    floor = best_of(lambda: awaited(floors.tasks(_echo, _EFFECTS))).per(_EFFECTS).in_us()
    tools = (("gate.pure", echo, 30), ("gate.unsafe", act, None), ("gate.sync", echo_beside, None))
    for name, used, target in tools:
        took = best_of(lambda used=used: _effects(used)).per(_EFFECTS).in_us()
        yield Measured(name, took.wall, "us", target, floor.wall, took.cpu)


async def _echo() -> str:
    return "text"


async def _effects(used: Tool) -> Took:
    async def workflow() -> None:
        for _ in range(_EFFECTS):
            await use(used, text="text")

    with tempfile.TemporaryDirectory() as folder:
        surroundings = world(Path(folder), Instant())
        surroundings.hooks.add(Hook("before.tool", _silent))
        return await awaited(drive(surroundings, workflow))


def turn() -> Iterator[Measured]:
    """One agent asked once: two model calls and a tool between them."""
    floor = best_of(lambda: awaited(floors.tasks(_echo, 3 * _TURNS))).per(_TURNS).in_us()
    took = best_of(_turns).per(_TURNS).in_us()
    yield Measured("turn", took.wall, "us", 200, floor.wall, took.cpu)


async def _turns() -> Took:
    worker = agent(echo)

    async def workflow() -> None:
        for _ in range(_TURNS):
            await ask(worker, task="text")

    with tempfile.TemporaryDirectory() as folder:
        return await awaited(drive(world(Path(folder), Instant()), workflow))


def hooks() -> Iterator[Measured]:
    """Asking 0, 1 and 10 handlers that have nothing to say, as the gate does."""
    for count, target in ((0, 0.5), (1, 3), (10, 15)):
        asked = Hooks()
        for _ in range(count):
            asked.add(Hook("before.tool", _silent))
        floor = best(lambda count=count: _called(count)).per(_EFFECTS).in_us()
        took = best(lambda asked=asked: _asked(asked)).per(_EFFECTS).in_us()
        yield Measured(f"hooks.{count}", took.wall, "us", target, floor.wall, took.cpu)


def _silent(_call: Any) -> None:
    """A handler with nothing to say."""


def _asked(asked: Hooks) -> None:
    for _ in range(_EFFECTS):
        if asked.has("before.tool"):
            call = HookCall("before.tool", "run", "run/0:tool.echo", "", "tool", "echo", {})
            asked.ask(call)


def _called(count: int) -> None:
    for _ in range(_EFFECTS):
        for _ in range(count):
            _silent(None)
