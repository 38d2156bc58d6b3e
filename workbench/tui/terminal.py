"""The terminal while the screen is up: nothing else writes to it, and it is given back whole.

Libraries and child processes write to file descriptors 1 and 2 when they please, and one line of
theirs ruins the picture. So both go to a log file as long as the screen is up, and the screen
itself draws on a copy of the terminal's descriptor. Whatever happens, the modes a full-screen
program switches on are switched off again at the end.
"""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from errno import EIO
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import Any

GIVE_BACK = (
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # mouse
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus, resize reports
    "\x1b[<u\x1b[?1049l\x1b[?25h\x1b[0m"  # keyboard protocol, alternate screen, cursor, colours
)
"""Switches off everything Textual may have switched on; harmless when it did not."""


@contextmanager
def guarded(log: Path) -> Generator[None]:
    """Send stray output to ``log`` while the screen is up; the screen keeps the terminal.

    Textual draws on ``sys.__stderr__`` and asks ``sys.__stdout__`` for the size, so those two
    names get the copy of the terminal and the descriptors get the file.
    """
    if not os.isatty(2) or not os.isatty(1):
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    saved = os.dup(1), os.dup(2)
    before = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    screen_out, screen_err = _writer(os.dup(saved[0])), _writer(os.dup(saved[1]))
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    os.close(sink)
    sys.__stdout__, sys.__stderr__ = screen_out, screen_err  # type: ignore[misc] # Textual's names
    try:
        yield
    finally:
        with suppress(OSError):  # the terminal may be gone
            screen_err.flush()
            screen_out.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = before  # type: ignore[misc]
        for descriptor in saved:
            os.close(descriptor)
        for screen in (screen_out, screen_err):
            with suppress(OSError):
                screen.close()


@contextmanager
def given_back() -> Generator[Callable[[], None]]:
    """Restore the terminal's modes at the end, however it comes; yields what does it."""
    if not sys.stdin.isatty():
        yield lambda: None
        return
    descriptor = sys.stdin.fileno()
    modes = termios.tcgetattr(descriptor)

    def give_back() -> None:
        with suppress(OSError, termios.error):  # it may be gone
            os.write(descriptor, GIVE_BACK.encode())
            # Keys that were meant for the screen are not left to the shell.
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, modes)

    try:
        yield give_back
    finally:
        give_back()


class _Drawn(FileIO):
    """What is drawn on: once the terminal is gone, it goes nowhere.

    The thread that draws would end at the error, and whoever has more to draw wait for it for ever.
    """

    def write(self, data: Any, /) -> int:
        """Write, or lose it with the terminal."""
        try:
            return super().write(data)
        except OSError as error:
            if error.errno != EIO:
                raise
            return len(data)


def _writer(descriptor: int) -> TextIOWrapper:
    drawn = BufferedWriter(_Drawn(descriptor, "w"))
    return TextIOWrapper(drawn, encoding="utf-8", errors="replace")
