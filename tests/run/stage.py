"""A stage for runs: a real workbench on a real file, and a model that says what a test wants."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeAlias, TypeVar

from workbench.agent.agent import Agent
from workbench.agent.conversation import (
    Capabilities,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.run.waiting import Waiting
from workbench.run.world import Live

P = ParamSpec("P")
T = TypeVar("T")

Said: TypeAlias = "str | ModelReply"
Answering: TypeAlias = "Callable[[ModelRequest], Said | Awaitable[Said]]"

BOUND_S = 20.0
"""The longest a test waits for anything."""


def acted(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is a coroutine, on a loop of its own and in bounded time."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(BOUND_S * 2):
                await test(*arguments, **named)

        asyncio.run(bounded())

    return run


class Scripted:
    """A model whose answers a function makes; remembers what it was asked."""

    def __init__(self, answer: Answering) -> None:
        self.requests: list[ModelRequest] = []
        self.known_price: tuple[float, float] | None = None
        self._answer = answer

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        self.requests.append(request)
        said = self._answer(request)
        if inspect.isawaitable(said):
            said = await said
        on_delta(said if isinstance(said, str) else said.text)
        if isinstance(said, ModelReply):
            return said
        return ModelReply(said, usage=Usage(10, 5, 0.25), model="scripted")

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        del request
        return self.known_price

    async def capabilities(self, model: str) -> Capabilities:
        del model
        return Capabilities()

    async def models(self) -> list[ModelInfo]:
        return []

    async def close(self) -> None:
        pass


def scripted(bench: Workbench) -> Scripted:
    """The model of a workbench."""
    model = bench.world.models
    assert isinstance(model, Scripted)
    return model


def requests(bench: Workbench) -> list[ModelRequest]:
    """What the model of a workbench was asked."""
    return scripted(bench).requests


def calling(*calls: tuple[str, dict[str, Any]], text: str = "") -> ModelReply:
    """A reply that wants tools called."""
    wanted = tuple(ToolCall(name, arguments) for name, arguments in calls)
    return ModelReply(text, wanted, Usage(10, 5, 0.25), "scripted", "tools")


def in_turn(*replies: Said) -> Answering:
    """Answers by round: how often the assistant has spoken already in this turn."""

    def answer(request: ModelRequest) -> Said:
        spoken = sum(entry.role == "assistant" for entry in request.entries)
        return replies[min(spoken, len(replies) - 1)]

    return answer


@asynccontextmanager
async def opened(
    folder: Path, answer: Answering | None = None, *, more: Any = None, **settings: Any
) -> AsyncGenerator[Workbench]:
    """A workbench on ``folder``; its models are replaced by ``answer`` if there is one."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    config = {"model": "playbook:default", "synchronous": "NORMAL", **settings}
    config.setdefault("features", {"sandbox": False})
    async with Workbench.open(
        folder / "state" / "workbench.db", workspace=work, config=config, **(more or {})
    ) as bench:
        if answer is not None:
            bench.world.models = Scripted(answer)
            bench.world.check_model = lambda _name: None
        yield bench


async def until(bench: Workbench, found: Callable[[], T | None]) -> T:
    """Wait until something is so: looked at again whenever the workbench tells anything."""
    told = asyncio.Event()
    stop = bench.subscribe(lambda _event: told.set())
    try:
        async with asyncio.timeout(BOUND_S):
            while True:
                told.clear()
                value = found()
                if value is not None and value is not False:
                    return value
                await told.wait()
    finally:
        stop()


async def waiting(bench: Workbench, count: int = 1) -> list[Waiting]:
    """Wait until so many things wait for a person."""
    return await until(bench, lambda: bench.waiting if len(bench.waiting) >= count else None)


async def seen(bench: Workbench, kind: str, key: str = "", count: int = 1) -> list[Event]:
    """Wait until rows of a kind, about keys that end so, were committed and told."""
    rows: list[Event] = []
    done = asyncio.Event()

    def told(event: Event | Live) -> None:
        if isinstance(event, Event) and event.kind == kind and event.key.endswith(key):
            rows.append(event)
            if len(rows) >= count:
                done.set()

    stop = bench.subscribe(told)
    try:
        async with asyncio.timeout(BOUND_S):
            await done.wait()
    finally:
        stop()
    return rows


def rows_of(bench: Workbench, run: Run | str, *kinds: str) -> list[Event]:
    """The committed rows of a run, its parents' included."""
    run_id = run if isinstance(run, str) else run.run_id
    bench.store.flush()
    return list(bench.store.rows(run_id, kinds=set(kinds) or None))


def keys_of(rows: list[Event]) -> list[str]:
    """The last part of each row's key, without its ordinal."""
    return [row.key.rpartition("/")[2].partition(":")[2] for row in rows]


WRITER = Agent("writer", "task: str -> text: str")
"""An agent whose answer is plain text."""


class Ledger(list[str]):
    """What was done, in order; a test waits until something stands in it. From any thread."""

    def __init__(self) -> None:
        super().__init__()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def append(self, line: str, /) -> None:
        super().append(line)
        for loop, event in self._waiters:
            loop.call_soon_threadsafe(event.set)

    async def has(self, line: str, count: int = 1) -> None:
        """Wait until a line stands here so many times."""
        event = asyncio.Event()
        waiter = (asyncio.get_running_loop(), event)
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(BOUND_S):
                while self.count(line) < count:
                    await event.wait()
                    event.clear()
        finally:
            self._waiters.remove(waiter)
