"""The profile of a run and the doctor, on the screen."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.run.stage import opened
from tests.tui.stage import HandClock, settled, until
from workbench.agent.agent import Agent
from workbench.bench import Workbench
from workbench.tui.app import KaizenApp
from workbench.tui.screens.browse import FullPane
from workbench.tui.screens.doctor import DoctorScreen, FindingsList
from workbench.tui.screens.profile import PathList, ProfileScreen


@asynccontextmanager
async def screen(folder: Path) -> AsyncGenerator[tuple[KaizenApp, Pilot[Any], list[Workbench]]]:
    benches: list[Workbench] = []

    @asynccontextmanager
    async def bench() -> AsyncGenerator[Workbench]:
        async with opened(folder) as found:
            benches.append(found)
            yield found

    app = KaizenApp(bench, clock=HandClock())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        yield app, pilot, benches
    app.close_core(10.0)


def detail(app: KaizenApp) -> str:
    lines = app.screen.query_one(FullPane).rows
    return " ".join("".join(str(t) for line in lines for t, _ in (*line, (" ", ""))).split())


async def test_f10_shows_what_the_runs_end_waited_for(tmp_path: Path) -> None:
    async with screen(tmp_path) as (app, pilot, benches):

        async def one_run(_bench: Any) -> None:
            critic = Agent("critic", "text: str -> verdict: str")
            await benches[0].ask(critic, text="a")

        app.ask_core(one_run)
        await until(pilot, lambda: any(run.is_over for run in app.board.runs.values()))
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(app.screen, ProfileScreen))
        rows = app.screen.query_one(PathList)
        await until(pilot, lambda: len(rows.rows) > 1)
        assert "critical path" in detail(app)
        assert "critic" in detail(app)
        model = next(n for n, row in enumerate(rows.rows) if row.kind == "model")
        rows.move_to(model)
        await until(pilot, lambda: "on path" in detail(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main)
        trace = app.main.area.trace
        await until(pilot, lambda: trace.selected is not None and trace.selected.kind == "model")


async def test_without_a_run_the_profile_says_so(tmp_path: Path) -> None:
    async with screen(tmp_path) as (app, pilot, _):
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(app.screen, ProfileScreen))
        assert "there is no run yet" in app.notice


@pytest.mark.timeout(120)  # the doctor is a program of its own
async def test_f11_says_what_is_to_mend_first_and_copies_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIZEN_TUI_DATA_HOME", os.fspath(tmp_path / "data"))
    async with screen(tmp_path) as (app, pilot, _):
        await pilot.press("f11")
        await until(pilot, lambda: isinstance(app.screen, DoctorScreen))
        rows = app.screen.query_one(FindingsList)
        await until(pilot, lambda: bool(rows.rows), seconds=60)
        names = [row.name for row in rows.rows]
        assert {"terminal", "sandbox", "ollama", "plugins"} <= set(names)
        assert [row.ok for row in rows.rows] == sorted(row.ok for row in rows.rows)
        rows.move_to(names.index("ollama"))
        await until(pilot, lambda: "ollama serve" in detail(app))
        await pilot.press("y")
        await until(pilot, lambda: "ollama serve" in app.notice)
