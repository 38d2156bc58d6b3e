from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from tests.tools.calls import cancelled_once_it_speaks, command_lines, facts_of, names, use, used
from tests.tools.sandbox.bwrap import REPORT, needs_bwrap
from workbench.errors import Denied, ToolError
from workbench.permission.danger import Danger, grade
from workbench.tools.place import Place
from workbench.tools.sandbox.report import SandboxReport


@pytest.fixture
def walled(place: Place) -> Place:
    return Place(place.workspace, place.state, REPORT)


def _bash(place: Place, command: str, **more: object) -> str:
    return str(use("bash_command", place, command=command, **more)["output"])


@needs_bwrap
def test_the_workspace_can_be_written_and_nothing_else(walled: Place, outside: Path) -> None:
    home = Path.home()
    _bash(walled, f"echo x > inside; echo x > {outside}/a; echo x > {home}/a; echo x > /usr/a")
    assert (walled.workspace / "inside").read_text() == "x\n"
    assert names(outside) == []
    assert not (home / "a").exists()
    assert not Path("/usr/a").exists()


@needs_bwrap
def test_neither_secrets_nor_the_state_can_be_read(walled: Place, outside: Path) -> None:
    (outside / "secret").write_text("hunter2")
    output = _bash(
        walled, f"cat {outside}/secret sessions/workbench.db; ls sessions; echo > sessions/x"
    )
    assert "hunter2" not in output
    assert "the log" not in output
    assert (walled.state / "workbench.db").read_text() == "the log"
    assert "x" not in names(walled.state)


@needs_bwrap
def test_nothing_can_be_connected_to(walled: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port = server.getsockname()[1]
        assert "refused" in _bash(walled, f"echo x > /dev/tcp/127.0.0.1/{port}")
        with pytest.raises(TimeoutError):
            server.accept()


@needs_bwrap
def test_no_process_outside_is_seen_and_no_secret_of_the_launcher(
    walled: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SECRET", "hunter2")
    output = _bash(walled, "cat /proc/[0-9]*/environ; echo; ls -d /proc/[0-9]* | wc -l")
    assert "hunter2" not in output
    assert int(output.split()[-1]) < 8


@needs_bwrap
def test_protected_names_stay_as_they_are(walled: Place) -> None:
    git = walled.workspace / ".git"
    git.mkdir()
    (git / "config").write_text("own")
    _bash(walled, "echo x > .git/config; rm -rf .git; echo x > .envrc; echo x > .mcp.json")
    assert (git / "config").read_text() == "own"
    assert names(walled.workspace) == [".git", "sessions"]


@needs_bwrap
def test_secrets_of_the_workspace_cannot_be_read(walled: Place) -> None:
    (walled.workspace / ".env").write_text("hunter2")
    (walled.workspace / "sub").mkdir()
    (walled.workspace / "sub" / "server.key").write_text("hunter2")
    (walled.workspace / ".ssh").mkdir()
    (walled.workspace / ".ssh" / "id_rsa").write_text("hunter2")
    output = _bash(walled, "cat .env sub/server.key .ssh/id_rsa; cp .env x; cat x; rm -f .env")
    assert "hunter2" not in output
    assert (walled.workspace / ".env").read_text() == "hunter2"


@needs_bwrap
def test_our_python_runs_inside(walled: Place) -> None:
    assert _bash(walled, "python -c 'import ssl; print(6 * 7)'") == "42\n"


@needs_bwrap
def test_a_simple_command_is_harmless_and_another_asks(walled: Place) -> None:
    assert grade(facts_of("bash_command", walled, command="ls")) <= Danger.LOW
    assert grade(facts_of("bash_command", walled, command="make")) is Danger.HIGH


@needs_bwrap
def test_the_whole_tree_ends_with_a_cancel(walled: Place) -> None:
    command = "(setsid sleep 987654 &); echo begun; sleep 987653"
    began = time.monotonic()
    asyncio.run(cancelled_once_it_speaks(walled, command))
    assert time.monotonic() - began < 5
    assert b"98765" not in command_lines()


def test_a_sandbox_that_cannot_start_runs_nothing(place: Place) -> None:
    gone = SandboxReport("full", "bubblewrap", "/nonexistent/bwrap", "")
    with pytest.raises(ToolError, match="Nothing was run"):
        _bash(Place(place.workspace, place.state, gone), "touch ran")
    assert not (place.workspace / "ran").exists()


def test_a_decision_holds_for_the_sandbox_it_was_made_in(place: Place) -> None:
    full = Place(place.workspace, place.state, SandboxReport("full", "bubblewrap", "/bin/true"))
    decided = facts_of("bash_command", full, command="touch ran")
    with pytest.raises(Denied, match="decided for sandbox 'full'"):
        asyncio.run(used("bash_command", place, decided, command="touch ran"))
