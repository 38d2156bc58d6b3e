"""The rules on the screen: what holds, where it comes from, and how one is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from textual.pilot import Pilot

from tests.run.stage import opened
from tests.run.test_permit import deploying
from tests.tui.stage import NOON, HandClock, settled, until
from workbench.bench import Workbench
from workbench.permission.rule import Rule
from workbench.run.run import Run
from workbench.tui.app import KaizenApp
from workbench.tui.screens.browse import FullPane
from workbench.tui.screens.rules import RulesList, RulesScreen

T = TypeVar("T")

DENY = {"verdict": "deny", "tool": "delete_file", "reason": "nothing is deleted here"}


class Here:
    """The rules on the screen of a real workbench."""

    def __init__(self, app: KaizenApp, pilot: Pilot[Any], bench: Workbench) -> None:
        self.app, self.pilot, self.bench = app, pilot, bench

    @property
    def rows(self) -> list[Any]:
        return self.app.screen.query_one(RulesList).rows

    def detail(self) -> str:
        lines = self.app.screen.query_one(FullPane).rows
        return " ".join("".join(str(t) for line in lines for t, _ in (*line, (" ", ""))).split())

    async def do(self, job: Callable[[Workbench], Awaitable[T]]) -> T:
        """Have the core do something, as another front would."""
        return await asyncio.wrap_future(self.app.core.call(job))


@asynccontextmanager
async def rules(folder: Path, *given: Rule, **settings: Any) -> AsyncGenerator[Here]:
    """F7 over a workbench with some rules."""
    benches: list[Workbench] = []

    @asynccontextmanager
    async def bench() -> AsyncGenerator[Workbench]:
        async with opened(folder, **settings) as found:
            for rule in given:
                found.add_rule(rule)
            benches.append(found)
            yield found

    clock = HandClock()
    app = KaizenApp(bench, clock=clock)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, RulesScreen))
        list_ = app.screen.query_one(RulesList)
        await until(pilot, lambda: str(list_.border_title).startswith("Rules  "))
        yield Here(app, pilot, benches[0])
    app.close_core(10.0)


async def test_f7_lists_the_rules_with_their_origin_and_what_they_match(tmp_path: Path) -> None:
    kept = Rule("allow", tool="write_file", arguments={"path": "docs/**"}, scope="workspace")
    granted = Rule("allow", tool="deploy", scope="run", run_id="f00dcafe")
    timed = Rule("confirm", agent="intern", expires_at=NOON + 90)
    async with rules(tmp_path, kept, granted, timed, rules=[DENY]) as here:
        assert [(row.verdict, row.origin, row.ends) for row in here.rows] == [
            ("deny", "settings", ""),
            ("allow", "workspace", ""),
            ("allow", "run f00d, over", ""),
            ("confirm", "session", "ends in 1:30"),
        ]
        assert "written in a settings file" in here.detail()
        assert "nothing is deleted here" in here.detail()
        await here.pilot.press("j")
        await until(here.pilot, lambda: "kept for the workspace" in here.detail())
        assert "path docs/**" in here.detail()
        assert "not since the workbench was opened" in here.detail()


async def test_how_often_a_rule_decided_is_counted(tmp_path: Path) -> None:
    async with rules(tmp_path, Rule("allow", tool="deploy")) as here:
        assert here.rows[0].uses == 0

        async def deploy(bench: Workbench) -> None:
            for place in ("moon", "mars"):
                await (await bench.start(deploying, place=place)).result()

        await here.do(deploy)
        await until(here.pilot, lambda: here.rows[0].uses == 2)
        await until(here.pilot, lambda: "2 times since" in here.detail())


@pytest.mark.parametrize("key", ["delete", "D"])
async def test_a_rule_is_taken_back_by_two_presses_and_the_audit_names_it(
    tmp_path: Path, key: str
) -> None:
    first, second = Rule("allow", tool="deploy"), Rule("deny", tool="bash_command")
    async with rules(tmp_path, first, second) as here:
        await here.pilot.press(key)
        await settled(here.app, here.pilot)
        assert len(here.rows) == 2
        assert f"again takes rule {first.id} back" in here.app.notice
        await here.pilot.press("j", key)  # another one: that is its first press
        await settled(here.app, here.pilot)
        assert len(here.rows) == 2
        await here.pilot.press(key)
        await until(here.pilot, lambda: [row.rule_id for row in here.rows] == [first.id])
        assert "is taken back" in here.app.notice
        assert [rule.id for rule in here.bench.policy.rules] == [first.id]
        entry = here.bench.store.audit.entries()[-1]
        assert entry.kind == "rule.removed"
        assert entry.said() == {"rule": "deny tool=bash_command", "id": second.id, "by": "user"}


async def test_taking_a_rule_back_decides_anew_what_waits(tmp_path: Path) -> None:
    asks, allows = Rule("confirm", tool="deploy"), Rule("allow", tool="deploy")
    async with rules(tmp_path, asks, allows) as here:

        async def begin(bench: Workbench) -> Run:
            return await bench.start(deploying, place="moon")

        run = await here.do(begin)
        await until(here.pilot, lambda: bool(here.bench.waiting))
        await here.pilot.press("delete", "delete")
        await until(here.pilot, lambda: run.status == "returned")
        assert not here.bench.waiting


async def test_a_rule_of_the_settings_is_gone_until_the_next_opening(tmp_path: Path) -> None:
    async with rules(tmp_path, rules=[DENY]) as here:
        await here.pilot.press("delete", "delete")
        await until(here.pilot, lambda: not here.rows)
        assert "its settings file has it still" in here.app.notice
        assert here.detail() == ""
    async with rules(tmp_path, rules=[DENY]) as here:
        assert len(here.rows) == 1


async def test_a_rule_that_comes_meanwhile_is_shown_and_the_cursor_stays(tmp_path: Path) -> None:
    async with rules(tmp_path, Rule("allow", tool="a"), Rule("allow", tool="b")) as here:
        await here.pilot.press("j")

        async def change(bench: Workbench) -> None:
            bench.add_rule(Rule("deny", tool="c"))
            bench.remove_rule(bench.policy.rules[0].id)

        await here.do(change)
        await until(here.pilot, lambda: [row.text for row in here.rows][-1] == "deny tool=c")
        selected = here.app.screen.query_one(RulesList).selected
        assert selected is not None
        assert selected.text == "approve tool=b"


async def test_no_rules(tmp_path: Path) -> None:
    async with rules(tmp_path) as here:
        await here.pilot.press("delete", "delete", "j", "G", "enter")
        assert here.rows == []
        await here.pilot.press("escape")
        assert here.app.screen is here.app.main
