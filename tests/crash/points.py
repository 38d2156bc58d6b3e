"""Kill points: named places at which a process can kill or stop itself.

Nothing of the product is changed for them. The log, the engine, the tools, the models and the
folder of blobs are handed to the workbench from outside, so each can be wrapped; the writer's
connection is traced; what the product asks of the system (renaming, removing, locking a file) is
seen by an audit hook. A point is a name and how many times it was reached before.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

from workbench.agent.conversation import Capabilities, ModelReply, ModelRequest, OnDelta
from workbench.agent.tool import Tool
from workbench.bench import Workbench
from workbench.engine.local import LocalWorkers
from workbench.journal.events import Event
from workbench.journal.ledger import Within
from workbench.permission.danger import Facts
from workbench.run.evidence import Findings
from workbench.run.model_ports import Models
from workbench.run.ports import Attempt, Done, Log, ToolBox
from workbench.run.world import Live
from workbench.store.blobs import Blobs
from workbench.store.store import Store

Point: TypeAlias = "tuple[str, int]"
"""A name, and which time it is reached: 1 for the first."""

Kill: TypeAlias = "tuple[str, int, str]"
"""A point and what happens there: KILL, or STOP until somebody says CONT."""


class Points:
    """Counts what is reached, and strikes where it was told to."""

    def __init__(self) -> None:
        self.reached: list[Point] = []
        """In order."""
        self._counts: Counter[str] = Counter()
        self._due: list[Kill] = []
        self._lock = threading.Lock()
        self._watching = False

    def watch(self, due: Sequence[Kill]) -> None:
        """Count from here on, and strike at these points, one after the other."""
        with self._lock:
            self.reached, self._due, self._watching = [], list(due), True
            self._counts.clear()

    def rest(self) -> list[Point]:
        """Count no more; what was reached."""
        self._watching = False
        return self.reached

    @property
    def left(self) -> list[Kill]:
        """Strikes whose point was not reached."""
        return self._due

    def hit(self, name: str) -> None:
        """This place was reached."""
        if not self._watching:
            return
        with self._lock:
            self._counts[name] += 1
            point = (name, self._counts[name])
            self.reached.append(point)
            strike = bool(self._due) and self._due[0][:2] == point
            how = self._due.pop(0)[2] if strike else ""
        if how == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()
        elif how == "STOP":
            os.kill(os.getpid(), signal.SIGSTOP)


class Watched:
    """A log that says what passes through it: rows on their way in, and the word that they are."""

    def __init__(self, log: Log, points: Points, note: Callable[[], None]) -> None:
        self._log, self._points, self._note = log, points, note

    def append(
        self, events: Sequence[Event], done: Done | None = None, within: Within = ()
    ) -> None:
        """Pass rows on."""
        kind = _kind(events[0])
        hit = self._points.hit

        def told(error: BaseException | None) -> None:
            hit(f"committed, not told: {kind}")
            if done is not None:
                done(error)
            self._note()
            hit(f"told: {kind}")

        hit(f"before append: {kind}")
        self._log.append(events, told, within)
        hit(f"queued: {kind}")

    def __getattr__(self, name: str) -> Any:
        """Everything else it can do."""
        return getattr(self._log, name)


class WatchedWorkers(LocalWorkers):
    """Performing functions, with a point on either side."""

    def __init__(self, points: Points) -> None:
        self._points = points

    async def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run a function."""
        self._points.hit("before performing: call")
        found = await super().run(function, *arguments, **named)
        self._points.hit("performed: call")
        return found


class WatchedTools:
    """Tools, with a point on either side of performing and probing."""

    def __init__(self, tools: ToolBox, points: Points, acted: Callable[[str], None]) -> None:
        self._tools, self._points, self._acted = tools, points, acted

    def __getattr__(self, name: str) -> Any:
        """Everything else they can do."""
        return getattr(self._tools, name)

    def at(self, workspace: str) -> WatchedTools:
        """The same in another folder."""
        return WatchedTools(self._tools.at(workspace), self._points, self._acted)

    async def prepare(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        """What a later probe will need."""
        found = await self._tools.prepare(tool, arguments)
        self._points.hit("prepared: tool")
        return found

    async def perform(
        self, tool: Tool, arguments: dict[str, Any], decided: Facts, attempt: Attempt
    ) -> Any:
        """Do it."""
        self._points.hit("before performing: tool")
        found = await self._tools.perform(tool, arguments, decided, attempt)
        self._points.hit("performed, not noted: tool")
        if tool.function is None:
            self._acted(str(arguments["content"]))
        self._points.hit("performed: tool")
        return found

    async def find_out(
        self, tool: Tool, arguments: dict[str, Any], prepared: Any, attempt: Attempt
    ) -> Findings:
        """Whether it happened."""
        self._points.hit("before probing: tool")
        found = await self._tools.find_out(tool, arguments, prepared, attempt)
        self._points.hit("probed: tool")
        return found


class WatchedModels:
    """A model, with a point on either side of its answer."""

    def __init__(self, models: Models, points: Points) -> None:
        self._models, self._points = models, points

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer."""
        self._points.hit("before performing: model")
        reply = await self._models.complete(request, on_delta)
        self._points.hit("performed: model")
        return reply

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        """What it says."""
        return self._models.price(request)

    async def capabilities(self, model: str) -> Capabilities:
        """What it says."""
        return await self._models.capabilities(model)


class WatchedBlobs(Blobs):
    """Blobs, with a point on either side of writing one."""

    def __init__(self, folder: Path, points: Points) -> None:
        super().__init__(folder)
        self._points = points

    def write(self, content: bytes) -> str:
        """Keep the content."""
        self._points.hit("before blob")
        name = super().write(content)
        self._points.hit("blob written")
        return name


def surround(
    bench: Workbench, points: Points, acted: Callable[[str], None], note: Callable[[], None]
) -> None:
    """Put points around everything that this workbench reaches out with."""
    world, store = bench.world, bench.store
    assert isinstance(store, Store)
    assert store._writer is not None
    world.log = cast("Log", Watched(store, points, note))
    world.engine = WatchedWorkers(points)
    world.toolbox = cast("ToolBox", WatchedTools(world.toolbox, points, acted))
    world.models = WatchedModels(world.models, points)
    store._writer._blobs = WatchedBlobs(store.path.parent / "blobs", points)
    store._writer._connection.set_trace_callback(lambda text: _traced(points, text))
    bench.subscribe(lambda event: _delivered(points, event))
    sys.addaudithook(lambda event, arguments: _audited(points, event, arguments))


_STATEMENTS = {
    "BEGIN IMMEDIATE": "before BEGIN",
    "PRAGMA data_version": "after BEGIN",
    "INSERT INTO events": "before rows are inserted",
    "INSERT INTO run_states": "rows inserted",
    "UPDATE run_states": "rows inserted",
    "INSERT INTO owners": "before the claim is written",
    "COMMIT": "before COMMIT",
}


def _traced(points: Points, text: str) -> None:
    for start, name in _STATEMENTS.items():
        if text.startswith(start):
            points.hit(f"writer: {name}")


def _audited(points: Points, event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.rename":
        points.hit("system: before a file is renamed")
    elif event == "os.remove":
        points.hit("system: before a file is removed")
    elif event == "fcntl.flock":
        locks = arguments[1] & fcntl.LOCK_EX
        points.hit(f"system: before a file is {'locked' if locks else 'unlocked'}")


def _delivered(points: Points, event: Event | Live) -> None:
    """A row is about to have its effect; once this turn of the loop is over, it has had it."""
    if isinstance(event, Event):
        kind = _kind(event)
        points.hit(f"before delivery: {kind}")
        asyncio.get_running_loop().call_soon(points.hit, f"delivered: {kind}")


def _kind(row: Event) -> str:
    effect = row.data.get("effect", row.data.get("asked_as", ""))
    return f"{row.kind} {effect}".strip()
