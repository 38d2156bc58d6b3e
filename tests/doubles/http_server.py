"""A small HTTP/1.1 server on loopback whose every byte a test can decide.

Plain asyncio in a thread of its own: a framework would mend what a test wants broken (a stream
that stops in mid-chunk, an answer that is no HTTP). Subclasses speak one protocol each.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, Self

FaultKind = Literal[
    "hang",
    "hang_midway",
    "reset",
    "status",
    "malformed",
    "truncated",
    "cut",
    "garbage",
    "error_midway",
    "empty",
    "html",
    "redirect",
]
"""``hang``: takes the request and stays silent · ``hang_midway``: the same after some pieces ·
``reset``: hangs up · ``status``: an HTTP error · ``malformed``: a piece that is not JSON ·
``truncated``: the stream ends properly, but before its last piece · ``cut``: the connection dies in
mid-stream · ``garbage``: not HTTP · ``error_midway``: an error object in the stream · ``empty``: a
whole answer with nothing in it · ``html``: a page, as a proxy's log-in · ``redirect``: to
``message``."""


@dataclass(frozen=True, slots=True)
class Say:
    """One scripted answer."""

    text: str = ""
    calls: tuple[tuple[str, Any], ...] = ()
    """(tool, arguments); arguments that are text are sent as they are."""
    thinking: str = ""
    tokens: tuple[int, int] = (10, 5)
    finish: str = ""
    pause_s: float = 0.0
    """Before each piece: a slow drip."""
    call_ids: tuple[str, ...] = ()
    """Instead of unique ones."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted failure."""

    kind: FaultKind
    status: int = 500
    message: str = "scripted failure"
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Out:
    """The way back to one client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: threading.Event
    """Set when a client went away before its answer was whole."""
    chunked: bool = False

    async def whole(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self._head(status, {"content-length": str(len(data)), **(headers or {})})
        self.writer.write(data)
        await self.writer.drain()

    async def start(self, kind: str) -> None:
        self._head(200, {"transfer-encoding": "chunked", "content-type": kind})
        self.chunked = True
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        self.writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until_left(self) -> None:
        await self.reader.read()
        self.left.set()

    async def pause(self, seconds: float) -> bool:
        """Wait, unless the client leaves first; whether it is still there."""
        try:
            async with asyncio.timeout(seconds):
                await self.until_left()
        except TimeoutError:
            return True
        return False

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{k}: {v}" for k, v in headers.items())]
        if not any(k.lower() == "content-type" for k in headers):
            lines.append("content-type: application/json")
        self.writer.write("\r\n".join([*lines, "", ""]).encode())


@dataclass(slots=True)
class HttpServer:
    """Answers from ``script`` in order, then what the protocol says by default."""

    script: deque[Say | Fault] = field(default_factory=deque[Say | Fault])
    requests: list[Asked] = field(default_factory=list[Asked])
    left: threading.Event = field(default_factory=threading.Event)
    came: threading.Event = field(default_factory=threading.Event)
    """Set when the first request came."""
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def then(self, *steps: Say | Fault) -> Self:
        """Add to the script."""
        self.script.extend(steps)
        return self

    def bodies(self, path: str) -> list[Any]:
        """What was posted to a path."""
        return [asked.body for asked in self.requests if asked.path == path]

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close on the loop's next rounds

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while asked := await _read(reader):
                self.requests.append(asked)
                self.came.set()
                out = Out(reader, writer, self.left)
                await self.answer(asked, out)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def answer(self, asked: Asked, out: Out) -> None:
        """Answer one request; protocols say how."""
        raise NotImplementedError

    def pieces(self, say: Say, body: Any) -> list[bytes]:
        """A streamed answer, piece by piece; the last one closes it."""
        raise NotImplementedError

    def broken(self, message: str) -> bytes:
        """An error in mid-stream."""
        raise NotImplementedError

    async def play(self, step: Say | Fault, body: Any, out: Out, kind: str) -> None:
        """Stream an answer, or fail as told."""
        if isinstance(step, Say):
            await out.start(kind)
            for piece in self.pieces(step, body):
                if step.pause_s and not await out.pause(step.pause_s):
                    return
                await out.send(piece)
            await out.end()
            return
        await self._fail(step, body, out, kind)

    async def _fail(self, fault: Fault, body: Any, out: Out, kind: str) -> None:
        if fault.kind == "status":
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            await out.whole(fault.status, self.refusal(fault), headers)
        elif fault.kind == "redirect":
            await out.whole(302, {}, {"location": fault.message})
        elif fault.kind == "html":
            page = b"<!doctype html><title>Log in</title><form>Who are you?</form>\n"
            await out.whole(200, page, {"content-type": "text/html; charset=utf-8"})
        elif fault.kind == "hang":
            await out.until_left()
        elif fault.kind == "reset":
            out.writer.transport.abort()
        elif fault.kind == "garbage":
            await out.raw(b"\x00\xff\x13 no protocol at all \r\n\r\n")
            out.writer.close()
        elif fault.kind == "empty":
            await self.play(Say(), body, out, kind)
        else:
            await self._fail_midway(fault, body, out, kind)

    async def _fail_midway(self, fault: Fault, body: Any, out: Out, kind: str) -> None:
        await out.start(kind)
        for piece in self.pieces(Say("a part of an answer"), body)[:2]:
            await out.send(piece)
        if fault.kind == "hang_midway":
            await out.until_left()
        elif fault.kind == "malformed":
            await out.send(self.framed(b'{"message": {"content": '))
            await out.end()
        elif fault.kind == "error_midway":
            await out.send(self.broken(fault.message))
            await out.end()
        elif fault.kind == "cut":
            await out.raw(b"ff\r\n{")
            out.writer.transport.abort()
        else:
            await out.end()

    def framed(self, data: bytes) -> bytes:
        """One piece in the protocol's frame."""
        return data + b"\n"

    def refusal(self, fault: Fault) -> Any:
        """The body of an HTTP error."""
        return {"error": fault.message}


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readline()
    if not head.strip():
        return None
    method, path, _ = head.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    data = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, json.loads(data) if data else None)


def free_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def words(text: str) -> list[str]:
    """A text in the pieces it is streamed in."""
    return [f"{word} " for word in text.split(" ")[:-1]] + text.split(" ")[-1:] if text else []
