"""A program on a pseudo-terminal: what it draws is read, what is typed is written.

The other end of it hears two things of ours: SIGTERM when its page has gone, and the kernel's
SIGHUP when this process has, however it ended.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import struct
import sys
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

LEAVE_S: Final = 12.0
"""The longest a program may take to leave; the screen bounds itself to less."""
CHUNK: Final = 65_536
LAUNCHER: Final = Path(__file__).with_name("own_terminal.py")
OF_ANOTHER_TERMINAL: Final = ("COLUMNS", "LINES", "TMUX", "TMUX_PANE", "STY", "WINDOWID")
"""What describes the terminal that the server was started on, and TERM_… beside it."""


class Terminal:
    """One program and its terminal."""

    def __init__(self, master: int, process: Process) -> None:
        self._master = master
        self._process = process
        self._is_open = True
        self.is_leaving = False
        """Whether it was asked to."""

    @property
    def pid(self) -> int:
        """Of the program, which leads a session of its own."""
        return self._process.pid

    async def output(self) -> AsyncGenerator[bytes]:
        """What is drawn, in portions, until the program and all that share its terminal ended."""
        loop = asyncio.get_running_loop()
        while self._is_open:
            await _ready(self._master, loop.add_reader, loop.remove_reader)
            try:
                chunk = os.read(self._master, CHUNK)
            except BlockingIOError:
                continue
            except OSError:  # EIO: nobody has the terminal any more
                return
            if not chunk:
                return
            yield chunk

    async def type(self, data: bytes) -> None:
        """Write as if it was typed; waits while the program reads nothing."""
        loop = asyncio.get_running_loop()
        while data and self._is_open:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await _ready(self._master, loop.add_writer, loop.remove_writer)
            except OSError:  # it has ended
                return

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program is told."""
        if self._is_open:
            _set_size(self._master, columns, rows)

    def ask_to_leave(self) -> None:
        """Ask the program to save and leave; asked again, it takes less time."""
        self.is_leaving = True
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
                self._process.send_signal(signal.SIGCONT)  # whoever stopped it

    async def left(self, within_s: float = LEAVE_S) -> int:
        """Wait until the program has ended, with force if it takes longer; its exit code."""
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return await self._process.wait()

    def close(self) -> None:
        """Hang up."""
        if self._is_open:
            self._is_open = False
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._master)
            loop.remove_writer(self._master)
            os.close(self._master)


async def start(
    words: Sequence[str], columns: int, rows: int, environ: Mapping[str, str]
) -> Terminal:
    """Start the screen on a terminal of its own.

    Args:
        words: what stands behind ``kaizen-tui``; no shell sees them.
        columns: of the terminal.
        rows: of the terminal.
        environ: of this process.
    """
    master, slave = pty.openpty()
    with ExitStack() as undone:
        undone.callback(os.close, master)
        with ExitStack() as always:
            always.callback(os.close, slave)
            _set_size(master, columns, rows)
            _do_not_echo(slave)
            os.set_blocking(master, False)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(LAUNCHER)),
                # -P: a folder's files are no modules of the program
                *(sys.executable, "-P", "-m", "workbench", *words),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                env=_environment(environ),
            )
        undone.pop_all()
    return Terminal(master, process)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if name not in OF_ANOTHER_TERMINAL and not name.startswith(("TERM_", "TEXTUAL_"))
    }
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def _set_size(descriptor: int, columns: int, rows: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _do_not_echo(descriptor: int) -> None:
    """Keys that come before the screen does are not printed."""
    modes = termios.tcgetattr(descriptor)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, modes)


async def _ready(
    descriptor: int,
    add: Callable[[int, Callable[[], None]], None],
    remove: Callable[[int], bool],
) -> None:
    """Wait until a descriptor can be read or written."""
    is_ready = asyncio.Event()
    add(descriptor, is_ready.set)
    try:
        await is_ready.wait()
    finally:
        remove(descriptor)
