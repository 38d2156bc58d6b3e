from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from tests.tools.calls import (
    attempt_of,
    cancelled_once_it_speaks,
    command_lines,
    facts_of,
    use,
    used,
)
from workbench.errors import Denied, ToolError
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.facts import facts
from workbench.tools.perform import perform
from workbench.tools.place import Limits, Place
from workbench.tools.shell import environment, find_program


def _bash(place: Place, command: str, **more: object) -> dict[str, object]:
    return use("bash_command", place, command=command, **more)


def _is_running(pid: int) -> bool:
    try:
        with Path(f"/proc/{pid}/stat").open() as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_output_of_both_kinds_and_the_exit_code_are_a_result(place: Place) -> None:
    result = _bash(place, "echo out; echo err >&2; exit 3")
    assert (result["exit_code"], result["output"]) == (3, "out\nerr\n")
    assert not result["truncated"]
    assert isinstance(result["duration_s"], float)


def test_a_signal_is_an_exit_code_as_in_bash(place: Place) -> None:
    assert _bash(place, "kill -9 $$")["exit_code"] == 137


def test_one_plain_command_runs_without_a_shell(place: Place) -> None:
    assert facts_of("bash_command", place, command="cat /proc/$$/cmdline").argv is None
    assert facts_of("bash_command", place, command="printf '%s|' 'a b' c").argv is not None
    assert _bash(place, "printf '%s|' 'a b' c")["output"] == "a b|c|"
    tree = _bash(
        place, "python3 -c 'import os; print(open(f\"/proc/{os.getppid()}/comm\").read())'"
    )
    assert "bash" not in str(tree["output"])


def test_a_program_that_is_missing_is_bashs_own_error(place: Place) -> None:
    result = _bash(place, "no-such-program-here")
    assert result["exit_code"] == 127
    assert "command not found" in str(result["output"])


def test_it_runs_in_the_workspace_with_nothing_of_the_users_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    monkeypatch.setenv("BASH_ENV", "/etc/profile")
    monkeypatch.setenv("LD_PRELOAD_CANARY", "x")
    (place.workspace / "ls").write_text("#!/bin/sh\necho planted\n")
    (place.workspace / "ls").chmod(0o755)
    monkeypatch.setenv("PATH", f"{place.workspace}:{os.environ['PATH']}")
    result = _bash(place, "pwd; ls; env")
    assert str(result["output"]).startswith(str(place.workspace))
    assert "planted" not in str(result["output"])
    assert "hunter2" not in str(result["output"])
    assert "BASH_ENV" not in str(result["output"])
    assert set(environment()) >= {"PATH", "HOME", "LANG"}
    assert find_program("ls", place) == "/usr/bin/ls"


def test_standard_input_is_empty(place: Place) -> None:
    assert _bash(place, "cat; echo done")["output"] == "done\n"


def test_a_long_output_keeps_its_head_and_its_tail(place: Place) -> None:
    result = _bash(place, "echo first; seq 1 100000; echo last")
    output = str(result["output"])
    assert output.startswith("first\n1\n2\n")
    assert output.endswith("99999\n100000\nlast\n")
    assert "bytes left out" in output
    assert len(output) < 66_000
    assert result["truncated"]


def test_a_command_that_prints_without_end_is_ended(place: Place) -> None:
    small = Place(place.workspace, place.state, limits=Limits(printed_bytes=5_000_000))
    began = time.monotonic()
    with pytest.raises(ToolError, match="printed more than 5000000 bytes"):
        _bash(small, "yes")
    assert time.monotonic() - began < 6


def test_a_command_that_takes_too_long_is_ended_and_says_what_it_printed(place: Place) -> None:
    began = time.monotonic()
    with pytest.raises(ToolError, match=r"longer than 0.3 s(.|\n)*so far"):
        _bash(place, "echo so far; sleep 60", timeout_s=0.3)
    assert time.monotonic() - began < 4


def test_whatever_is_left_running_ends_with_the_command(place: Place) -> None:
    result = _bash(place, "setsid sleep 300 & echo $!; (setsid nohup sleep 301 & echo $!) ")
    pids = [int(word) for word in str(result["output"]).split()]
    assert len(pids) == 2
    assert not any(_is_running(pid) for pid in pids)


def test_a_grandchild_in_a_session_of_its_own_does_not_survive_a_cancel(place: Place) -> None:
    script = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n"
        "        os.closerange(0, 100)\n"
        "        time.sleep(300)\n"
        "    os._exit(0)\n"
        "time.sleep(300)\n"
    )
    (place.workspace / "daemon.py").write_text(script)

    began = time.monotonic()
    line = asyncio.run(cancelled_once_it_speaks(place, "python3 daemon.py", again=True))
    assert time.monotonic() - began < 5
    assert not _is_running(int(line))


def test_a_flock_of_forking_processes_does_not_survive_a_cancel(place: Place) -> None:
    script = (
        "import os, time\n"
        "print('begun', flush=True)\n"
        "for n in range(40):\n"
        "    if os.fork() == 0:\n"
        "        while True:\n"
        "            if os.fork():\n"
        "                os._exit(0)\n"
        "            time.sleep(0.01)\n"
        "time.sleep(300)\n"
    )
    (place.workspace / "flock-of-forks.py").write_text(script)

    asyncio.run(cancelled_once_it_speaks(place, "python3 flock-of-forks.py"))
    assert b"flock-of-forks.py" not in command_lines()


def test_progress_is_told_while_it_runs(place: Place) -> None:
    told: list[str] = []
    tool, arguments = BUILT_IN["bash_command"], {"command": "echo one; sleep 0.1; echo two"}
    decided = facts(tool, arguments, place)
    asyncio.run(perform(tool, arguments, place, attempt_of(told.append), decided))
    assert "".join(told) == "one\ntwo\n"
    assert len(told) == 2


def test_a_command_let_pass_because_it_only_reads_must_still_only_read(
    place: Place, outside: Path
) -> None:
    (outside / "a").write_text("foreign")
    (place.workspace / "a").write_text("own")
    decided = facts_of("bash_command", place, command="cat a")
    assert decided.simple
    (place.workspace / "a").unlink()
    (place.workspace / "a").symlink_to(outside / "a")
    with pytest.raises(Denied, match="out of the workspace"):
        asyncio.run(used("bash_command", place, decided, command="cat a"))


def test_what_is_no_command_is_refused(place: Place) -> None:
    for command in ("", "  \n", "a\0b"):
        with pytest.raises(ToolError, match="not a command"):
            _bash(place, command)
    with pytest.raises(ToolError, match="more than 0"):
        _bash(place, "true", timeout_s=-1)
    with pytest.raises(ToolError, match="cannot start"):
        _bash(place, "echo " + "x" * 200_000)
