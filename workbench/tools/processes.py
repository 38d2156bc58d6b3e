"""Run one command to its end, within its bounds, and end everything it started.

The command runs below a reaper (`reaper.py`) that is told to clear up by closing its standard
input. So one act ends the whole tree, whether the call is cancelled, takes too long, prints too
much, or the workbench itself is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from workbench.errors import ToolError
from workbench.tools.place import Limits
from workbench.tools.spool import Spool

_REAPER = str(Path(__file__).with_name("reaper.py"))
_FILE_BYTES = 8 * 1024**3
_SPARE_S = 4.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, exactly."""

    argv: tuple[str, ...]
    """The first is what the program is told it is called."""
    program: str
    """The absolute path of the file to execute."""
    folder: Path
    environment: Mapping[str, str]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    exit_code: int
    output: str
    truncated: bool
    duration_s: float


class _Kept:
    """The first and the last part of an output of any length."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._first = bytearray()
        self._last = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self._half - len(self._first)
        if room > 0:
            self._first += data[:room]
            data = data[room:]
        self._last += data[-self._half :]
        if len(self._last) > 4 * self._half:
            del self._last[: -self._half]

    @property
    def left_out(self) -> int:
        return max(0, self.total - 2 * self._half)

    def text(self) -> str:
        return joined(self._first, self._last[-self._half :], self.left_out)


def joined(first: bytes | bytearray, last: bytes | bytearray, left_out: int) -> str:
    """The two kept parts of an output as one text, which says how much lies between them."""
    gap = f"\n[… {left_out} bytes left out …]\n" if left_out else ""
    return first.decode("utf-8", "replace") + gap + last.decode("utf-8", "replace")


class _Watch(asyncio.SubprocessProtocol):
    """Listens to one reaper: keeps its output, knows when it is over."""

    def __init__(
        self, limits: Limits, on_output: Callable[[str], None], spool: Spool | None
    ) -> None:
        loop = asyncio.get_running_loop()
        self.kept = _Kept(limits.output_bytes)
        self.ended: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.flooded: asyncio.Future[None] = loop.create_future()
        self._most = limits.printed_bytes
        self._on_output, self._spool = on_output, spool

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.kept.add(data)
        if self._spool is not None:
            self._spool.add(data)
        if self.kept.total > self._most and not self.flooded.done():
            self.flooded.set_result(None)
        self._on_output(data[-4096:].decode("utf-8", "replace"))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1 and not self.closed.done():
            self.closed.set_result(None)

    def process_exited(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def run(
    command: Command,
    limits: Limits,
    on_output: Callable[[str], None],
    spool: Spool | None = None,
) -> Ended:
    """Run a command; ToolError when it takes too long or prints too much.

    Args:
        command: what to run.
        limits: its bounds.
        on_output: told the newest text it printed.
        spool: keeps what it prints, should this process be killed.
    """
    began = time.monotonic()
    transport, watch = await _start(command, limits, on_output, spool)
    if spool is not None:
        spool.began(transport.get_pid())
    done: set[asyncio.Future[None]] = set()
    try:
        done, _ = await asyncio.wait(
            {watch.ended, watch.flooded},
            timeout=command.timeout_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
    except asyncio.CancelledError:
        if not watch.ended.done():
            raise
        done = {watch.ended}  # by itself, in the same moment: then that is how it ended
    finally:
        await _clear_up(transport, watch, limits)
    if watch.flooded in done:
        raise _stopped(f"printed more than {limits.printed_bytes} bytes", watch)
    if not done:
        raise _stopped(f"took longer than {command.timeout_s:g} s", watch)
    code = cast("int", transport.get_returncode())
    code = code if code >= 0 else 128 - code
    if spool is not None:
        spool.ended(code)
    return Ended(
        exit_code=code,
        output=watch.kept.text(),
        truncated=watch.kept.left_out > 0,
        duration_s=round(time.monotonic() - began, 3),
    )


async def _start(
    command: Command, limits: Limits, on_output: Callable[[str], None], spool: Spool | None
) -> tuple[asyncio.SubprocessTransport, _Watch]:
    argv: Sequence[str] = (
        sys.executable, "-I", "-S", _REAPER, f"{limits.grace_s}", f"{_FILE_BYTES}",
        command.program, *command.argv,
    )  # fmt: skip
    try:
        return await asyncio.get_running_loop().subprocess_exec(
            lambda: _Watch(limits, on_output, spool),
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=command.folder,
            env=dict(command.environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ToolError(f"cannot start {command.argv[0]!r}: {error}") from error


async def _clear_up(transport: asyncio.SubprocessTransport, watch: _Watch, limits: Limits) -> None:
    """See the whole tree end, however often this is cancelled meanwhile."""
    ending = asyncio.ensure_future(_end(transport, watch, limits))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled:
        raise cancelled


async def _end(transport: asyncio.SubprocessTransport, watch: _Watch, limits: Limits) -> None:
    control = transport.get_pipe_transport(0)
    if control is not None:
        control.close()
    await asyncio.wait({watch.ended}, timeout=limits.grace_s + _SPARE_S)
    if not watch.ended.done():
        _kill_group(transport.get_pid())
        await asyncio.wait({watch.ended}, timeout=_SPARE_S)
    # What the tree printed last is still in the pipe; who holds it open beyond is not waited for.
    await asyncio.wait({watch.closed}, timeout=1.0)
    transport.close()


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _stopped(why: str, watch: _Watch) -> ToolError:
    """The error of a command that was ended: what it printed last goes with it."""
    text = watch.kept.text()
    tail = text[-1500:].strip()
    said = f"; it printed last:\n{tail}" if tail else ""
    return ToolError(f"the command {why} and was ended{said}", output=text)
