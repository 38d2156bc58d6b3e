"""A whole day in a terminal, by keys alone: decide, deny, edit, be killed, go on, fork, leave."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.tui.tmux import BOUND_S, Terminal, in_tmux

pytestmark = [*in_tmux, pytest.mark.timeout(240)]

PROGRAM = f"{sys.executable} -m workbench"
FILES = ("first.txt", "second.txt", "third.txt", "fourth.txt")


def _writes(number: int, name: str) -> dict[str, object]:
    call = {"tool": "write_file", "arguments": {"path": name, "content": "by the agent"}}
    return {"agent": "worker", "when": {"round": number}, "calls": [call]}


@pytest.fixture(params=["80x24", "120x40", "200x60"])
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Generator[Terminal]:
    """A terminal in a folder with a playbook: an agent that writes four files."""
    answers = [*map(_writes, range(4), FILES), {"text": "all done"}]
    playbook = {"playbook": "stage", "answers": answers}
    (tmp_path / "stage.playbook.yaml").write_text(json.dumps(playbook))
    (tmp_path / "go.kz").write_text(
        "model playbook:stage\n"
        'agent define worker "task: str -> text: str" tools=\'["write_file"]\' max_rounds=9\n'
        'ask worker "write four files"\n'
    )
    found = Terminal(tmp_path / "tmux", tmp_path, request.param)
    yield found
    found.tmux("kill-server")


def go_to(terminal: Terminal, file: str) -> None:
    """To the request about a file, read to its end."""
    terminal.repeat("F2", rf"(?s)path\s+(│\s*)*{re.escape(file)}.*\[y\] ?Allow")
    terminal.keys("J", "J", "J")


def statuses(folder: Path) -> list[str]:
    """How the runs of the agent stand, oldest first."""
    found = _found(folder, "SELECT status FROM run_states WHERE pattern = 'ask' ORDER BY rowid")
    return [str(status) for (status,) in found]


def answers(folder: Path) -> list[tuple[str, str]]:
    """What was answered, and for what reason."""
    found = _found(folder, "SELECT data FROM log WHERE kind = 'approval.answered' ORDER BY id")
    rows = [json.loads(str(data)) for (data,) in found]
    return [(row["verdict"], row.get("reason", "")) for row in rows]


def _found(folder: Path, query: str) -> list[tuple[object, ...]]:
    (database,) = folder.glob(".local/share/kaizen-tui/workspaces/*/workbench.db")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as link:
        return link.execute(query).fetchall()


def test_a_run_is_decided_killed_resumed_and_forked(terminal: Terminal, tmp_path: Path) -> None:
    first, second, third, fourth = (tmp_path / name for name in FILES)
    terminal.line(f"clear; {PROGRAM} --script go.kz --screen; echo EXIT $?")
    go_to(terminal, "first.txt")
    terminal.press_until("y", first.exists)

    go_to(terminal, "second.txt")
    terminal.keys("d")
    terminal.until("why not")
    terminal.type("not this one")
    terminal.keys("Enter")
    assert terminal.wait(lambda: len(answers(tmp_path)) == 2, BOUND_S), terminal.screen()
    assert answers(tmp_path)[1] == ("deny", "not this one")

    go_to(terminal, "third.txt")
    terminal.repeat("e", r'"path": "third.txt"')
    terminal.keys("Down", "End", "BSpace", "BSpace")
    terminal.until(r'"by the agent *│')
    terminal.type(', edited",')
    terminal.until(r'edited",')
    terminal.keys("C-s")
    terminal.until("edited by you|allows the edited call")
    terminal.keys("J", "J", "J")
    terminal.press_until("y", third.exists)
    assert not second.exists()

    go_to(terminal, "fourth.txt")
    os.kill(terminal.child, 9)
    terminal.until(r"EXIT 137")
    assert not fourth.exists()

    terminal.line(f"reset; clear; {PROGRAM}; echo EXIT $?")
    terminal.until("6 >")
    terminal.keys("F3")
    terminal.until(r"Runs  \d")
    terminal.repeat("r", r"! 1 waiting")
    go_to(terminal, "fourth.txt")
    terminal.press_until("y", fourth.exists)
    terminal.wait(lambda: statuses(tmp_path) == ["returned"], BOUND_S)
    assert third.read_text() == "by the agent, edited"
    assert not second.exists()

    terminal.repeat("M-2", "f fork")
    terminal.keys("g", "j", "f")
    terminal.until("ctrl.s")
    terminal.keys("C-s")
    terminal.wait(lambda: len(statuses(tmp_path)) == 2, BOUND_S)
    assert len(statuses(tmp_path)) == 2
    terminal.keys("C-c", "C-c")
    shown = terminal.until(r"EXIT \d+")
    assert "EXIT 0" in shown


def test_two_hundred_sizes_down_to_one_cell_leave_it_alive(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.line(f"clear; {PROGRAM} --script go.kz --screen; echo EXIT $?")
    terminal.until("! 1 waiting")
    for number in range(200):
        terminal.resize(1 + number * 37 % 211, 1 + number * 17 % 61)
    terminal.resize(1, 1)
    terminal.resize(120, 40)
    terminal.until("! 1 waiting")
    go_to(terminal, "first.txt")
    terminal.press_until("y", (tmp_path / "first.txt").exists)
    terminal.keys("C-q")
    assert "EXIT 0" in terminal.until(r"EXIT \d+")


@pytest.mark.parametrize("term", ["xterm", "dumb", "vt100", "linux"])
def test_poor_terminals_get_a_screen_or_a_sentence(tmp_path: Path, term: str) -> None:
    terminal = Terminal(tmp_path / "tmux", tmp_path, "100x30", term)
    try:
        terminal.line(f"clear; {PROGRAM} tour; echo EXIT $?")
        shown = terminal.until(r"! 1 waiting|EXIT \d+")
        if "EXIT" not in shown:
            terminal.keys("C-c", "C-c")
            shown = terminal.until(r"EXIT \d+")
        assert "Traceback" not in shown
        assert re.search(r"EXIT [02]", shown)
    finally:
        terminal.tmux("kill-server")
