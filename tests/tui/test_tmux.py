"""The whole program in a real terminal: start, decide, resize, suspend, end, go on."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
]

ROOT = Path(__file__).parents[2]


class Terminal:
    """A shell in a tmux of its own; what is waited for is looked for, not slept for."""

    def __init__(self, socket: Path, home: Path) -> None:
        self._socket = str(socket)
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
        environment |= {"PS1": "$ ", "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        command = ["new-session", "-d", "-x", "160", "-y", "45", "-c", str(home), "bash --norc"]
        self.tmux(*command, env=environment)

    def tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        command = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.tmux("send-keys", key)

    def line(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def until(self, wanted: str, seconds: float = 20.0) -> str:
        end = time.monotonic() + seconds
        shown = ""
        while time.monotonic() < end:
            shown = self.screen()
            if re.search(wanted, shown):
                return shown
        raise AssertionError(f"{wanted!r} is not on the screen:\n{shown}")

    def repeat(self, key: str, wanted: str, seconds: float = 20.0) -> str:
        """Press a key once a second or so until it did something: allowing waits on purpose."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.keys(key)
            try:
                return self.until(wanted, 1.2)
            except AssertionError:
                continue
        return self.until(wanted, 0.1)


@pytest.fixture
def terminal(tmp_path: Path) -> Generator[Terminal]:
    """A terminal, closed afterwards."""
    found = Terminal(tmp_path / "tmux", tmp_path)
    yield found
    found.tmux("kill-server")


def start(terminal: Terminal) -> None:
    terminal.line(f"clear; {sys.executable} -m workbench tour; echo EXIT $?")
    terminal.until(r"! 1 waiting")


def test_the_tour_is_decided_resized_and_left(terminal: Terminal) -> None:
    start(terminal)
    terminal.keys("F2")
    terminal.until(r"\[y\] Allow once")
    terminal.keys("J", "J", "J")
    terminal.repeat("y", r"perm\.asked +bash_command|bash_command python3")
    terminal.tmux("resize-window", "-x", "80", "-y", "24")
    terminal.until(r"\[3 Trace\]|5 Inbox")
    terminal.tmux("resize-window", "-x", "60", "-y", "15")
    terminal.until("80x24 is the least size")
    terminal.tmux("resize-window", "-x", "160", "-y", "45")
    terminal.until("2 Checkpoints")
    terminal.keys("C-c", "C-c")
    shown = terminal.until(r"EXIT \d+")
    assert "EXIT 0" in shown
    assert re.search(r"go on with it: kaizen-tui resume [0-9a-f]+", shown)


def test_it_goes_into_the_background_and_comes_back(terminal: Terminal) -> None:
    start(terminal)
    terminal.keys("C-z")
    terminal.until(r"Stopped")
    terminal.line("stty -a | grep -c ' icanon'; fg")
    terminal.until(r"! 1 waiting")
    terminal.keys("C-q")
    terminal.until(r"EXIT|go on with it")


def test_a_signal_saves_the_run_and_says_how_to_go_on(terminal: Terminal) -> None:
    start(terminal)
    pane = terminal.tmux("display-message", "-p", "#{pane_pid}").strip()
    child = subprocess.run(["pgrep", "-P", pane], check=True, capture_output=True, text=True)
    os.kill(int(child.stdout.split()[0]), 15)
    shown = terminal.until(r"EXIT \d+")
    assert "EXIT 143" in shown
    assert "suspended" in shown
