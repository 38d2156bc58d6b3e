"""Real processes that are signalled: saved, out in time, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGINT, SIGPIPE, SIGSTOP, SIGTERM

import pytest

from tests.processes import (
    PAUSE,
    Headless,
    Terminal,
    is_in,
    marked,
    rows,
    runs,
    until,
    until_it_heeds,
    workspace,
)

pytestmark = pytest.mark.slow

STUBBORN = """\
import os, signal, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with a workspace."""
    return tmp_path


def crowd(folder: Path, reading: int, threads: int) -> tuple[list[str], str]:
    """A script that has many effects running, without a sandbox; and the stubborn one's mark."""
    mark = f"mark-{folder.name}"
    os.mkfifo(folder / "work" / "pipe")
    (folder / "work" / "stubborn.py").write_text(STUBBORN, encoding="utf-8")
    (folder / "settings.toml").write_text("[features]\nsandbox = false\n", encoding="utf-8")
    (folder / "work" / "many.kz").write_text(
        f'approve tool=bash_command argv=["python3","stubborn.py","{mark}"]\n'
        'approve tool=bash_command argv=["cat","pipe"]\n'
        f"run crowd reading={reading} threads={threads}"
        f' command="python3 stubborn.py {mark}"\n',
        encoding="utf-8",
    )
    return ["--script", "many.kz", "--config", str(folder / "settings.toml")], mark


def readers(folder: Path) -> int:
    """How many commands read the workspace's pipe."""
    return sum(is_in(pid, folder / "work") for pid in marked("pipe"))


def test_sigterm_with_a_hundred_running_effects_is_out_in_time_and_leaves_no_process(
    folder: Path,
) -> None:
    environment = workspace(folder)
    words, mark = crowd(folder, 80, 20)
    program = Headless(folder, environment, *words)
    until(lambda: (len(marked(mark)), readers(folder)) == (2, 80), "all of them")
    program.signal(SIGTERM)
    code, took_s, out, err = program.ended()
    assert (code, marked(mark), readers(folder)) == (128 + SIGTERM, [], 0)
    assert took_s < 10
    assert "outcome: suspended" in out
    assert err.strip().endswith("go on with it: kaizen-tui " + " ".join([*words, "--resume"]))
    assert [state for _, state in runs(folder)] == ["suspended", "suspended"]
    ended = Counter((row["effect"], row["end"]) for row in rows(folder, "attempt.ended"))
    assert ended == {("tool", "stopped"): 81, ("call", "unknown"): 20, ("line", "stopped"): 1}


def test_killing_the_reaper_ends_the_command_below_it(folder: Path) -> None:
    environment = workspace(folder)
    words, mark = crowd(folder, 0, 0)
    program = Headless(folder, environment, *words)
    until(lambda: len(marked(mark)) == 2, "it runs")
    first = min(marked(mark))
    parent = int(Path(f"/proc/{first}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(parent, signal.SIGKILL)
    until(lambda: first not in marked(mark), "gone with it")
    program.signal(SIGTERM)
    program.ended()
    for left in marked(mark):  # who began a session of its own is out of reach then
        os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize(
    "storm", [[SIGINT], [SIGINT] * 2, [SIGINT, SIGTERM] * 100, [SIGHUP]], ids=len
)
def test_an_interrupted_script_goes_on_and_does_the_rest_once(
    folder: Path, storm: list[signal.Signals]
) -> None:
    environment = workspace(folder)
    (folder / "work" / "both.kz").write_text(
        "run lines name=back count=20 &\nrun lines name=front count=20\nwait\n", encoding="utf-8"
    )
    lines = folder / "work" / "lines"
    program = Headless(folder, environment, "--script", "both.kz")
    until(lambda: lines.exists() and lines.read_text().count("\n") > 4, "lines")
    for number in storm:
        program.signal(number)
    code, _, _, err = program.ended()
    assert code in {128 + number for number in storm}
    assert "go on with it: kaizen-tui --script both.kz --resume" in err
    assert {state for _, state in runs(folder)} == {"suspended"}
    code, _, _, err = Headless(folder, environment, "--script", "both.kz", "--resume").ended()
    written = lines.read_text().splitlines()
    assert len(written) == len(set(written))
    if storm == [SIGINT]:
        assert (code, len(written)) == (0, 40), err
    else:  # a function that was stopped in its thread is in doubt
        assert code in {0, 7}, err


def test_stopped_and_continued_it_goes_on(folder: Path) -> None:
    environment = workspace(folder)
    program = Headless(folder, environment, "run", "lines", "name=a", "count=20")
    lines = folder / "work" / "lines"
    until(lines.exists, "lines")
    for _ in range(5):
        program.signal(SIGSTOP)
        program.signal(SIGCONT)
    assert program.ended()[0] == 0
    assert len(lines.read_text().splitlines()) == 20


def test_a_reader_that_goes_away_suspends_the_run(folder: Path) -> None:
    words = ["run", "lines", "name=a", "count=200", "--output", "jsonl"]
    program = Headless(folder, workspace(folder), *words)
    assert program.process.stdout is not None
    program.process.stdout.readline()
    program.process.stdout.close()
    assert program.process.stderr is not None
    assert "SIGPIPE" in program.process.stderr.read()
    program.process.stderr.close()
    assert program.process.wait(40) == 128 + SIGPIPE
    assert [state for _, state in runs(folder)] == ["suspended"]


def test_a_run_under_nohup_outlives_its_terminal(folder: Path) -> None:
    environment = workspace(folder)
    command = f"trap '' HUP; exec {sys.executable} -m workbench run lines name=a count=20"
    program = subprocess.Popen(
        ["bash", "-c", command], cwd=folder / "work", env=environment, stdout=subprocess.DEVNULL
    )
    until((folder / "work" / "lines").exists, "lines")
    program.send_signal(SIGHUP)
    assert program.wait(40) == 0


@pytest.mark.parametrize("words", [["run", "blocked"], ["runs"]])
@pytest.mark.parametrize("number", [SIGTERM, SIGHUP, SIGINT])
def test_a_signal_while_it_starts_ends_it_with_its_code(
    folder: Path, number: signal.Signals, words: list[str]
) -> None:
    program = Headless(folder, workspace(folder), *words)
    until_it_heeds(program.process.pid)
    program.signal(number)
    program.signal(number)
    code, took_s, _, err = program.ended()
    assert code in {128 + number, -number}
    assert took_s < 10
    assert "Traceback" not in err


def test_two_interrupts_at_any_moment_of_its_imports_end_it_and_crash_nothing(
    folder: Path,
) -> None:
    environment = workspace(folder)
    for moment in range(12):
        program = Headless(folder, environment, "runs")
        until_it_heeds(program.process.pid)
        PAUSE.wait(moment * 0.04)  # each at another one
        program.signal(SIGINT)
        program.signal(SIGINT)
        code, _, _, err = program.ended()
        assert code in {0, 128 + SIGINT}, err
        assert "Traceback" not in err


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_ctrl_c_at_an_approval_withdraws_it_and_denies_nothing(folder: Path, term: str) -> None:
    environment = workspace(folder) | {"TERM": term}
    terminal = Terminal(folder, environment, "run", "deleting", "--confirm")
    terminal.until("anything else denies")
    terminal.press("\x03")
    code, _ = terminal.ended()
    assert code == 128 + SIGINT
    assert terminal.is_given_back()
    assert rows(folder, "step.denied") == []
    assert [row["reason"] for row in rows(folder, "approval.withdrawn")] == ["no longer wanted"]
    assert (folder / "work" / "precious").exists()


def test_a_terminal_closed_at_an_approval_withdraws_it(folder: Path) -> None:
    terminal = Terminal(folder, workspace(folder), "run", "deleting", "--confirm")
    terminal.until("anything else denies")
    terminal.hang_up()
    code, _ = terminal.ended()
    assert code in {128 + SIGHUP, 128 + SIGINT, 128 + SIGPIPE}
    assert rows(folder, "step.denied") == []
    assert [state for _, state in runs(folder)] == ["suspended"]


def test_the_line_prompt_leaves_on_sigterm_and_saves_what_runs_behind_it(folder: Path) -> None:
    terminal = Terminal(folder, workspace(folder), "--line")
    terminal.until("confirm")
    terminal.press("run blocked &\r")
    terminal.until_runs("running")
    terminal.signal(SIGTERM)
    code, took_s = terminal.ended()
    assert code == 128 + SIGTERM
    assert took_s < 10
    assert terminal.is_given_back()
    assert [state for _, state in runs(folder)] == ["suspended"]


def test_the_line_prompt_interrupts_a_command_and_comes_back(folder: Path) -> None:
    terminal = Terminal(folder, workspace(folder), "--line")
    terminal.until("confirm")
    terminal.press("run blocked\r")
    terminal.until_runs("running")
    terminal.signal(SIGINT)
    terminal.until("once more to stop at once")
    terminal.signal(SIGINT)
    terminal.until("go on with: resume")
    terminal.until("confirm", since=terminal.text.rfind(b"go on with: resume"))
    seen = len(terminal.text)
    terminal.press("runs\r")
    terminal.until("suspended", since=seen)
    terminal.until("confirm", since=terminal.text.rfind(b"suspended"))
    terminal.press("\x04")
    assert terminal.ended()[0] == 0
    assert terminal.is_given_back()


def test_a_workflow_that_blocks_is_named_with_file_and_line(folder: Path) -> None:
    program = Headless(folder, workspace(folder), "run", "spinning")
    code, _, _, err = program.ended()
    assert code == 0
    assert "long.py:" in err
    assert "(spinning) has held up everything for 1 s" in err


def test_a_program_that_uses_the_workbench_keeps_its_signals(tmp_path: Path) -> None:
    code = """
import asyncio, signal, sys
every = [n for n in signal.Signals if n not in (signal.SIGKILL, signal.SIGSTOP)]
before = [signal.getsignal(n) for n in every]
import workbench
assert [signal.getsignal(n) for n in every] == before

async def main():
    before = [signal.getsignal(n) for n in every]
    async with workbench.Workbench.open(":memory:") as bench:
        agent = workbench.Agent("a", "x: str -> y: str")
        run = await bench.start("ask", agent=agent, inputs={"x": "1"})
        await run.finished()
        assert [signal.getsignal(n) for n in every] == before

asyncio.run(main())
"""
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd())}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
