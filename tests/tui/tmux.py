"""A shell in a tmux of its own: keys go in, what is on the screen is looked at."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import PAUSE

ROOT = Path(__file__).parents[2]
BOUND_S = 30.0

in_tmux = [
    pytest.mark.tmux,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]


class Terminal:
    """A shell in a tmux of its own; what is waited for is looked for, not slept for."""

    def __init__(
        self, socket: Path, home: Path, size: str = "160x45", term: str = "xterm-256color"
    ) -> None:
        self._socket = str(socket)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
        environment |= {"PS1": "$ ", "LANG": "C.UTF-8", "TERM": term}
        width, height = size.split("x")
        start = f"TERM={term} exec bash --norc"
        command = ["new-session", "-d", "-x", width, "-y", height, "-c", str(home), start]
        self.tmux(*command, env=environment)

    def tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", key)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def line(self, text: str) -> None:
        self.type(text)
        self.keys("Enter")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def resize(self, width: int, height: int) -> None:
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    @property
    def child(self) -> int:
        """The process that the shell has started."""
        pane = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", pane], check=True, capture_output=True, text=True)
        return int(found.stdout.split()[0])

    def wait(self, done: Callable[[], bool], seconds: float) -> bool:
        """Whether something became so within a time."""
        end = time.monotonic() + seconds
        while not (found := done()) and time.monotonic() < end:
            PAUSE.wait(0.05)
        return found

    def until(self, wanted: str, seconds: float = BOUND_S) -> str:
        end = time.monotonic() + seconds
        shown = ""
        while time.monotonic() < end:
            shown = self.screen()
            if re.search(wanted, shown):
                return shown
        raise AssertionError(f"{wanted!r} is not on the screen:\n{shown}")

    def press_until(self, key: str, done: Callable[[], bool]) -> None:
        """Press a key once a second or so until it did something: allowing waits on purpose."""
        end = time.monotonic() + BOUND_S
        self.keys(key)
        while not self.wait(done, 1.2):
            assert time.monotonic() < end, self.screen()
            self.keys(key)

    def repeat(self, key: str, wanted: str) -> str:
        """Press a key until the screen shows something; the screen then."""
        self.press_until(key, lambda: re.search(wanted, self.screen()) is not None)
        return self.screen()
