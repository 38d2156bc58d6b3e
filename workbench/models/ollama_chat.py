"""The chat protocol of Ollama: one request body out, lines of NDJSON back. Pure.

The last line alone says ``done``; whatever ends before it is not an answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.models.drafts import REPLY_LIMIT, Draft
from workbench.models.failures import failed
from workbench.models.options import OLLAMA, renamed
from workbench.models.wire import ollama_messages, tool_specs

_LINE_LIMIT = 2 * REPLY_LIMIT


def chat_body(
    request: ModelRequest, name: str, keep_alive: str | float | None = None
) -> dict[str, Any]:
    """The body of ``/api/chat``. A schema binds every token, so not while tools are offered.

    A server is told to refuse what does not fit: left alone it drops the beginning.
    """
    body: dict[str, Any] = {"model": name, "messages": ollama_messages(request)}
    body |= {"stream": True, "truncate": False}
    if request.tools:
        body["tools"] = tool_specs(request.tools)
    elif request.schema is not None:
        body["format"] = dict(request.schema)
    if options := renamed(request.options, OLLAMA):
        body["options"] = options
    if "think" in request.options:
        body["think"] = request.options["think"]
    keep_alive = request.options.get("keep_alive", keep_alive)
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    return body


async def lines(pieces: AsyncIterator[bytes], who: str) -> AsyncIterator[bytes]:
    """The whole lines of a stream; what follows the last line end is no line."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n") if b"\n" in piece else (rest + piece,)
        for line in whole:
            if line.strip():
                yield line
        if len(rest) > _LINE_LIMIT:
            raise failed(f"{who} sent a line without end", "too_big")
    if rest.strip():
        yield rest


def take(line: bytes, draft: Draft) -> dict[str, Any] | None:
    """Take one line of the stream into the draft; the last one is returned."""
    try:
        part = orjson.loads(line)
    except orjson.JSONDecodeError:
        shown = line[:80].decode("utf-8", "replace")
        raise failed(f"{draft.who} sent a line that is not JSON: {shown!r}", "malformed") from None
    match part:
        case {"error": error}:
            raise failed(f"{draft.who} failed while answering: {str(error)[:300]}", "server")
        case {"message": {**message}}:
            _take_message(message, draft)
        case {"done": True}:
            pass
        case _:
            raise failed(f"{draft.who} sent a line without a message", "malformed")
    return part if part.get("done") is True else None


def _take_message(message: dict[str, Any], draft: Draft) -> None:
    draft.think(message.get("thinking") or "")
    draft.say(message.get("content") or "")
    for call in message.get("tool_calls") or ():
        match call:
            case {"function": {"name": name, **rest}}:
                draft.call(name, rest.get("arguments"))
            case _:
                raise failed(f"{draft.who} sent a tool call without a function", "malformed")


def finished(done: Mapping[str, Any], draft: Draft, name: str) -> ModelReply:
    """The reply, once the last line has come."""
    usage = Usage(int(done.get("prompt_eval_count") or 0), int(done.get("eval_count") or 0), 0.0)
    model = str(done.get("model") or name)
    return draft.whole(model=model, usage=usage, cut=done.get("done_reason") == "length")
