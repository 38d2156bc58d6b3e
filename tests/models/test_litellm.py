"""litellm in its worker: one worker serves the whole module, because it takes seconds to start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.doubles.http_server import Fault, Say, free_port
from tests.doubles.ollama_server import OllamaServer
from tests.doubles.openai_server import OpenAIServer
from tests.models.requests import ADD, VERDICT, after_tool, asked, ignore
from workbench.agent.conversation import ModelReply, ModelRequest, OnDelta, ToolCall, Usage
from workbench.errors import ConfigError, ModelError, ModelUnreachable, UnknownName
from workbench.models.hub import Hub
from workbench.models.litellm import DEATHS, LitellmModel
from workbench.models.providers import Providers
from workbench.models.survey import Provider, ask, configured

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]


class Bench:
    """One loop and one model for all tests here."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        environ = {**os.environ, "TEST_KEY": "sk-test-secret-key"}
        self.model = LitellmModel(environ=environ)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def answer(self, request: ModelRequest, on_delta: OnDelta = ignore) -> ModelReply:
        return self.run(self.model.complete(request, on_delta))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with asyncio.Runner() as runner:
        found = Bench(runner)
        yield found
        runner.run(found.model.close())


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


def openai(server: OpenAIServer, text: str = "Why?", **rest: Any) -> ModelRequest:
    options = {"api_base": f"{server.url}/v1", "api_key_env": "TEST_KEY", **rest.pop("options", {})}
    return asked(text, rest.pop("model", "openai/double"), options=options, **rest)


@pytest.mark.timeout(120)
def test_text_streams_and_comes_back_whole(bench: Bench, server: OpenAIServer):
    server.then(Say("Because it is so", tokens=(12, 4)))
    heard: list[str] = []
    reply = bench.answer(openai(server, options={"temperature": 0.5}), heard.append)
    assert "".join(heard) == reply.text == "Because it is so"
    assert len(heard) > 1
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (12, 4)
    assert reply.usage.cost_usd is None
    assert (reply.finish, reply.model) == ("stop", "double")
    (request,) = server.requests
    assert request.headers["authorization"] == "Bearer sk-test-secret-key"
    assert request.body["temperature"] == 0.5
    assert request.body["messages"][0] == {"role": "system", "content": "Be brief."}


def test_tools_are_posted_whole_and_calls_come_back(bench: Bench, server: OpenAIServer):
    server.then(Say(calls=(("add", {"a": 1}), ("add", {"a": 2})), call_ids=("x", "x")))
    reply = bench.answer(openai(server, tools=(ADD,), entries=after_tool("2")))
    assert reply.calls == (ToolCall("add", {"a": 1}), ToolCall("add", {"a": 2}))
    assert reply.finish == "tools"
    body = server.requests[0].body
    assert body["tools"][0]["function"]["parameters"] == ADD.parameters
    _, _, call, result = body["messages"]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"] == "call_1"
    assert call["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":0}'}


def test_a_schema_is_sent_as_response_format(bench: Bench, server: OpenAIServer):
    reply = bench.answer(openai(server, "Yes?", schema=VERDICT))
    form = server.requests[0].body["response_format"]["json_schema"]
    assert (form["schema"], form["strict"]) == (VERDICT, True)
    assert json.loads(reply.text) == {"verdict": "Yes?"}


def test_a_known_price_is_charged_and_a_configured_one_wins(bench: Bench, server: OpenAIServer):
    server.then(Say("x", tokens=(1_000_000, 100_000)))
    reply = bench.answer(openai(server, options={"usd_per_million": [1.0, 10.0]}))
    assert reply.usage == Usage(1_000_000, 100_000, 2.0)


def test_a_price_of_the_bundled_table_is_charged(bench: Bench, server: OpenAIServer):
    server.then(Say("x", tokens=(1000, 10)))
    reply = bench.answer(openai(server, model="deepseek/deepseek-chat"))
    assert reply.usage.cost_usd is not None
    assert 0 < reply.usage.cost_usd < 0.01


def test_nothing_was_fetched_and_nothing_printed(bench: Bench):
    assert list(bench.run(bench.model._running()).chatter) == []


def test_without_a_key_no_worker_is_started_to_list_models():
    assert asyncio.run(LitellmModel(environ={"OLLAMA_API_KEY": "x"}).models()) == []


def test_ollama_through_litellm_is_free_and_asks_no_other_host(bench: Bench):
    with OllamaServer() as ollama:
        ollama.then(Say("Hi there", tokens=(3, 2)))
        request = asked(model="litellm:ollama_chat/tiny", options={"api_base": ollama.url})
        reply = bench.answer(request)
        assert (reply.text, reply.usage) == ("Hi there", Usage(3, 2, 0.0))
        assert [asked.path for asked in ollama.requests] == ["/api/chat"]


FAULTS: list[tuple[Say | Fault, str, bool]] = [
    (Fault("hang"), "timeout", True),
    (Fault("hang_midway"), "timeout", True),
    (Say("slow " * 50, pause_s=0.1), "timeout", True),
    (Fault("truncated"), "truncated", True),
    (Fault("cut"), "truncated", True),
    (Fault("empty"), "empty", True),
    (Say(calls=(("add", {"a": 1}),), finish="length"), "truncated", True),
    (Say(calls=(("add", '{"a": '),)), "malformed", True),
    (Say(calls=(("add", "[1]"),)), "malformed", True),
    (Say(calls=(("add", {"a": "x" * 5_000_000}),)), "too_big", False),
    (Say("x" * 5_000_000), "too_big", False),
    (Fault("status", 500), "server", True),
    (Fault("status", 503), "server", True),
    (Fault("status", 429), "rate_limited", True),
    (Fault("status", 401), "refused", False),
    (Fault("status", 404), "unknown_model", False),
    (Fault("status", 400, "This model's maximum context length is 10 tokens"), "too_long", False),
]


@pytest.mark.parametrize(("fault", "reason", "retry"), FAULTS)
def test_every_fault_is_a_typed_error(
    bench: Bench, server: OpenAIServer, fault: Say | Fault, reason: str, retry: bool
):
    server.then(fault)
    with pytest.raises(ModelError) as caught:
        bench.answer(openai(server, timeout_s=1.0))
    assert caught.value.data["reason"] == reason
    assert caught.value.data["retry"] is retry
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["reset", "garbage", "malformed", "error_midway"])
def test_what_is_broken_on_the_wire_may_be_tried_again(
    bench: Bench, server: OpenAIServer, kind: Any
):
    server.then(Fault(kind))
    with pytest.raises(ModelError) as caught:
        bench.answer(openai(server, timeout_s=1.0))
    assert caught.value.data["retry"] is True
    assert len(server.requests) == 1


def test_retry_after_is_told(bench: Bench, server: OpenAIServer):
    server.then(Fault("status", 429, retry_after="7"))
    with pytest.raises(ModelError) as caught:
        bench.answer(openai(server))
    assert caught.value.data["retry_after_s"] == 7.0
    assert caught.value.data["provider_class"] == "RateLimitError"


def test_nobody_there_is_unreachable(bench: Bench):
    options = {"api_base": f"http://127.0.0.1:{free_port()}/v1"}
    with pytest.raises(ModelUnreachable):
        bench.answer(asked(model="openai/double", options=options))


def test_an_unknown_provider_is_said(bench: Bench):
    with pytest.raises(ModelError, match="no such provider") as caught:
        bench.answer(asked(model="litellm:nobody/nothing"))
    assert caught.value.data["reason"] == "unknown_model"


def test_a_missing_key_or_misspelt_option_is_said_before_anything_is_asked(bench: Bench):
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        bench.answer(asked(model="openai/double", options={"api_key_env": "NO_SUCH_KEY"}))
    with pytest.raises(UnknownName, match="api_base"):
        bench.answer(asked(model="openai/double", options={"api_bse": "x"}))


def test_a_key_is_never_in_an_error(bench: Bench, server: OpenAIServer):
    server.then(Fault("status", 401, "Incorrect API key provided: sk-test-secret-key"))
    with pytest.raises(ModelError) as caught:
        bench.answer(openai(server))
    assert "sk-test-secret-key" not in str(caught.value)


def test_a_configured_address_never_gets_the_providers_own_key(bench: Bench, server: OpenAIServer):
    bench.answer(asked(model="openai/double", options={"api_base": f"{server.url}/v1"}))
    assert server.requests[0].headers["authorization"] == "Bearer none"


def test_many_requests_share_the_worker(bench: Bench, server: OpenAIServer):
    async def all_at_once() -> list[ModelReply]:
        asks = (bench.model.complete(openai(server, f"number {i}"), ignore) for i in range(30))
        return await asyncio.gather(*asks)

    replies = bench.run(all_at_once())
    assert [reply.text for reply in replies] == [f"You said: number {i}" for i in range(30)]


def test_embeddings(bench: Bench, server: OpenAIServer):
    model = LitellmModel(endpoints={"openai": {"api_base": f"{server.url}/v1"}})
    model._worker = bench.run(bench.model._running())
    vectors = bench.run(model.embed("litellm:openai/double", ["ab", "abc"]))
    assert vectors == [[2.0, 1.0], [3.0, 1.0]]


def test_what_the_table_knows_of_a_model_is_told_and_nothing_of_others(bench: Bench):
    known = bench.run(bench.model.capabilities("litellm:openai/gpt-4o"))
    assert (known.tools, known.images, known.schema, known.chat) == (True, True, True, True)
    assert known.context_tokens == 128_000
    vectors = bench.run(bench.model.capabilities("openai/text-embedding-3-small"))
    assert (vectors.embeddings, vectors.chat) == (True, False)
    unknown = bench.run(bench.model.capabilities("openai/double"))
    assert (unknown.tools, unknown.context_tokens, unknown.images) == (None, None, None)


@pytest.mark.timeout(120)
def test_places_are_listed_by_what_they_have_and_who_is_silent_is_named(server: OpenAIServer):
    ends: dict[str, dict[str, Any]] = {
        "openai@near": {"api_base": f"{server.url}/v1", "usd_per_million": (1.0, 2.0)},
        "openai@gone": {"api_base": f"http://127.0.0.1:{free_port()}/v1"},
        "mistral@work": {"api_key_env": "NOT_SET"},
    }
    providers = Providers(endpoints=ends, environ={"PATH": os.environ["PATH"]})

    async def look() -> tuple[Provider, ModelReply]:
        try:
            (one,) = [p for p in await configured(providers) if p.prefix == "litellm"]
            request = asked(model="openai@near/double")
            return await ask(providers, one), await Hub(providers).complete(request, ignore)
        finally:
            await providers.close()

    found, reply = asyncio.run(look())
    listed = [(info.name, info.usd_per_million) for info in found.models]
    assert listed == [("openai@near/double", (1.0, 2.0))]
    assert "mistral@work: the environment variable NOT_SET is not set" in found.state
    assert "openai@gone at http://127.0.0.1" in found.state
    assert reply.usage == Usage(10, 5, 2e-05)
    assert server.requests[-1].body["model"] == "double"


def test_cancelling_hangs_up_on_the_server(bench: Bench, server: OpenAIServer):
    server.then(Say("word " * 1000, pause_s=0.02))

    async def ask() -> None:
        first = asyncio.Event()
        asking = bench.model.complete(openai(server), lambda _: first.set())
        task = asyncio.create_task(asking)
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 5)

    bench.run(ask())


@pytest.mark.timeout(120)
def test_a_dead_worker_fails_what_waits_and_is_replaced(bench: Bench, server: OpenAIServer):
    server.then(Fault("hang"))

    async def kill() -> None:
        worker = await bench.model._running()
        task = asyncio.create_task(bench.model.complete(openai(server), ignore))
        assert await asyncio.to_thread(server.came.wait, 10)
        worker.process.send_signal(signal.SIGKILL)
        with pytest.raises(ModelError, match="worker process died") as caught:
            await task
        assert caught.value.data["retry"] is True

    bench.run(kill())
    assert bench.answer(openai(server, "again")).text == "You said: again"


def test_a_worker_that_dies_again_and_again_is_not_started_for_ever(tmp_path: Path):
    """One that cannot even import what it needs."""
    environ = {**os.environ, "PYTHONHOME": str(tmp_path)}

    async def ask() -> list[ModelError]:
        model, found = LitellmModel(environ=environ), list[ModelError]()
        for _ in range(DEATHS + 1):
            with pytest.raises(ModelError) as caught:
                await model.complete(asked(model="openai/double"), ignore)
            found.append(caught.value)
        await model.close()
        return found

    *deaths, last = asyncio.run(ask())
    assert [error.data["retry"] for error in deaths] == [True] * DEATHS
    assert all("died" in error.message for error in deaths)
    assert (last.data["retry"], f"died {DEATHS} times" in last.message) == (False, True)


PARENT = """
import asyncio, os, sys
from workbench.models.litellm_process import WorkerProcess
async def main():
    worker = await WorkerProcess.start(os.environ, 90)
    print(worker.process.pid, flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


@pytest.mark.timeout(120)
def test_the_worker_ends_with_its_parent_and_reads_nothing_from_the_folder(tmp_path: Path):
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger was imported')")
    (tmp_path / ".env").write_text("FROM_DOTENV=1")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-c", PARENT]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environ, capture_output=True, text=True
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 5
    while not _is_gone(pid):
        assert time.monotonic() < deadline
    assert done.returncode == -9


def _is_gone(pid: int) -> bool:
    try:
        return ") Z" in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
