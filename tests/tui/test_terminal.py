"""The terminal while the screen is up and afterwards, tried on a real pseudo-terminal."""

import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

from tests.tui.stage import Rows, typical
from workbench.tui.leaving import farewell
from workbench.tui.state import Board

GUARDED = """
import os, sys
from pathlib import Path
from workbench.tui.terminal import guarded
with guarded(Path(sys.argv[1])):
    os.write(2, b"stray two\\n")
    os.write(1, b"stray one\\n")
    print("stray print")
    sys.__stderr__.write("the screen\\n")
    sys.__stderr__.flush()
    assert os.get_terminal_size(sys.__stdout__.fileno()) is not None
print("afterwards")
"""

RAW = """
import sys, tty
from workbench.tui.terminal import given_back
with given_back():
    tty.setraw(sys.stdin.fileno())
    sys.stdout.write("\\x1b[?1049h\\x1b[?1003h")
    sys.stdout.flush()
    raise SystemExit(3)
"""

GONE = """
import sys
from pathlib import Path
from workbench.tui.terminal import guarded
with guarded(Path(sys.argv[1])):
    print("up", file=sys.__stderr__, flush=True)
    while True:  # until the terminal is gone, and once more
        try:
            last = sys.stdin.read(1) == ""
        except OSError:
            last = True
        sys.__stderr__.write("drawn " * 10_000)
        sys.__stderr__.flush()
        if last:
            break
Path(sys.argv[1]).with_name("drew to the end").touch()
"""


def on_a_terminal(code: str, *arguments: str) -> tuple[str, int, list[object]]:
    """Run a program on a new pseudo-terminal: what it showed, its exit code, the modes it left."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", code, *arguments]
    program = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
    exit_code = program.wait(30)
    modes: list[object] = termios.tcgetattr(follower)
    os.set_blocking(leader, False)
    shown = b""
    with suppress(BlockingIOError):
        while chunk := os.read(leader, 65536):
            shown += chunk
    os.close(leader)
    os.close(follower)
    return shown.decode(), exit_code, modes


def test_stray_output_goes_to_the_log_and_only_the_screen_to_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "state" / "screen.log"
    shown, code, _ = on_a_terminal(GUARDED, str(log))
    assert code == 0, shown
    assert "the screen" in shown
    assert "afterwards" in shown
    assert "stray" not in shown
    assert {"stray one", "stray two"} <= set(log.read_text().split("\n"))
    assert log.stat().st_mode & 0o077 == 0


def test_a_terminal_in_raw_mode_is_given_back_as_it_was() -> None:
    shown, code, modes = on_a_terminal(RAW)
    assert code == 3
    local = modes[3]
    assert isinstance(local, int)
    assert local & termios.ICANON
    assert local & termios.ECHO
    assert "\x1b[?1049l" in shown
    assert "\x1b[?1003l" in shown
    assert "\x1b[?25h" in shown


def test_what_is_drawn_on_a_terminal_that_is_gone_raises_nothing(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", GONE, str(tmp_path / "screen.log")]
    program = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    assert b"up" in os.read(leader, 100)
    os.close(leader)
    program.wait(30)
    assert (tmp_path / "drew to the end").exists()


def test_the_last_words_name_each_run_and_how_to_go_on_with_it() -> None:
    board, rows = Board(), Rows()
    for event in [*typical(rows), rows.row("run.suspended", by="user", reason="closed")]:
        board.fold(event)
    assert farewell(board) == [
        "run a41f77c0  supervisor  suspended",
        "  go on with it: kaizen-tui resume a41f77c0",
    ]


def test_a_run_that_has_ended_is_not_offered_for_resuming() -> None:
    board, rows = Board(), Rows()
    for event in [*typical(rows), rows.row("run.finished", outcome="returned")]:
        board.fold(event)
    assert farewell(board) == ["run a41f77c0  supervisor  returned"]
