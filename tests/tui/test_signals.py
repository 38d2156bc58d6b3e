"""The screen on a terminal that is signalled, closed and stopped: saved, given back, gone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGINT, SIGSTOP, SIGTERM, Signals

import pytest

from tests.processes import PAUSE, Terminal, runs, until_it_heeds, workspace

pytestmark = [pytest.mark.slow, pytest.mark.tmux]

BLOCKED = "run blocked\n"
ASKED = "run deleting\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a workspace."""
    return tmp_path


def opened(folder: Path, script: str, *, owns: bool = True) -> Terminal:
    """The screen, once the run of a script's line goes on."""
    environment = workspace(folder)
    (folder / "work" / "one.kz").write_text(script, encoding="utf-8")
    found = Terminal(folder, environment, "--script", "one.kz", "--screen", owns=owns)
    if script == ASKED:
        found.until("1 waiting")
    found.until_runs("running", "running")
    return found


def rest(folder: Path) -> None:
    """Everything was saved: nothing goes on, and nothing that was asked was done."""
    assert {state for _, state in runs(folder)} == {"suspended"}
    assert (folder / "work" / "precious").read_text() == "gold"


def _terminated(terminal: Terminal) -> None:
    terminal.signal(SIGTERM)


def _terminated_often(terminal: Terminal) -> None:
    for _ in range(50):
        terminal.signal(SIGTERM)


def _quit(terminal: Terminal) -> None:
    terminal.press("\x11")


def _interrupted_often(terminal: Terminal) -> None:
    for _ in range(50):
        terminal.press("\x03")


@pytest.mark.parametrize(
    ("act", "code"),
    [(_terminated, 143), (_terminated_often, 143), (_quit, 0), (_interrupted_often, 0)],
)
def test_left_with_a_blocked_thread_it_saves_and_gives_the_terminal_back(
    folder: Path, act: Callable[[Terminal], None], code: int
) -> None:
    terminal = opened(folder, BLOCKED)
    act(terminal)
    found, took_s = terminal.ended()
    assert found == code, terminal.text[-3000:]
    assert took_s < 10
    assert terminal.is_given_back()
    rest(folder)
    for run_id, _ in runs(folder):
        terminal.until(f"go on with it: kaizen-tui resume {run_id}")


@pytest.mark.parametrize("owns", [True, False], ids=["its own", "handed in"])
def test_a_terminal_closed_in_the_middle_of_an_approval_saves_and_ends(
    folder: Path, owns: bool
) -> None:
    terminal = opened(folder, ASKED, owns=owns)
    terminal.hang_up()
    code, took_s = terminal.ended()
    assert code == 128 + SIGHUP
    assert took_s < 10
    rest(folder)


def test_two_interrupts_from_outside_leave_with_their_code(folder: Path) -> None:
    terminal = opened(folder, BLOCKED)
    terminal.signal(SIGINT)
    terminal.until("esc again to stop now")
    terminal.signal(SIGINT)
    terminal.signal(SIGINT)
    code, _ = terminal.ended()
    assert code == 128 + SIGINT
    assert terminal.is_given_back()
    rest(folder)


def test_stopped_and_continued_it_draws_anew_and_reads_keys_once(folder: Path) -> None:
    terminal = opened(folder, BLOCKED)
    before = len(list(Path(f"/proc/{terminal.pid}/task").iterdir()))
    for _ in range(4):
        drawn = len(terminal.text)
        terminal.signal(SIGSTOP)
        terminal.until_state("T")
        terminal.signal(SIGCONT)
        terminal.until("\x1b[?1049h", since=drawn)
    terminal.press("?")
    terminal.until("Everywhere")
    # A reader and a writer more for each time, it would be; one or two may have come by themselves.
    assert len(list(Path(f"/proc/{terminal.pid}/task").iterdir())) <= before + 2
    terminal.signal(SIGTERM)
    assert terminal.ended()[0] == 143
    assert terminal.is_given_back()


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.6])
def test_a_signal_while_it_starts_ends_it(folder: Path, number: Signals, after_s: float) -> None:
    terminal = Terminal(folder, workspace(folder))
    until_it_heeds(terminal.pid)
    PAUSE.wait(after_s)  # there is nothing to wait for: any moment of the start will do
    terminal.signal(number)
    if number == SIGINT:  # which only stops runs, once the screen is there
        PAUSE.wait(0.2)
        terminal.signal(number)
    code, _ = terminal.ended()
    assert code in {128 + number, -number}
    assert terminal.is_given_back()
