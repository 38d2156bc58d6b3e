"""Commands as screen and prompt use them: one line at a time, with completion."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from tests.script.conftest import AGENTS, Opened
from workbench.errors import InputError, NotTrusted, UnknownName, UsageError, WorkbenchError
from workbench.script.commands import COMMANDS
from workbench.script.commands.looking import help_lines
from workbench.script.ended import RunEnded
from workbench.script.execute import complete, execute
from workbench.script.language import Line
from workbench.script.session import Session

T = TypeVar("T")


def with_session(opened: Opened, act: Callable[[Session], Awaitable[T]]) -> T:
    async def main() -> T:
        async with opened() as bench:
            session = Session(bench)
            for line in AGENTS.strip().splitlines():
                await execute(session, line)
            return await act(session)

    return asyncio.run(main())


def said(opened: Opened, *lines: str) -> list[tuple[str, ...]]:
    """What each line says."""

    async def act(session: Session) -> list[tuple[str, ...]]:
        return [(await execute(session, line)).lines for line in lines]

    return with_session(opened, act)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str):
    command = COMMANDS[name]
    lines = help_lines(command)
    assert lines[0].startswith(name)
    assert command.summary.endswith(".")
    for parameter in command.parameters:
        assert any(parameter.name in line for line in lines)


def test_a_line_works_with_and_without_a_slash(opened: Opened):
    first, second, nothing = said(opened, "/mode plan", "mode", "   # nothing")
    assert first == second == ("mode plan",)
    assert nothing == ()


def test_runs_are_found_by_name_prefix_and_last(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, "ask critic x as=first")
        first = session.last
        await execute(session, "ask critic y")
        assert session.find("first") == session.find(first[:5]) == first
        assert session.find() == session.find("last") != first
        with pytest.raises(UnknownName, match="Did you mean 'first'"):
            session.find("frist")

    with_session(opened, act)


def test_a_failed_run_is_an_error_with_its_outcome(opened: Opened):
    async def act(session: Session) -> None:
        with pytest.raises(RunEnded) as caught:
            await execute(session, "ask broken x")
        assert caught.value.data["outcome"] == "failed"
        assert session.last == caught.value.data["run_id"]

    with_session(opened, act)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("ask critic", WorkbenchError, "draft"),
        ("ask critic x y=1", WorkbenchError, "'y'"),
        ("run debate question=x", WorkbenchError, "agents"),
        ("show", UsageError, "there is no run yet"),
        ("steer critic hello", UsageError, "there is no run yet"),
        ("agent show critc", UnknownName, "Did you mean 'critic'"),
        ("agent define", UsageError, "needs 'name'"),
        ("agent define x 'no arrow'", WorkbenchError, "arrow|->"),
        ("agent define x 'a -> b' tols=[]", WorkbenchError, "tools"),
        ("agent load nothing.toml", WorkbenchError, "nothing.toml"),
        ("approve tol=x", UnknownName, "Did you mean 'tool'"),
        ("rules remove x", UnknownName, "no rule 'x'"),
        ("budget usd=much", UsageError, "'usd' is a number"),
        ("set approval_timeout_s soon", InputError, "number"),
        ("help aks", UnknownName, "Did you mean 'ask'"),
        ("trace knd:tool", UsageError, "Did you mean 'kind'|no run yet"),
        ("mode plan &", UsageError, "cannot run in the background"),
        ("mode plan confirm", UsageError, "no place for 'confirm'"),
    ],
)
def test_mistakes_say_what_is_right(
    opened: Opened, line: str, error: type[WorkbenchError], message: str
):
    with pytest.raises(error, match=message):
        said(opened, line)


def test_an_agent_file_of_the_folder_needs_trust(opened: Opened, workspace: object):
    from pathlib import Path

    assert isinstance(workspace, Path)
    (workspace / "mine.toml").write_text('name = "mine"\nsignature = "a -> b"\n', encoding="utf-8")
    with pytest.raises(NotTrusted, match=r"mine\.toml is not trusted"):
        said(opened, "agent load mine.toml")


def test_a_missing_agent_that_waits_for_trust_is_said(opened: Opened, workspace: object):
    from pathlib import Path

    assert isinstance(workspace, Path)
    (workspace / "agents").mkdir()
    (workspace / "agents" / "mine.toml").write_text("# mine", encoding="utf-8")
    with pytest.raises(NotTrusted, match=r"this folder brings agents/mine\.toml"):
        said(opened, "ask mine x")


def test_rules_can_be_listed_and_taken_back(opened: Opened):
    async def act(session: Session) -> None:
        told = await execute(session, "approve write_file path=docs/** danger<=MEDIUM")
        listed = await execute(session, "rules")
        assert "path=" in listed.lines[0]
        assert told.data["id"] in listed.lines[0]
        await execute(session, f"rules remove {told.data['id']}")
        assert (await execute(session, "rules")).lines == ("no rules",)

    with_session(opened, act)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mo", ["model", "mode", "models"]),
        ("/exp", ["/expect", "/export"]),
        ("mode pl", ["plan"]),
        ("ask cr", ["critic"]),
        ("ask critic dr", ["draft="]),
        ("run deb", ["debate"]),
        ("run debate rou", ["rounds="]),
        ("pattern show rou", ["router"]),
        ("interrupt now run=", []),
        ("help wa", ["wait"]),
        ("approve write_", ["write_file"]),
        ("nothing x", []),
        ("agent d", ["define"]),
    ],
)
def test_completion_offers_what_fits(opened: Opened, text: str, expected: list[str]):
    async def act(session: Session) -> list[str]:
        return complete(session, text)

    assert sorted(with_session(opened, act)) == sorted(expected)


def test_a_background_run_can_be_watched_and_stopped(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, "set approval_timeout_s 0")
        await execute(session, "ask writer x as=job &")
        row = await execute(session, "wait kind:approval.asked run=job timeout=10")
        assert row.data["kind"] == "approval.asked"
        await execute(session, "checkpoint here run=job")
        told = await execute(session, "interrupt now run=job")
        assert told.data["outcome"] == "suspended"
        told = await execute(session, "steer writer hello run=job")
        assert told.lines[0].endswith("it waits until somebody resumes it")
        places = await execute(session, "checkpoints job")
        assert any("here" in line for line in places.lines)

    with_session(opened, act)


def test_a_line_is_done_once_for_its_key(opened: Opened):
    from workbench.script.execute import perform

    async def act(session: Session) -> None:
        line = Line("ask", ("critic", "x"))
        one = await perform(session, line, "key")
        two = await perform(session, line, "key")
        fork = Line("fork", ("last",), {"reply": {"verdict": "stop"}})
        three = await perform(session, fork, "fork")
        session.last = one.data["run_id"]
        four = await perform(session, fork, "fork")
        assert one.data == two.data
        assert three.data["run_id"] == four.data["run_id"]
        assert len(session.bench.store.runs()) == 2

    with_session(opened, act)
