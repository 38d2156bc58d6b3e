"""Files on the screen: what was changed, a plan to put it back, and the deed, at the keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.run.stage import opened
from tests.test_restoring import RULES, in_turn, write
from tests.tui.stage import HandClock, settled
from tests.tui.test_branches import until
from workbench.tui.app import KaizenApp
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.detail import DetailPane
from workbench.tui.screens.files import FilesList, FilesScreen
from workbench.tui.screens.restore import PlanLines, RestoreScreen


async def _opened(app: KaizenApp, pilot: Pilot[Any], run_id: str) -> None:
    await settled(app, pilot)
    app.wishes.open_run(run_id)
    await until(pilot, lambda: app.main.run_id == run_id)
    await until(pilot, lambda: bool(app.main.query_one(CheckpointsPane).rows))
    await settled(app, pilot)


async def test_w_shows_the_files_and_capital_r_puts_them_back_after_a_plan(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "a.txt").write_text("before\n")
    async with opened(tmp_path, **RULES) as bench:
        run = await bench.start(in_turn, calls=[write("a.txt", "after\n"), write("b.txt", "b\n")])
        await run.result()

    app = KaizenApp(lambda: opened(tmp_path, **RULES), clock=HandClock())
    async with app.run_test(size=(100, 30)) as pilot:
        await _opened(app, pilot, run.run_id)
        await pilot.press("2", "G", "w")
        await until(pilot, lambda: isinstance(app.screen, FilesScreen))
        rows = app.screen.query_one(FilesList).rows
        assert [row.path for row in rows] == ["a.txt", "b.txt"]
        detail = app.screen.query_one(DetailPane)
        await until(pilot, lambda: any("+after" in str(row) for row in detail.rows))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, RestoreScreen))
        plan = app.screen.query_one(PlanLines)
        await until(pilot, lambda: any("+before" in str(row) for row in plan.rows))
        assert (work / "a.txt").read_text() == "after\n"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FilesScreen))
        await pilot.press("R", "ctrl+s")
        await until(pilot, lambda: (work / "a.txt").read_text() == "before\n")
        await until(pilot, lambda: isinstance(app.screen, FilesScreen))
        assert not (work / "b.txt").exists()
        assert "to take that back: /restore" in app.notice


async def test_a_plan_with_refusals_cannot_be_sent(tmp_path: Path) -> None:
    work = tmp_path / "work"
    async with opened(tmp_path, **RULES) as bench:
        run = await bench.start(in_turn, calls=[write("a.txt", "after\n")])
        await run.result()
    (work / "a.txt").write_text("mine\n")
    app = KaizenApp(lambda: opened(tmp_path, **RULES), clock=HandClock())
    async with app.run_test(size=(80, 24)) as pilot:
        await _opened(app, pilot, run.run_id)
        app.wishes.places.plan_restore(run.run_id, 1)
        await until(pilot, lambda: isinstance(app.screen, RestoreScreen))
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        assert isinstance(app.screen, RestoreScreen)
        assert "nothing is changed" in app.notice
        assert (work / "a.txt").read_text() == "mine\n"
