"""The wire forms of a request: one conversation, written as each protocol wants it.

Call ids are written anew for the wire (``call_1``, ``call_2`` …): ours are paths and longer than
some providers allow, theirs are not unique. Nothing here performs anything.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from workbench.agent.conversation import Attached, Entry, ModelRequest, ToolSpec

Message = dict[str, Any]


def numbered(entries: Sequence[Entry]) -> Iterator[tuple[Entry, tuple[str, ...]]]:
    """Each entry with its wire ids: those of its calls, or the one its result answers."""
    count = 0
    waiting: list[tuple[str, str, str]] = []
    for entry in entries:
        if entry.role == "tool":
            yield entry, (_answered(entry, waiting),)
            continue
        ids: list[str] = []
        for call in entry.calls:
            count += 1
            ids.append(f"call_{count}")
            waiting.append((call.id, call.name, ids[-1]))
        yield entry, tuple(ids)


def _answered(entry: Entry, waiting: list[tuple[str, str, str]]) -> str:
    """The wire id of the call that a result answers: by id, else by name, else the oldest."""
    if not waiting:
        return "call_0"
    same_id = (call for call in waiting if entry.call_id and call[0] == entry.call_id)
    same_name = (call for call in waiting if call[1] == entry.name)
    found = next(same_id, None) or next(same_name, waiting[0])
    waiting.remove(found)
    return found[2]


def tool_specs(tools: Sequence[ToolSpec]) -> list[Message]:
    """Tools in the form that both protocols share, schemas whole."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
            },
        }
        for tool in tools
    ]


def ollama_messages(request: ModelRequest) -> list[Message]:
    """The conversation for ``/api/chat``: arguments as objects, results with ``tool_name``."""
    return _messages(request, _ollama_message, _with_images)


def openai_messages(request: ModelRequest) -> list[Message]:
    """The conversation for ``/v1/chat/completions``: arguments as JSON text, media as parts."""
    return _messages(request, _openai_message, _with_parts)


def _messages(
    request: ModelRequest,
    make: Callable[[Entry, tuple[str, ...]], Message],
    carry: Callable[[Message, Sequence[Attached]], Message],
) -> list[Message]:
    """One message an entry. What tools showed comes after the last result of its round."""
    found: list[Message] = [{"role": "system", "content": request.system}] if request.system else []
    shown: list[Attached] = []
    for at, (entry, ids) in enumerate(numbered(request.entries)):
        own = [one for one in request.media if one.at == at]
        if shown and entry.role != "tool":
            found.append(carry({"role": "user", "content": _SHOWN}, shown))
            shown = []
        message = make(entry, ids)
        if entry.role == "tool":
            shown += own
        found.append(carry(message, own) if own and entry.role == "user" else message)
    if shown:
        found.append(carry({"role": "user", "content": _SHOWN}, shown))
    return found


_SHOWN = "What the tools showed:"


def _ollama_message(entry: Entry, ids: tuple[str, ...]) -> Message:
    message: Message = {"role": entry.role, "content": entry.text}
    if entry.calls:
        message["tool_calls"] = [
            {"id": wire_id, "function": {"name": call.name, "arguments": call.arguments}}
            for call, wire_id in zip(entry.calls, ids, strict=True)
        ]
    if entry.role == "tool":
        message |= {"tool_name": entry.name, "tool_call_id": ids[0]}
    return message


def _with_images(message: Message, media: Sequence[Attached]) -> Message:
    return {**message, "images": [b64encode(one.content).decode() for one in media]}


def _openai_message(entry: Entry, ids: tuple[str, ...]) -> Message:
    message: Message = {"role": entry.role, "content": entry.text}
    if entry.calls:
        message["content"] = entry.text or None
        message["tool_calls"] = [
            {
                "id": wire_id,
                "type": "function",
                "function": {"name": call.name, "arguments": encode(call.arguments).decode()},
            }
            for call, wire_id in zip(entry.calls, ids, strict=True)
        ]
    if entry.role == "tool":
        message |= {"tool_call_id": ids[0], "name": entry.name}
    return message


def _with_parts(message: Message, media: Sequence[Attached]) -> Message:
    text = {"type": "text", "text": message["content"]}
    return {**message, "content": [text, *map(_part, media)]}


def _part(one: Attached) -> Message:
    data = b64encode(one.content).decode()
    if one.what == "image":
        return {"type": "image_url", "image_url": {"url": f"data:{one.type};base64,{data}"}}
    form = {"audio/mpeg": "mp3"}.get(one.type, one.type.rpartition("/")[2])
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def encode(value: Any) -> bytes:
    """JSON for the wire. What UTF-8 cannot say (lone surrogates) is sent as question marks."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(_sendable(value)).encode()


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return {_sendable(key): _sendable(item) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_sendable(item) for item in cast("list[Any]", value)]
    return value
