"""Textual's driver for terminals, mended where it meets signals and the alt key."""

from __future__ import annotations

import os
from typing import Any, cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.drivers.linux_driver import LinuxDriver


def is_job() -> bool:
    """Whether a shell has started this as a job and takes the terminal while it is stopped.

    Otherwise (a page's program, a terminal's or a container's only one) nobody would ever have it
    go on: the group of processes is the one that leads the session.
    """
    return os.getpgrp() != os.getsid(0)


class TerminalDriver(LinuxDriver):
    """Comes back once from being stopped, whoever stopped it and however often."""

    def start_application_mode(self) -> None:
        """Take the terminal; alt and a digit are what they are.

        Terminals send an escape before the digit, which Textual takes for the sign that macOS
        types with it; a terminal of macOS sends that sign itself, so nothing is lost.
        """
        known = cast("dict[str, Any]", ANSI_SEQUENCES_KEYS)
        for digit in "0123456789":
            known.pop(f"\x1b{digit}", None)
        super().start_application_mode()

    def _sigcont_application(self, *_: object) -> None:
        """It goes on. Left to the loop: what was interrupted may hold the writer's lock."""
        if self._auto_restart:
            self._loop.call_soon_threadsafe(self._take_terminal_again)

    def _take_terminal_again(self) -> None:
        """Draw anew.

        After a SIGSTOP, which nobody sees coming, application mode was never left: Textual would
        start a second thread that reads keys beside the first, and each would get half of them.
        """
        if self._key_thread is not None and self._key_thread.is_alive():
            self.suspend_application_mode()
        self.resume_application_mode()
        resumed = getattr(self._app, "came_back", None)
        if resumed is not None:
            resumed()
