"""Speak with a server over its standard input and output, and see all of it end.

Not ``mcp``'s own transport, because that one keeps a line of any length, passes the server's
errors on to our terminal, and tells nobody when the server ends by itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.errors import ToolError
from workbench.plain import one_line

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

MOST_MESSAGE_BYTES: Final = 16 * 1024 * 1024
"""One message of a server."""
MOST_BETWEEN_BYTES: Final = 64 * 1024 * 1024
"""All it may send while it answers nothing."""
MOST_BETWEEN_LINES: Final = 100_000
_CHUNK: Final = 64 * 1024
_KEPT_OF_ERRORS: Final = 2_000
_GRACE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Started:
    """What to start, exactly."""

    argv: tuple[str, ...]
    program: str
    folder: Path
    environment: Mapping[str, str] = field(repr=False)


@dataclass(slots=True)
class Heard:
    """What became of the other side, for whoever waits for an answer."""

    ended: Callable[[], None]
    """Told when it cannot be spoken with any more."""
    why: str = ""
    """Why we ended it, if we did."""
    errors: bytearray = field(default_factory=bytearray)
    """The last of what it wrote to its standard error."""
    between_bytes: int = 0
    between_lines: int = 0

    @property
    def last_words(self) -> str:
        """The end of what it wrote there, on one line; empty if nothing."""
        text = self.errors.decode("utf-8", "replace").strip()
        return one_line(text[-400:]) if text else ""

    def bears(self, data: int, lines: int, message: int) -> bool:
        """Count what came in; False, and why, when that is too much."""
        self.between_bytes += data
        self.between_lines += lines
        if message > MOST_MESSAGE_BYTES:
            self.why = f"sent a message of more than {MOST_MESSAGE_BYTES} bytes"
        elif self.between_lines > MOST_BETWEEN_LINES:
            self.why = f"sent more than {MOST_BETWEEN_LINES} lines and answered nothing"
        elif self.between_bytes > MOST_BETWEEN_BYTES:
            self.why = f"sent more than {MOST_BETWEEN_BYTES} bytes and answered nothing"
        return not self.why


@asynccontextmanager
async def spoken(start: Started, heard: Heard) -> AsyncGenerator[TransportStreams]:
    """Start a server, and end all of it afterwards. Raises ToolError when it does not start."""
    import anyio  # noqa: PLC0415 - comes with mcp, at first need
    from mcp.shared.message import SessionMessage  # noqa: PLC0415

    process = await _start(start)
    into, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](64)
    outbox, out_of = anyio.create_memory_object_stream[SessionMessage](0)

    async def read() -> None:
        async with into:
            try:
                await _read(process, heard, into.send)
            finally:
                heard.ended()

    async def write() -> None:
        assert process.stdin is not None
        async with out_of:
            async for message in out_of:
                data = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                with suppress(ConnectionError):  # the reader sees its end
                    process.stdin.write(data.encode() + b"\n")
                    await process.stdin.drain()

    tasks = [asyncio.create_task(one) for one in (read(), write(), _keep_errors(process, heard))]
    try:
        yield inbox, outbox
    finally:
        await _see_end(process, tasks)
        inbox.close()
        outbox.close()


async def _start(start: Started) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *start.argv,
            executable=start.program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=start.folder,
            env=dict(start.environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolError(f"cannot start {start.argv[0]!r}: {error}") from error


async def _read(process: Process, heard: Heard, deliver: Callable[[Any], Any]) -> None:
    """Deliver each message; ends with the server, or ends it when it sends too much."""
    import anyio  # noqa: PLC0415

    assert process.stdout is not None
    kept = bytearray()
    while data := await process.stdout.read(_CHUNK):
        kept += data
        if not heard.bears(len(data), data.count(b"\n"), len(kept)):
            _signal(process, signal.SIGKILL)
            return
        if b"\n" not in data:
            continue
        *lines, kept = kept.split(b"\n")
        for line in lines:
            message = _parsed(bytes(line), heard)
            if message is None:
                continue
            try:
                await deliver(message)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                return


def _parsed(line: bytes, heard: Heard) -> Any:
    """A message, or None for a line that is none: some servers print to where they should not."""
    import mcp_types as types  # noqa: PLC0415
    from mcp.shared.message import SessionMessage  # noqa: PLC0415

    try:
        message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError:
        return None
    if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
        heard.between_bytes = heard.between_lines = 0
    return SessionMessage(message)


async def _keep_errors(process: Process, heard: Heard) -> None:
    assert process.stderr is not None
    while data := await process.stderr.read(_CHUNK):
        heard.errors += data
        del heard.errors[:-_KEPT_OF_ERRORS]


async def _see_end(process: Process, tasks: list[asyncio.Task[None]]) -> None:
    """End the server as the protocol wants it, then by force; however often this is cancelled."""
    ending = asyncio.ensure_future(_end(process))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if cancelled:
        raise cancelled


async def _end(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            _signal(process, number)
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
                break
    _signal(process, signal.SIGKILL)  # whatever it has left behind in its session


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
