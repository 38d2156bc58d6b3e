"""Ollama: the protocol as it is spoken, and every way in which it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.doubles.http_server import Fault, Say, free_port
from tests.doubles.ollama_server import OllamaServer, Pulled
from tests.models.requests import ADD, VERDICT, after_tool, asked, ignore
from workbench.agent.conversation import (
    Capabilities,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.errors import ConfigError, ModelError, ModelUnreachable, UnknownName
from workbench.models.drafts import REPLY_LIMIT
from workbench.models.ollama import OllamaModel
from workbench.models.ollama_pull import PullProgress
from workbench.models.probe import base_url, reachable


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        yield running


def answer(server: OllamaServer, request: ModelRequest, on_delta: OnDelta = ignore) -> ModelReply:
    async def ask() -> ModelReply:
        model = OllamaModel(server.url, environ={})
        try:
            return await model.complete(request, on_delta)
        finally:
            await model.close()

    return asyncio.run(ask())


def test_text_streams_and_comes_back_whole_with_its_usage(server: OllamaServer):
    server.then(Say("Because it is so", tokens=(12, 4)))
    heard: list[str] = []
    reply = answer(server, asked(), heard.append)
    assert heard == ["Because ", "it ", "is ", "so"]
    assert reply.text == "Because it is so"
    assert reply.usage == Usage(12, 4, 0.0)
    assert (reply.finish, reply.model) == ("stop", "tiny")


def test_a_request_is_posted_whole(server: OllamaServer):
    options = {"temperature": 0.1, "max_tokens": 7, "think": True, "keep_alive": "1m"}
    answer(server, asked(tools=(ADD,), options=options, entries=after_tool("2")))
    (body,) = server.bodies("/api/chat")
    assert body["tools"][0]["function"]["parameters"] == ADD.parameters
    assert body["options"] == {"temperature": 0.1, "num_predict": 7, "num_ctx": 4096}
    assert body["truncate"] is False
    assert body["think"] is True
    assert body["keep_alive"] == "1m"
    assert "format" not in body
    system, user, call, result = body["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user == {"role": "user", "content": "Add."}
    assert call["tool_calls"] == [
        {"id": "call_1", "function": {"name": "add", "arguments": {"a": 0}}}
    ]
    assert result == {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "call_1"}


def test_a_schema_is_sent_as_format(server: OllamaServer):
    reply = answer(server, asked("Yes?", schema=VERDICT))
    assert server.bodies("/api/chat")[0]["format"] == VERDICT
    assert reply.text == '{"verdict": "Yes?"}'


def test_tool_calls_and_thinking_are_kept_apart_from_text(server: OllamaServer):
    server.then(
        Say(calls=(("add", {"a": 1}), ("add", {"a": 2})), thinking="hm hm", call_ids=("x", "x"))
    )
    heard: list[str] = []
    reply = answer(server, asked(tools=(ADD,)), heard.append)
    assert reply.calls == (ToolCall("add", {"a": 1}), ToolCall("add", {"a": 2}))
    assert (reply.finish, reply.thinking, heard) == ("tools", "hm hm", [])


def test_an_unknown_tool_is_passed_on_for_the_turn_to_answer(server: OllamaServer):
    server.then(Say(calls=(("no_such_tool", {}),)))
    assert answer(server, asked(tools=(ADD,))).calls == (ToolCall("no_such_tool", {}),)


def test_a_cut_text_says_so(server: OllamaServer):
    server.then(Say("a beginning of", finish="length"))
    assert answer(server, asked()).finish == "length"


FAULTS: list[tuple[Say | Fault, str, bool]] = [
    (Fault("hang"), "timeout", True),
    (Fault("hang_midway"), "timeout", True),
    (Say("slow " * 50, pause_s=0.1), "timeout", True),
    (Fault("reset"), "truncated", True),
    (Fault("cut"), "truncated", True),
    (Fault("truncated"), "truncated", True),
    (Fault("garbage"), "truncated", True),
    (Fault("malformed"), "malformed", True),
    (Fault("error_midway"), "server", True),
    (Fault("empty"), "empty", True),
    (Say(thinking="only thoughts"), "empty", True),
    (Say(calls=(("add", {"a": 1}),), finish="length"), "truncated", True),
    (Say(calls=(("add", [1]),)), "malformed", True),
    (Say(calls=(("add", "{not json"),)), "malformed", True),
    (Say(calls=(("", {}),)), "malformed", True),
    (Say(calls=(("add", {"a": "x" * 5_000_000}),)), "too_big", False),
    (Fault("status", 500), "server", True),
    (Fault("status", 503), "server", True),
    (Fault("status", 429), "rate_limited", True),
    (Fault("status", 401, "unauthorized"), "refused", False),
    (Fault("status", 400, '"tiny" does not support tools'), "unsupported", False),
    (Fault("status", 400, "input exceeds the context length"), "too_long", False),
]


@pytest.mark.parametrize(
    ("fault", "reason", "retry"), FAULTS, ids=lambda v: getattr(v, "kind", None)
)
def test_every_fault_is_a_typed_error(
    server: OllamaServer, fault: Say | Fault, reason: str, retry: bool
):
    server.then(fault)
    with pytest.raises(ModelError) as caught:
        answer(server, asked(timeout_s=0.5))
    assert caught.value.data["reason"] == reason
    assert caught.value.data["retry"] is retry
    assert len(server.bodies("/api/chat")) == 1


def test_retry_after_is_told(server: OllamaServer):
    server.then(Fault("status", 429, retry_after="7"))
    with pytest.raises(ModelError) as caught:
        answer(server, asked())
    assert caught.value.data["retry_after_s"] == 7.0


def test_a_line_without_end_is_refused_in_bounded_memory(server: OllamaServer):
    server.then(Say("x" * (REPLY_LIMIT + 1)))
    with pytest.raises(ModelError, match="more than 4 MiB"):
        answer(server, asked())


def test_an_unknown_model_names_the_nearest(server: OllamaServer):
    server.shelf.append(Pulled("qwen3:4b"))
    with pytest.raises(
        ModelError, match=r"no model 'qwen3:4'. Did you mean 'qwen3:4b'\?"
    ) as caught:
        answer(server, asked(model="ollama:qwen3:4"))
    assert caught.value.data["nearest"] == "qwen3:4b"
    assert caught.value.data["retry"] is False


def test_an_unknown_option_names_the_nearest(server: OllamaServer):
    with pytest.raises(UnknownName, match="temperature"):
        answer(server, asked(options={"temprature": 1}))
    assert server.requests == []


def test_nobody_there_is_unreachable():
    async def ask() -> None:
        model = OllamaModel(f"127.0.0.1:{free_port()}", environ={})
        for question in (model.complete(asked(), ignore), model.models(), model.embed("m", ["x"])):
            with pytest.raises(ModelUnreachable, match="ollama serve"):
                await question
        await model.close()

    asyncio.run(ask())


def test_cancelling_hangs_up_on_the_server(server: OllamaServer):
    server.then(Say("word " * 1000, pause_s=0.02))

    async def ask() -> None:
        model = OllamaModel(server.url, environ={})
        first = asyncio.Event()
        task = asyncio.create_task(model.complete(asked(), lambda _: first.set()))
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(server.left.wait, 5)
        await model.close()

    asyncio.run(ask())


def test_models_are_listed_with_what_they_can_do(server: OllamaServer):
    server.shelf = [Pulled("a:1", ("completion", "vision"), 8192), Pulled("b:1", ("embedding",))]

    async def ask() -> list[Any]:
        model = OllamaModel(server.url, prefix="gpu", environ={})
        first = await model.models()
        assert await model.models() == first
        await model.close()
        return first

    a, b = asyncio.run(ask())
    assert (a.name, a.capabilities, a.context_tokens) == ("gpu:a:1", ("chat", "vision"), 8192)
    assert (b.capabilities, b.size_bytes, b.usd_per_million) == (("embedding",), 1_000_000, (0, 0))
    assert len(server.bodies("/api/show")) == 2


def test_pull_tells_its_progress(server: OllamaServer):
    heard: list[PullProgress] = []

    async def ask() -> None:
        model = OllamaModel(server.url, environ={})
        await model.pull("ollama:qwen3:4b", heard.append)
        assert [info.name for info in await model.models()] == [
            "ollama:tiny:latest",
            "ollama:qwen3:4b",
        ]
        await model.close()

    asyncio.run(ask())
    assert heard[0] == PullProgress("pulling manifest")
    assert PullProgress("pulling aa", 50, 100) in heard
    assert heard[-1].status == "success"


def test_a_pull_that_breaks_off_or_finds_nothing_is_an_error(server: OllamaServer):
    server.pull_breaks = True

    async def ask(name: str) -> None:
        model = OllamaModel(server.url, environ={})
        try:
            await model.pull(name, lambda _: None)
        finally:
            await model.close()

    with pytest.raises(ModelError, match="broke off"):
        asyncio.run(ask("qwen3:4b"))
    with pytest.raises(ModelError, match="file does not exist"):
        asyncio.run(ask("nothing"))


def test_embeddings_running_and_unload(server: OllamaServer):
    async def ask() -> None:
        model = OllamaModel(server.url, environ={})
        assert await model.embed("tiny", ["ab", "abc"]) == [[2.0, 1.0], [3.0, 1.0]]
        assert await model.embed("tiny", []) == []
        assert list(await model.running()) == ["tiny:latest"]
        await model.unload("tiny")
        with pytest.raises(ModelError, match="no model 'tinny'"):
            await model.embed("tinny", ["x"])
        await model.close()

    asyncio.run(ask())
    assert server.bodies("/api/generate")[0]["keep_alive"] == 0


def test_capabilities_are_asked_once_and_hold_the_context_that_is_sent(server: OllamaServer):
    server.shelf = [
        Pulled("big:latest", ("completion", "tools", "vision", "thinking"), 131_072),
        Pulled("small:latest", ("completion",), 2048),
        Pulled("vec:latest", ("embedding",), 512),
    ]

    async def ask() -> list[Capabilities]:
        model = OllamaModel(server.url, environ={}, context_tokens=16_384)
        found = [await model.capabilities(f"ollama:{name}") for name in ("big", "small", "vec")]
        await model.complete(asked(model="ollama:big"), ignore)
        await model.complete(asked(model="ollama:small"), ignore)
        own = asked(model="ollama:big", options={"num_ctx": 999})
        await model.complete(own, ignore)
        await model.close()
        return found

    big, small, vec = asyncio.run(ask())
    assert (big.context_tokens, big.images, big.thinking, big.tools) == (16_384, True, True, True)
    assert (small.context_tokens, small.images, small.tools) == (2048, False, False)
    assert (vec.embeddings, vec.chat, vec.schema) == (True, False, False)
    assert len(server.bodies("/api/show")) == 3
    sent = [body["options"]["num_ctx"] for body in server.bodies("/api/chat")]
    assert sent == [16_384, 2048, 999]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("box", "http://box:11434"),
        (":9000", "http://127.0.0.1:9000"),
        ("http://box", "http://box:80"),
        ("https://box/ollama/", "https://box:443/ollama"),
        ("[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_host_may_be_written_as_ollama_does(given: str, meant: str):
    assert base_url(given) == meant


@pytest.mark.parametrize("given", ["ftp://x", "box:port"])
def test_what_is_no_host_is_said(given: str):
    with pytest.raises(ConfigError, match="no address of an Ollama"):
        base_url(given)


def test_a_probe_is_fast_and_knows_an_ollama(server: OllamaServer):
    async def look() -> None:
        loop = asyncio.get_running_loop()
        assert await reachable(server.url)
        began = loop.time()
        assert not await reachable(f"127.0.0.1:{free_port()}")
        silent = await asyncio.start_server(_read_all, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        assert not await reachable(f"127.0.0.1:{port}", timeout_s=0.1)
        assert loop.time() - began < 2
        silent.close()

    asyncio.run(look())


async def _read_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
