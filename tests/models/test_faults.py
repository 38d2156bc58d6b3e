"""Every fault of a model's server, by both protocols, through the gate: what becomes of the call.

One table. Each row is played by a real server on loopback, all rows at once; then each says what
the error is called, who must act, how many attempts the log has, and that it ended in time.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.http_server import Fault, HttpServer, Say, free_port
from tests.doubles.ollama_server import OllamaServer
from tests.doubles.openai_server import OpenAIServer
from tests.models.requests import asked, ignore
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import StepFailed
from workbench.journal.events import Event
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

TIMEOUT_S, WAIT_S = 5.0, 20.0
OVERHEAD_S = 25.0
"""For everything else: litellm's import, the store, the machine."""
ATTEMPTS = 2


def soon(seconds: float) -> str:
    """A ``Retry-After`` that is a date."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@dataclass(frozen=True)
class Row:
    """One fault and what has to become of it."""

    name: str
    fault: Say | Fault | None
    """None: nobody listens."""
    reason: str
    """Empty: the call succeeds."""
    attempts: int = ATTEMPTS
    after_s: float | None = None
    """What the server asked us to wait."""
    only: str = ""
    """The protocol it is about; empty for both."""


TABLE = (
    Row("refused connection", None, "unreachable"),
    Row("half open: nothing ever comes", Fault("hang"), "timeout"),
    Row("silence in mid-answer", Fault("hang_midway"), "timeout"),
    Row("slow drip", Say("drip " * 100, pause_s=0.2), "timeout"),
    Row("429", Fault("status", 429), "rate_limited"),
    Row("429, a second", Fault("status", 429, retry_after="1"), "rate_limited", after_s=1),
    Row("429, a date", Fault("status", 429, retry_after=soon(5)), "rate_limited", after_s=5),
    Row("429, an hour", Fault("status", 429, retry_after="3600"), "rate_limited", 1, 3600),
    Row("500", Fault("status", 500), "server"),
    Row("503", Fault("status", 503, retry_after="1"), "server", after_s=1),
    Row("401", Fault("status", 401, "bad key"), "refused", 1),
    Row("too long", Fault("status", 400, "maximum context length is 10 tokens"), "too_long", 1),
    Row("malformed JSON", Fault("malformed"), "malformed|truncated|server"),
    Row("truncated stream", Fault("truncated"), "truncated"),
    Row("connection dies", Fault("cut"), "truncated"),
    Row("no HTTP", Fault("garbage"), "truncated|unreachable|server"),
    Row("hangs up", Fault("reset"), "truncated|unreachable|server"),
    Row("error in the stream", Fault("error_midway"), "server|truncated"),
    Row("empty reply", Fault("empty"), "empty"),
    Row("a page instead of an answer", Fault("html"), "malformed|truncated|empty|server"),
    Row("redirect", Fault("redirect", message="http://127.0.0.1:9/elsewhere"), "refused", 1),
    Row("5 MB of arguments", Say(calls=(("look", {"a": "x" * 5_000_000}),)), "too_big", 1),
    Row("arguments are no object", Say(calls=(("look", "[1]"),)), "malformed"),
    Row("arguments are cut", Say(calls=(("look", {"a": "b"}),), finish="length"), "truncated"),
    Row("unknown tool", Say(calls=(("loook", {"a": "b"}),)), "", 2),
    Row("duplicate ids", Say(calls=(("look", {"a": "1"}),) * 2, call_ids=("x", "x")), "", 2),
)  # fmt: skip


@tool(repeat="pure", danger="SAFE")
async def look(a: str) -> str:
    """Look at something."""
    return f"saw {a}"


@pattern
async def asking(agent: Agent) -> str:
    """Ask once."""
    return (await ask(agent, question="why?")).text


@dataclass
class Outcome:
    """What became of a row."""

    error: StepFailed | None
    rows: list[Event]
    took_s: float
    requests: int


def servers(protocol: str) -> dict[str, HttpServer | None]:
    """A server for each row."""
    made: dict[str, HttpServer | None] = {}
    for row in TABLE:
        made[row.name] = None
        if row.fault is not None:
            server = OllamaServer() if protocol == "ollama" else OpenAIServer()
            server.then(*[row.fault] * (ATTEMPTS if row.reason else 1))
            made[row.name] = server
    return made


def settings(protocol: str, made: dict[str, HttpServer | None]) -> dict[str, Any]:
    """Where each row's model answers."""
    urls = {
        f"row{n}": server.url if server else f"http://127.0.0.1:{free_port()}"
        for n, server in enumerate(made.values())
    }
    found: dict[str, Any] = {
        "model": "playbook:default",
        "models": {"timeout_s": TIMEOUT_S, "wait_s": WAIT_S},
        "features": {"sandbox": False},
    }
    if protocol == "ollama":
        return found | {"ollama": {"hosts": urls}}
    return found | {"litellm": {"base_urls": {f"openai@{n}": f"{u}/v1" for n, u in urls.items()}}}


async def played(folder: Path, protocol: str) -> dict[str, Outcome]:
    """Play all rows at once."""
    made = servers(protocol)
    with ExitStack() as stack:
        for server in made.values():
            if server is not None:
                stack.enter_context(server)
        config = settings(protocol, made)
        async with Workbench.open(":memory:", workspace=folder, config=config) as bench:
            bench.world.model_attempts = ATTEMPTS
            form = "ollama@row{}:tiny" if protocol == "ollama" else "openai@row{}/double"
            if protocol != "ollama":
                await _warmed(bench)
            room = asyncio.Semaphore(5)
            plays = [
                _one(bench, room, form.format(n), server) for n, server in enumerate(made.values())
            ]
            outcomes = await asyncio.gather(*plays)
    return dict(zip(made, outcomes, strict=True))


async def _warmed(bench: Workbench) -> None:
    """The worker is up, and its first call made, before the clock runs: those take seconds."""
    with OpenAIServer() as server:
        options = {"api_base": f"{server.url}/v1"}
        await bench.hub.complete(asked(model="openai/double", options=options), ignore)


async def _one(
    bench: Workbench, room: asyncio.Semaphore, model: str, server: HttpServer | None
) -> Outcome:
    agent = Agent("asker", "question: str -> text: str", model=model, tools=[look])
    error = None
    async with room:
        began = time.monotonic()
        run = await bench.start(asking, agent=agent)
        try:
            await run.result()
        except StepFailed as failed:
            error = failed
        took = time.monotonic() - began
    chats = [r for r in server.requests if "chat" in r.path] if server else []
    return Outcome(error, list(bench.store.rows(run.run_id)), took, len(chats))


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Outcome]]:
    return {
        protocol: asyncio.run(played(tmp_path_factory.mktemp(protocol), protocol))
        for protocol in ("ollama", "litellm")
    }


@pytest.mark.timeout(180)
@pytest.mark.parametrize("protocol", ["ollama", "litellm"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_fault_is_typed_counted_and_over_in_time(
    outcomes: dict[str, dict[str, Outcome]], protocol: str, row: Row
):
    found = outcomes[protocol][row.name]
    starts = [r for r in found.rows if r.kind == "step.started" and r.data["effect"] == "model"]
    assert len(starts) == row.attempts
    assert found.took_s < WAIT_S + OVERHEAD_S
    if not row.reason:
        assert found.error is None
        return
    assert found.error is not None
    data = found.error.data
    assert data["reason"] in row.reason.split("|")
    code = "model_unreachable" if data["reason"] == "unreachable" else "model"
    assert found.error.error_code == code
    assert [r.data["attempt"] for r in starts] == [*range(1, row.attempts + 1)]
    assert found.requests == (0 if row.fault is None else row.attempts)
    if row.after_s is not None:
        assert row.after_s - 5 <= data["retry_after_s"] <= row.after_s + 0.5
