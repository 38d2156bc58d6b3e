"""The whole program in a real terminal: start, decide, resize, suspend, end, go on."""

import os
import re
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.tui.tmux import Terminal, in_tmux

pytestmark = in_tmux


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
    terminal.resize(80, 24)
    terminal.until(r"\[3 Trace\]|5 Inbox")
    terminal.resize(60, 15)
    terminal.until("80x24 is the least size")
    terminal.resize(160, 45)
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
    os.kill(terminal.child, 15)
    shown = terminal.until(r"EXIT \d+")
    assert "EXIT 143" in shown
    assert "suspended" in shown
