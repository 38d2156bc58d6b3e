"""A hundred answers at once, each at a hundred tokens a second: what the screen feels of them.

The screen is a real one over a real workbench; the servers are processes of their own, because
their work is not ours. Beside it: how fast litellm alone can stream, and what of that is paid in
the process of the screen.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Measured
from workbench.agent.agent import Agent
from workbench.agent.conversation import Entry, ModelRequest
from workbench.bench import Workbench
from workbench.models.litellm import LitellmModel
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

STREAMS, TOKENS, PER_S = 100, 300, 100
_BOUND_S = 120.0
_SERVER = """
import sys
from tests.doubles.http_server import Say
from tests.doubles.{module} import {name}
with {name}() as server:
    server.then(*[Say(" ".join(["token"] * {tokens}), pause_s={pause})] * {streams})
    print(server.url, flush=True)
    sys.stdin.read()
"""


def streams() -> Iterator[Measured]:
    """Gaps between the frames of the screen, playbook and Ollama; litellm's ceiling."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _playbook(folder)
        yield from _ollama(folder)
    yield from _litellm()


@pattern
async def talking(agent: Agent) -> str:
    """Ask once."""
    return (await ask(agent, question="why?")).text


def _playbook(folder: Path) -> Iterator[Measured]:
    text = " ".join(["token"] * TOKENS)
    head = f"playbook: talk\ntokens_per_s: {PER_S}\nanswers:\n"
    answer = f"  - agent: talker\n    text: {text}\n"
    (folder / "talk.playbook.yaml").write_text(head + answer, encoding="utf-8")
    idle, gaps, took = asyncio.run(_shown(folder, "playbook:talk", {}))
    yield from _told("playbook", idle, gaps, took)


def _ollama(folder: Path) -> Iterator[Measured]:
    with _served("ollama_server", "OllamaServer", 1 / PER_S, STREAMS) as url:
        settings = {"ollama": {"hosts": [url]}}
        idle, gaps, took = asyncio.run(_shown(folder, "ollama:tiny", settings))
    yield from _told("ollama", idle, gaps, took)


def _told(name: str, idle: list[float], gaps: list[float], took: float) -> Iterator[Measured]:
    yield Measured(f"streams.{name}.p99", _p99(gaps) * 1e3, "ms", 100, _p99(idle) * 1e3)
    yield Measured(f"streams.{name}.worst", max(gaps) * 1e3, "ms", None, max(idle) * 1e3)
    rate = STREAMS * TOKENS / took
    yield Measured(f"streams.{name}.rate", rate, "tokens/s", None, STREAMS * PER_S, better="higher")


def _p99(gaps: list[float]) -> float:
    return sorted(gaps)[int(len(gaps) * 0.99)]


async def _shown(
    folder: Path, model: str, settings: dict[str, Any]
) -> tuple[list[float], list[float], float]:
    """Gaps of the screen's loop when idle and while all stream, and how long that took."""
    from tests.tui.stage import HandClock
    from workbench.tui.app import KaizenApp

    config = {"model": model, "synchronous": "NORMAL", "features": {"sandbox": False}, **settings}

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Workbench]:
        async with Workbench.open(":memory:", workspace=folder, config=config) as bench:
            yield bench

    async def talk(bench: Workbench) -> float:
        agent = Agent("talker", "question: str -> text: str", model=model)
        runs = [await bench.start(talking, agent=agent) for _ in range(STREAMS)]
        began = time.perf_counter()
        await asyncio.gather(*(run.result() for run in runs))
        return time.perf_counter() - began

    app = KaizenApp(opened, clock=HandClock())
    async with app.run_test(size=(160, 45)) as pilot:
        await asyncio.wrap_future(app.core.call(_nothing))
        await pilot.pause()
        idle = await _gaps(asyncio.sleep(1.0))
        future = asyncio.wrap_future(app.core.call(talk))
        gaps = await _gaps(asyncio.wait_for(future, _BOUND_S))
        took = future.result()
    app.close_core(10.0)
    return idle, gaps, took


async def _nothing(_bench: Workbench) -> None:
    """The core is open."""


async def _gaps(work: Coroutine[Any, Any, Any]) -> list[float]:
    """Times between one turn of the loop and the next, while something goes on."""
    task, found = asyncio.ensure_future(work), list[float]()
    last = time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.perf_counter()
        found.append(now - last)
        last = now
    await task
    return found


@contextmanager
def _served(module: str, name: str, pause: float, streams: int) -> Generator[str]:
    """A double in a process of its own; its address."""
    code = _SERVER.format(module=module, name=name, tokens=TOKENS, pause=pause, streams=streams)
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(10)


def _litellm() -> Iterator[Measured]:
    """As fast as it can: ten streams at once, tokens a second and what each costs this process."""
    count = 10
    with _served("openai_server", "OpenAIServer", 0.0, count + 1) as url:
        took, cpu, calls_ms = asyncio.run(_driven(url, count))
    total = count * TOKENS
    yield Measured("streams.litellm.rate", total / took, "tokens/s", better="higher")
    yield Measured("streams.litellm.here", cpu / total * 1e6, "us/token", 100)
    yield Measured("streams.litellm.call", calls_ms, "ms")


async def _driven(url: str, count: int) -> tuple[float, float, float]:
    model = LitellmModel(environ={"PATH": os.environ.get("PATH", "")})
    options = {"api_base": f"{url}/v1"}
    request = ModelRequest("openai/double", "", (Entry("user", "why?"),), options=options)
    try:
        await model.complete(request, _unheard)  # the worker starts, the first call warms it
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(model.complete(request, _unheard) for _ in range(count)))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        began = time.perf_counter()
        for _ in range(count):  # answered by default: a few words
            await model.complete(request, _unheard)
        return took, cpu, (time.perf_counter() - began) / count * 1e3
    finally:
        await model.close()


def _unheard(_text: str) -> None:
    """Nobody watches."""
