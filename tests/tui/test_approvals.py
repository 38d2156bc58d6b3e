"""The history of approvals at the keyboard, over a real log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.run.stage import opened
from tests.store.test_audit import tampered
from tests.tui.stage import NOON, HandClock, settled, until
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.tui.app import KaizenApp
from workbench.tui.front_overviews import PORTION
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.approvals import ApprovalsList, ApprovalsScreen
from workbench.tui.screens.browse import FullPane
from workbench.tui.screens.runs import RunsScreen

RUN = "a41f77c0"


def questions(number: int, run_id: str = RUN) -> list[Event]:
    """A run in which so many questions were asked: every third is denied, every fifth is open."""
    rows = [Event(run_id, 1, NOON, "run.started", "", {"pattern": "supervisor", "title": "old"})]
    for n in range(number):
        key, at = f"0:ask.coder/{n}:tool.bash_command", NOON + n
        asked: dict[str, Any] = {"id": f"{run_id}:{key}/approval#0", "tool": "bash_command"}
        told = {"agent": "coder", "danger": "HIGH", "arguments": {"command": f"make part{n}"}}
        rows.append(Event(run_id, len(rows) + 1, at, "approval.asked", key, {**asked, **told}))
        if n % 5:
            verdict = "allow" if n % 3 else "deny"
            said = {**asked, "verdict": verdict, "by": "user", "scope": "run", "reason": "so be it"}
            rows.append(Event(run_id, len(rows) + 1, at, "approval.answered", key, said))
    return rows


class Here:
    """The history of approvals on the screen."""

    def __init__(self, app: KaizenApp, pilot: Pilot[Any]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def rows(self) -> list[Any]:
        return self.app.screen.query_one(ApprovalsList).rows

    def detail(self) -> str:
        lines = self.app.screen.query_one(FullPane).rows
        return " ".join(
            "".join(str(text) for line in lines for text, _ in (*line, (" ", ""))).split()
        )

    @property
    def title(self) -> str:
        return str(self.app.screen.query_one(ApprovalsList).border_title)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, holds: Callable[[], bool]) -> None:
        await until(self.pilot, holds)


@asynccontextmanager
async def history(
    folder: Path, rows: list[Event], size: tuple[int, int] = (120, 40)
) -> AsyncGenerator[Here]:
    """F6 over a log with some rows."""

    @asynccontextmanager
    async def bench() -> AsyncGenerator[Workbench]:
        async with opened(folder) as found:
            found.store.append(rows)
            found.store.flush()
            yield found

    app = KaizenApp(bench, clock=HandClock())
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, ApprovalsScreen))
        here = Here(app, pilot)
        await here.until(lambda: "the newest" in here.title or here.title.startswith("Approvals  "))
        await settled(app, pilot)
        yield here
    app.close_core(10.0)


async def test_f6_lists_what_was_asked_and_who_answered_newest_first(tmp_path: Path) -> None:
    async with history(tmp_path, questions(3)) as here:
        assert [(row.seq, row.verdict, row.by) for row in here.rows] == [
            (5, "allow", "user"), (3, "allow", "user"), (2, "open", "")
        ]  # fmt: skip
        await here.until(lambda: "make part2" in here.detail())
        assert "allow by user, for the run: so be it" in here.detail()
        assert "bash_command HIGH" in here.detail()
        assert "in the audit" in here.detail()
        assert "asked for #5" in here.detail()
        assert "allow by user for #6" in here.detail()


async def test_only_as_much_is_read_as_one_looks_at(tmp_path: Path) -> None:
    async with history(tmp_path, questions(1000)) as here:
        assert len(here.rows) == PORTION
        assert "the newest 200" in here.title
        await here.press("G")
        await here.until(lambda: len(here.rows) == 2 * PORTION)
        for _ in range(4):
            await here.press("G")
            await settled(here.app, here.pilot)
        await here.until(lambda: len(here.rows) == 1000)
        assert here.title == "Approvals  1 000"
        assert len({row.seq for row in here.rows}) == 1000


async def test_typing_searches_with_the_words_of_the_command(tmp_path: Path) -> None:
    async with history(tmp_path, questions(1000)) as here:
        await here.press("slash", *"deny part", "9")
        await here.until(lambda: "of 1 000" in here.title)
        wanted = [n for n in reversed(range(1000)) if str(n)[0] == "9" and n % 5 and n % 3 == 0]
        assert [row.what for row in here.rows] == [f"make part{n}" for n in wanted]
        await here.press("enter")
        assert here.app.screen.query_one(ApprovalsList).has_focus
        await here.press("slash")
        field = here.app.screen.query_one("#browse-search", Input)
        field.value = "nowhere to be found"
        await here.until(lambda: not here.rows)
        await here.until(lambda: here.title == "Approvals  0  of 1 000")
        assert here.detail() == ""
        await here.press("escape", "escape")
        assert here.app.screen is here.app.main


async def test_enter_goes_to_the_run_and_the_row(tmp_path: Path) -> None:
    async with history(tmp_path, questions(50)) as here:
        await here.press("j", "j", "j")
        wanted = here.rows[3].seq
        await here.press("enter")
        await here.until(lambda: here.app.screen is here.app.main)
        trace = here.app.main.query_one(TracePane)
        await here.until(lambda: trace.selected is not None and trace.selected.seq == wanted)
        assert trace.has_focus
        assert not trace.following
        assert here.app.main.run_id == RUN


async def test_enter_finds_a_row_that_the_filter_hides(tmp_path: Path) -> None:
    async with history(tmp_path, questions(20)) as here:
        await here.press("enter")
        trace = here.app.main.query_one(TracePane)
        await here.until(lambda: trace.has_focus)
        await here.press("slash", *"kind:model", "enter")
        await here.until(lambda: trace.has_focus and not trace.rows)
        await here.press("f6")
        await here.until(lambda: isinstance(here.app.screen, ApprovalsScreen) and bool(here.rows))
        await here.press("G", "enter")
        await here.until(lambda: trace.selected is not None and trace.selected.seq == 2)
        assert trace.filter_text == ""


async def test_v_verifies_the_audit_only_when_asked(tmp_path: Path) -> None:
    async with history(tmp_path, questions(2000)) as here:
        assert "intact" not in here.detail()
        said: list[str] = []
        say = here.app.say
        here.app.say = lambda text: (said.append(text), say(text))[1]  # type: ignore[method-assign]
        await here.press("v", "v")
        await here.until(lambda: "intact: 36" in here.detail())
        assert said[0] == "verifying the audit ..."
        assert "verifying the audit: 50 %" in said
        assert said[-1].startswith("audit: intact: 36")


async def test_v_says_what_was_changed(tmp_path: Path) -> None:
    async with history(tmp_path, questions(30)) as here:
        database = tmp_path / "state" / "workbench.db"
        tampered(database, "UPDATE audit SET kind = 'mode.changed' WHERE number = 7")
        await here.press("v")
        await here.until(lambda: "the audit does not hold" in here.detail())
        assert "entry 7 was altered" in here.detail()


@pytest.mark.parametrize("size", [(80, 24), (160, 45)])
async def test_nothing_was_asked_yet(tmp_path: Path, size: tuple[int, int]) -> None:
    async with history(tmp_path, [], size) as here:
        assert here.title == "Approvals  0"
        await here.press("j", "G", "enter", "slash", "x", "escape", "escape")
        assert here.app.screen is here.app.main


async def test_hostile_words_stay_words(tmp_path: Path) -> None:
    rows = questions(1)
    data = {**rows[1].data, "arguments": {"command": "\x1b[2Jrm [red]x[/]"}, "agent": "a\u202eb"}
    rows[1] = Event(RUN, 2, NOON, "approval.asked", rows[1].key, data)
    async with history(tmp_path, rows) as here:
        await here.until(lambda: "rm [red]x[/]" in here.detail())
        assert "\x1b" not in here.detail()
        strip = here.app.screen.query_one(ApprovalsList).render_line(0)
        assert "\x1b" not in strip.text
        assert "\u202e" not in strip.text


async def test_another_overview_takes_its_place(tmp_path: Path) -> None:
    async with history(tmp_path, questions(3)) as here:
        await here.press("f3")
        await here.until(lambda: isinstance(here.app.screen, RunsScreen))
        assert len(here.app.screen_stack) == 2


async def test_what_is_asked_meanwhile_is_shown_at_the_top_and_announced_below(
    tmp_path: Path,
) -> None:
    async with history(tmp_path, questions(50)) as here:
        late = questions(2, "f00dcafe")

        async def ask(bench: Workbench) -> None:
            bench.store.append(late[:2])
            bench.store.flush()

        async def ask_again(bench: Workbench) -> None:
            bench.store.append(late[2:3])
            bench.store.flush()

        await asyncio.wrap_future(here.app.core.call(ask))
        for row in late[:2]:
            here.app.board.fold(row)
        await here.until(lambda: here.rows[0].run_id == "f00dcafe")
        await here.press("j", "j")
        await asyncio.wrap_future(here.app.core.call(ask_again))
        here.app.board.fold(late[2])
        await here.until(lambda: "shows what came since" in here.title)
        assert len(here.rows) == 51
        await here.press("f6")
        await here.until(lambda: "Approvals  52" in here.title)


async def test_of_a_deleted_run_the_decisions_are_listed(tmp_path: Path) -> None:
    gone = questions(2, "dead0000")
    gone.append(Event("dead0000", len(gone) + 1, NOON, "run.finished", "", {"outcome": "returned"}))

    async with history(tmp_path, [*gone, *questions(2)]) as here:

        async def delete(bench: Workbench) -> None:
            bench.store.delete_runs(["dead0000"])

        await asyncio.wrap_future(here.app.core.call(delete))
        await here.press("f6")
        await here.until(lambda: any(row.deleted for row in here.rows))
        assert [(row.run_id[:4], row.verdict, row.deleted) for row in here.rows] == [
            ("a41f", "allow", False), ("a41f", "open", False),
            ("dead", "allow", True), ("dead", "open", True),
        ]  # fmt: skip
        await here.press("j", "j")
        await here.until(lambda: "Its run was deleted" in here.detail())
        assert "allow by user, for the run" in here.detail()
        await here.press("enter")
        await here.until(lambda: "only its decisions are kept" in here.app.notice)
        assert isinstance(here.app.screen, ApprovalsScreen)
