from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.tools.calls import cancelled_once_it_speaks, command_lines, facts_of, names, use
from workbench.permission.danger import Danger, grade
from workbench.tools.place import Place
from workbench.tools.sandbox.detect import detect

REPORT = detect(())
pytestmark = pytest.mark.skipif(REPORT.level != "reduced", reason=REPORT.why)


@pytest.fixture
def walled(place: Place) -> Place:
    for name in ("src", ".git"):
        (place.workspace / name).mkdir()
    (place.workspace / ".git" / "config").write_text("own")
    return Place(place.workspace, place.state, REPORT)


def _bash(place: Place, command: str) -> str:
    return str(use("bash_command", place, command=command)["output"])


def test_what_was_proven_is_reported_with_what_is_missing() -> None:
    assert (REPORT.level, REPORT.backend) == ("reduced", "landlock")
    assert "bubblewrap is not installed; with Landlock a canary" in REPORT.why


def test_only_the_workspace_can_be_written(walled: Place, outside: Path) -> None:
    _bash(walled, f"echo x > src/a; mkdir src/b; mv src/a src/b/c; echo x > {outside}/a")
    assert names(walled.workspace / "src") == ["b"]
    assert (walled.workspace / "src" / "b" / "c").read_text() == "x\n"
    assert names(outside) == []


def test_protected_names_stay_as_they_are_and_missing_ones_do_not_appear(walled: Place) -> None:
    _bash(walled, "echo x > .git/config; rm -rf .git; echo x > .envrc; echo x > sessions/x")
    assert (walled.workspace / ".git" / "config").read_text() == "own"
    assert names(walled.workspace) == [".git", "sessions", "src"]
    assert "x" not in names(walled.state)


def test_neither_secrets_nor_the_state_can_be_read(walled: Place, outside: Path) -> None:
    (walled.workspace / ".env").write_text("hunter2")
    (outside / "secret").write_text("hunter2")
    output = _bash(walled, f"ls -a; cat .env {outside}/secret sessions/workbench.db ~/.bashrc")
    assert "src" in output
    assert "hunter2" not in output
    assert "the log" not in output


def test_there_is_a_temporary_folder_and_no_home(walled: Place) -> None:
    output = _bash(walled, 'echo t > "$TMPDIR/t" && cat "$TMPDIR/t" && echo "$HOME"')
    text, home = output.split()
    assert text == "t"
    assert not Path(home).exists()


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"])
def test_no_socket_can_be_had(walled: Place, family: str) -> None:
    output = _bash(walled, f"python -c 'import socket as s; s.socket(s.{family})' 2>&1 | tail -1")
    assert "PermissionError" in output


def test_nothing_can_be_connected_to(walled: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        _bash(walled, f"echo x > /dev/tcp/127.0.0.1/{server.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            server.accept()


def test_other_processes_are_neither_read_nor_signalled(walled: Place) -> None:
    bystander = subprocess.Popen(["sleep", "60"], env={"MY_SECRET": "hunter2"})
    try:
        pid = bystander.pid
        output = _bash(walled, f"cat /proc/{pid}/environ /proc/{os.getpid()}/environ; kill {pid}")
        assert "hunter2" not in output
        assert "PATH=" not in output
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_modes_cannot_be_changed(walled: Place) -> None:
    (walled.workspace / "src" / "tool").write_text("x")
    _bash(walled, "chmod 777 src/tool .git")
    assert (walled.workspace / "src" / "tool").stat().st_mode & 0o111 == 0


def test_a_link_that_leads_out_opens_nothing(walled: Place, outside: Path) -> None:
    (outside / "secret").write_text("hunter2")
    (walled.workspace / "link").symlink_to(outside)
    output = _bash(walled, "cat link/secret; echo x > link/new; ln -s /etc/shadow src/s; cat src/s")
    assert "hunter2" not in output
    assert names(outside) == ["secret"]


def test_a_command_counts_one_level_higher_than_in_the_full_sandbox(walled: Place) -> None:
    assert grade(facts_of("bash_command", walled, command="ls src")) is Danger.MEDIUM
    assert grade(facts_of("bash_command", walled, command="make")) is Danger.CRITICAL


def test_the_whole_tree_ends_with_a_cancel(walled: Place) -> None:
    command = "(setsid sleep 987656 &); echo begun; sleep 987655"
    began = time.monotonic()
    asyncio.run(cancelled_once_it_speaks(walled, command))
    assert time.monotonic() - began < 5
    assert b"98765" not in command_lines()
