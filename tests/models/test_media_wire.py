"""Media on the wire: what servers of each protocol receive, on loopback."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.doubles.http_server import Asked, HttpServer, Out
from tests.doubles.ollama_server import OllamaServer
from tests.doubles.openai_server import OpenAIServer
from tests.models.requests import after_tool, asked, ignore
from tests.pictures import png, wav
from workbench.agent.conversation import Attached, Entry, Model, ModelRequest
from workbench.foreign import attempt_async
from workbench.models.litellm import LitellmModel
from workbench.models.ollama import OllamaModel
from workbench.models.wire import ollama_messages, openai_messages

PICTURE = Attached(0, "image", "image/png", "cat.png", png())
SOUND = Attached(0, "audio", "audio/wav", "a.wav", wav())


@dataclass(slots=True)
class Refusing(HttpServer):
    """Remembers what it is sent, and answers nothing of use."""

    async def answer(self, asked: Asked, out: Out) -> None:
        await out.whole(400, {"error": {"message": f"not at {asked.path}"}})


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    with Refusing() as running:
        yield running


def _sent(model: Model, request: ModelRequest) -> object:
    async def ask() -> object:
        try:
            return await attempt_async(model.complete(request, ignore))
        finally:
            await model.close()

    return asyncio.run(ask())


def _litellm(name: str, base: str, *media: Attached) -> None:
    options = {"api_base": base, "api_key_env": "TEST_KEY"}
    request = asked("What?", f"litellm:{name}", options=options, media=media)
    _sent(LitellmModel(environ={"TEST_KEY": "key", "PATH": "/usr/bin:/bin"}), request)


def _bytes_in(value: Any) -> list[bytes]:
    """The picture and the sound, wherever a body has them in base64, in order."""
    known = {b64encode(content).decode(): content for content in (png(), wav())}
    text = json.dumps(value)
    places = sorted((text.find(form), content) for form, content in known.items())
    return [content for place, content in places if place >= 0]


def test_ollama_gets_images_beside_the_text() -> None:
    with OllamaServer() as server:
        _sent(OllamaModel(server.url, environ={}), asked("What?", media=(PICTURE,)))
        (body,) = server.bodies("/api/chat")
    (image,) = body["messages"][-1]["images"]
    assert b64decode(image) == png()
    assert body["messages"][-1]["content"] == "What?"


@pytest.mark.timeout(120)
def test_openai_gets_parts() -> None:
    with OpenAIServer() as server:
        _litellm("openai/double", f"{server.url}/v1", PICTURE, SOUND)
        (request,) = server.requests
    text, image, audio = request.body["messages"][-1]["content"]
    assert text == {"type": "text", "text": "What?"}
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    assert audio["input_audio"]["format"] == "wav"
    assert _bytes_in([image, audio]) == [png(), wav()]


@pytest.mark.timeout(120)
def test_anthropic_gets_the_picture_in_its_own_form(refusing: Refusing) -> None:
    _litellm("anthropic/claude-sonnet-4-5", refusing.url, PICTURE)
    body = refusing.requests[0].body
    (source,) = [part["source"] for part in body["messages"][-1]["content"] if "source" in part]
    assert source["media_type"] == "image/png"
    assert b64decode(source["data"]) == png()


@pytest.mark.timeout(120)
def test_gemini_gets_the_picture_in_its_own_form(refusing: Refusing) -> None:
    _litellm("gemini/gemini-2.5-flash", refusing.url, PICTURE)
    body = refusing.requests[0].body
    assert _bytes_in(body["contents"]) == [png()]
    assert "image/png" in str(body["contents"])


def test_what_tools_showed_comes_after_the_last_result_of_its_round() -> None:
    entries = [*after_tool("drawn"), Entry("assistant", "ok"), Entry("user", "more")]
    shown = Attached(2, "image", "image/png", "chart.png", png())
    request = asked(entries=entries, media=(shown,))
    for make, has in ((ollama_messages, "images"), (openai_messages, "content")):
        messages = make(request)
        assert [m["role"] for m in messages] == [
            "system", "user", "assistant", "tool", "user", "assistant", "user",
        ]  # fmt: skip
        assert _bytes_in(messages[4][has]) == [png()]


def test_without_media_nothing_is_said_another_way() -> None:
    request = asked(entries=after_tool("drawn"))
    assert all(isinstance(m["content"], str | None) for m in openai_messages(request))
    assert not any("images" in message for message in ollama_messages(request))
