"""MCP over standard input and output: the process that started this one is the user.

The two descriptors are taken away from the rest of the process, so that nothing a tool, a plugin
or a child prints gets among the messages, and nothing reads them. Reading is a thread of ours: it
can be left behind when a signal ends the program, which the library's cannot.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, cast

import anyio
import anyio.abc
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.shared.message import SessionMessage

from workbench.errors import UsageError

MOST_LINE: Final = 16 << 20
"""Bytes of a message; a client that sends more is not listened to any longer."""
_MOST_LINES: Final = 256
"""Read and not taken up; then the client has to wait."""
_CHUNK: Final = 65_536
_LAST_S: Final = 2.0


async def serve_stdio(server: Server[Any], closing: Callable[[], Awaitable[None]]) -> None:
    """Serve until the client closes our input; ``closing`` is awaited before calls are dropped.

    Raises:
        UsageError: a message was longer than any can be.
    """
    receive, send = _taken(0, os.O_RDONLY), _taken(1, os.O_WRONLY)
    into, out_of = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    answers_into, answers = anyio.create_memory_object_stream[SessionMessage](0)
    writing = asyncio.ensure_future(_write(send, answers))
    reading = asyncio.ensure_future(_read(_lines(receive), into, answers_into.clone(), closing))
    try:
        options = server.create_initialization_options()
        await server.run(out_of, answers_into, options)
        await reading
        await asyncio.wait({writing}, timeout=_LAST_S)  # who has gone may not read any more
    finally:
        reading.cancel()
        writing.cancel()


def _taken(descriptor: int, mode: int) -> int:
    """What a standard descriptor led to; it leads to nothing, or to stderr, from now on."""
    ours = os.dup(descriptor)
    instead = os.open(os.devnull, mode) if mode == os.O_RDONLY else os.dup(2)
    os.dup2(instead, descriptor)
    os.close(instead)
    return ours


def _lines(descriptor: int) -> asyncio.Queue[bytes | None]:
    """Lines as they come, None at the end; one longer than allowed is cut and is the last."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[bytes | None] = asyncio.Queue(_MOST_LINES)

    def put(line: bytes | None) -> None:
        if not loop.is_closed():
            asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        rest = bytearray()
        while len(rest) <= MOST_LINE:
            try:
                chunk = os.read(descriptor, _CHUNK)
            except OSError:
                break
            if not chunk:
                break
            rest += chunk
            if b"\n" in chunk:
                *whole, last = bytes(rest).split(b"\n")
                rest = bytearray(last)
                for line in whole:
                    put(line)
        if rest:
            put(bytes(rest))
        put(None)

    threading.Thread(target=read, daemon=True, name="mcp-stdin").start()
    return lines


async def _read(
    lines: asyncio.Queue[bytes | None],
    into: anyio.abc.ObjectSendStream[SessionMessage | Exception],
    answers: anyio.abc.ObjectSendStream[SessionMessage],
    closing: Callable[[], Awaitable[None]],
) -> None:
    async with into, answers:
        while (line := await lines.get()) is not None:
            if len(line) > MOST_LINE:
                await closing()
                raise UsageError(f"the client sent a message of more than {MOST_LINE} bytes")
            if not line.strip():
                continue
            try:
                message = types.jsonrpc_message_adapter.validate_json(
                    line.decode("utf-8", "replace"), by_name=False
                )
            except ValueError:
                await answers.send(SessionMessage(_unread(line)))
            else:
                await into.send(SessionMessage(message))
        await closing()


def _unread(line: bytes) -> types.JSONRPCError:
    """The answer to what is no message: whoever waits for one by its id is not left waiting."""
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    named = cast("dict[str, Any]", found).get("id") if isinstance(found, dict) else None
    is_id = isinstance(named, int | str) and not isinstance(named, bool)
    told = types.ErrorData(code=types.PARSE_ERROR, message="This is no message of the protocol")
    return types.JSONRPCError(jsonrpc="2.0", id=named if is_id else None, error=told)


async def _write(descriptor: int, answers: anyio.abc.ObjectReceiveStream[SessionMessage]) -> None:
    async with answers:
        async for answer in answers:
            text = answer.message.model_dump_json(by_alias=True, exclude_unset=True)
            await asyncio.to_thread(_write_all, descriptor, text.encode() + b"\n")


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    with suppress(BrokenPipeError):  # the client has gone; its input ends, too
        while view:
            view = view[os.write(descriptor, view) :]
