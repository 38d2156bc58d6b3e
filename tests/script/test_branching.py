"""Commands about places and branches, as a script, a prompt and the screen say them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.script.conftest import AGENTS, Opened
from workbench.errors import InputError, UnknownName, UsageError, WorkbenchError
from workbench.plain import plain
from workbench.script.ended import RunEnded
from workbench.script.execute import execute
from workbench.script.session import Session

T = TypeVar("T")

SETUP = """
agent define advocate "question: str, others: list[str] -> argument: str"
agent define sceptic "question: str, others: list[str] -> argument: str"
agent define judge "question: str, arguments: list[str] -> verdict: str"
"""


def within(opened: Opened, act: Callable[[Session], Awaitable[T]]) -> T:
    async def main() -> T:
        async with opened() as bench:
            session = Session(bench)
            for line in (AGENTS + SETUP).strip().splitlines():
                await execute(session, line)
            await execute(session, "model playbook:default")
            return await act(session)

    return asyncio.run(main())


DEBATE = 'run debate question="{}" agents=["advocate", "sceptic"] judge=judge rounds=1 as={}'


async def text(session: Session, line: str) -> str:
    return "\n".join((await execute(session, line)).lines)


def test_a_tree_shows_every_branch_with_its_cost_and_a_list_every_checkpoint(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, DEBATE.format("why?", "root"))
        root = session.last
        listed = await execute(session, "checkpoints root")
        names = [row["name"] for row in listed.data]
        assert sorted(names[:2]) == ["advocate turn 1", "sceptic turn 1"]
        assert names[2:] == ["judge turn 1"]
        await execute(session, f"fork 'root@{names[1]}' instructions='Be brief.' as=heir")
        heir = session.last
        await execute(session, "fork heir@last model=playbook:ours as=grandchild")
        told = await execute(session, "tree root")
        assert told.data["root"] == root
        assert [one["parent"] for one in told.data["branches"]] == [None, root, heir]
        shown = "\n".join(told.lines)
        assert f"fork {heir} at" in shown
        assert "(other instructions)" in shown
        assert "with its forks" in shown
        assert "c" in shown
        less = await execute(session, "tree root automatic=false")
        assert "advocate turn 1" not in "\n".join(less.lines)
        assert (await execute(session, "tree grandchild")).lines == told.lines

    within(opened, act)


def test_two_places_of_one_run_and_two_runs_are_compared(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, DEBATE.format("why?", "one"))
        same = await execute(session, "diff one one")
        assert same.data["same"] is True
        assert "no difference" in "\n".join(same.lines)
        early = await execute(session, "diff one@5 one@last")
        assert early.data["shared_rows"] == 5
        assert early.data["left"]["seq"] == 5
        await execute(session, 'fork one reply="another verdict" as=two')
        found = await text(session, "diff one two")
        assert "+ assistant: another verdict" in found
        assert await text(session, "diff two") == await text(session, "diff one two")
        side = (await execute(session, "compare one")).data
        assert [row["parent"] for row in side] == ["", side[0]["run_id"]]
        assert side[1]["overlay"] == "reply edited"
        assert side[1]["result"] == "another verdict"
        table = await text(session, "compare one two")
        assert table.splitlines()[0].startswith("run ")
        assert "another verdict" in table

    within(opened, act)


def test_a_preview_starts_nothing(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, DEBATE.format("why?", "one"))
        told = await execute(session, "fork one@5 tools=[] preview=true")
        assert told.lines[0].startswith("shares rows 1 to 5 of run")
        assert "different from there on: tools none" in told.lines
        assert told.data["cut"] == 5
        assert len(session.bench.store.runs()) == 1

    within(opened, act)


def test_a_name_given_to_an_earlier_row_is_a_place(opened: Opened):
    async def act(session: Session) -> None:
        await execute(session, DEBATE.format("why?", "one"))
        told = await execute(session, "checkpoint 'so far so good' run=one@4")
        assert told.lines == ("checkpoint so far so good at 4",)
        await execute(session, "fork 'one@so far so good' as=two")
        assert session.bench.store.run(session.last).cut_seq == 4
        with pytest.raises(UsageError, match="is not running"):
            await execute(session, "checkpoint late run=one")
        with pytest.raises(InputError, match="names a place"):
            await execute(session, "checkpoint 7 run=one@4")

    within(opened, act)


def test_hostile_names_are_shown_plainly(opened: Opened):
    async def act(session: Session) -> str:
        await execute(session, DEBATE.format("why?", "one"))
        run_id = session.last
        await session.bench.runs[run_id].finished()
        await session.bench.mark(run_id, "\x1b[2J\nx\u202e", 3)
        lines = await text(session, "checkpoints one") + await text(session, "tree one")
        return str(plain(lines))

    shown = within(opened, act)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\\x1b[2J\\nx\\u202e" in shown


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("fork one@nowhere", UnknownName, "no checkpoint 'nowhere'"),
        ("fork one@0", InputError, "no row 0"),
        ("fork one@99999", InputError, "It has rows 1 to"),
        ("fork one title=x", UnknownName, "no fork change 'title'"),
        ("fork one tols=[]", UnknownName, "Did you mean 'tools'"),
        ("diff one@x one", UnknownName, "no checkpoint 'x'"),
        ("diff one", UsageError, "is no fork"),
        ("diff one nobody", UnknownName, "no run 'nobody'"),
        ("compare one nobody", UnknownName, "no run 'nobody'"),
        ("tree nobody", UnknownName, "no run 'nobody'"),
        ("import nothing.jsonl", UsageError, "cannot be read"),
        ("import", UsageError, "needs 'file'"),
    ],
)
def test_mistakes_are_sentences(opened: Opened, line: str, error: type[WorkbenchError], said: str):
    async def act(session: Session) -> None:
        await execute(session, DEBATE.format("why?", "one"))
        with pytest.raises(error, match=said):
            await execute(session, line)

    within(opened, act)


def test_a_run_goes_out_to_a_file_and_comes_back_as_itself(opened: Opened, workspace: Path):
    async def act(session: Session) -> dict[str, Any]:
        await execute(session, DEBATE.format("why?", "one"))
        told = await execute(session, "export one out.jsonl")
        back = await execute(session, "import out.jsonl as=again")
        assert "is here already" in back.lines[0]
        assert session.find("again") == told.data["run_id"] == session.last
        return told.data

    told = within(opened, act)
    assert (workspace / "out.jsonl").stat().st_size > 0
    assert told["rows"] > 5


def test_any_run_is_a_model_and_what_was_never_asked_names_the_nearest(opened: Opened):
    async def act(session: Session) -> None:
        first = await execute(session, DEBATE.format("Is it so?", "one"))
        await execute(session, "fork one@5 instructions='Be brief.' as=forked")
        for name in ("one", "forked"):
            await execute(session, f"model recorded:{name}")
            again = await execute(session, DEBATE.format("Is it so?", f"from-{name}"))
            assert again.data["result"] == first.data["result"]
            with pytest.raises(RunEnded) as caught:
                await execute(session, DEBATE.format("Is it not so?", "other"))
            error = caught.value.data["error"]
            assert error["code"] == "unrecorded"
            assert "Is it not so?" in error["message"]
            assert "The nearest it was asked" in error["message"]
            assert '"Is it so?"' in error["message"]

    within(opened, act)
