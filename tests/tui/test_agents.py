"""The agents that are defined, on the screen."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.run.stage import opened
from tests.tui.stage import HandClock, Rows, settled, shown, typical, until, waiting_rows
from workbench.agent.agent import Agent
from workbench.agent.files import load_agents
from workbench.bench import Workbench
from workbench.run.changes import agent_digest
from workbench.tui.app import KaizenApp
from workbench.tui.screens.agents import AgentsScreen, DefinedList
from workbench.tui.screens.browse import FullPane

CODER = """
name: coder
signature: 'task: str "what to do" -> patch: str, notes: list[str]'
instructions: Write little.
tools: [read_file, write_file]
model: ollama:qwen3:4b
"""


class Here:
    """The agents on the screen of a real workbench."""

    def __init__(self, app: KaizenApp, pilot: Pilot[Any], bench: Workbench) -> None:
        self.app, self.pilot, self.bench = app, pilot, bench

    @property
    def rows(self) -> list[Any]:
        return self.app.screen.query_one(DefinedList).rows

    def detail(self) -> str:
        lines = self.app.screen.query_one(FullPane).rows
        return " ".join("".join(str(t) for line in lines for t, _ in (*line, (" ", ""))).split())


@asynccontextmanager
async def agents(folder: Path, *given: Agent) -> AsyncGenerator[Here]:
    """F9 over a workbench with an agent of a file and others."""
    benches: list[Workbench] = []
    written = folder / "work" / "agents"
    written.mkdir(parents=True, exist_ok=True)
    (written / "coder.yaml").write_text(CODER)

    @asynccontextmanager
    async def bench() -> AsyncGenerator[Workbench]:
        async with opened(folder) as found:
            (coder,) = load_agents(CODER, ".yaml", "coder.yaml")
            found.agents.clear()
            found.agents.update({agent.name: agent for agent in (coder, *given)})
            benches.append(found)
            yield found

    app = KaizenApp(bench, clock=HandClock())
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(app, pilot)
        await pilot.press("f9")
        await until(pilot, lambda: isinstance(app.screen, AgentsScreen))
        list_ = app.screen.query_one(DefinedList)
        await until(pilot, lambda: "defined" in str(list_.border_title))
        yield Here(app, pilot, benches[0])
    app.close_core(10.0)


async def test_f9_lists_what_each_agent_takes_and_gives_and_where_it_is_written(
    tmp_path: Path,
) -> None:
    critic = Agent("critic", "patch: str -> verdict: str")
    async with agents(tmp_path, critic) as here:
        assert [(row.name, row.model, row.tools, row.state) for row in here.rows] == [
            ("coder", "ollama:qwen3:4b", 2, "idle"),
            ("critic", "(playbook:default)", 0, "idle"),
        ]
        await until(here.pilot, lambda: "takes" in here.detail())
        assert 'takes task: str "what to do"' in here.detail()
        assert "gives patch: str notes: list[str]" in here.detail()
        assert "coder.yaml" in here.detail()
        assert agent_digest(here.bench.agents["coder"]) in here.detail()
        assert "read_file, write_file" in here.detail()
        assert "Write little." in here.detail()
        await here.pilot.press("j")
        await until(here.pilot, lambda: "critic" in here.detail())
        assert "a command or a program defined it" in here.detail()
        assert "playbook:default, as it names none" in here.detail()


async def test_a_file_that_was_edited_or_broken_since_is_said(tmp_path: Path) -> None:
    async with agents(tmp_path) as here:
        folder = tmp_path / "work" / "agents"
        (folder / "coder.yaml").write_text(CODER.replace("little", "much"))
        (folder / "odd.yaml").write_text("name: [")
        os.mkfifo(folder / "pipe.yaml")
        await here.pilot.press("escape", "f9")
        await until(here.pilot, lambda: "which says something else now" in here.detail())
        assert "odd.yaml cannot be read now" in here.detail()


async def test_what_an_agent_does_now_is_told_and_kept_up_with(tmp_path: Path) -> None:
    async with agents(tmp_path) as here:
        rows = Rows()
        await shown(here.app, here.pilot, typical(rows))
        await until(here.pilot, lambda: here.rows[0].state == "busy")
        await shown(here.app, here.pilot, waiting_rows(rows))
        await until(here.pilot, lambda: here.rows[0].state == "WAITING")
        await until(here.pilot, lambda: "run a41f77c0: WAITING" in here.detail())
        await shown(here.app, here.pilot, [rows.row("run.finished", outcome="returned")])
        await until(here.pilot, lambda: here.rows[0].state == "idle")
        await until(here.pilot, lambda: "run a41f77c0: done" in here.detail())


@pytest.mark.parametrize("key", ["enter", "a"])
async def test_enter_and_a_write_the_command_that_asks(tmp_path: Path, key: str) -> None:
    odd = Agent("a b", "task: str -> text: str")
    async with agents(tmp_path, odd) as here:
        assert here.rows[0].name == "a b"
        await here.pilot.press(key)
        await until(here.pilot, lambda: here.app.screen is here.app.main)
        assert here.app.main.command.field.value == "/ask 'a b' "
        await here.pilot.press("escape", "f9")
        await until(here.pilot, lambda: isinstance(here.app.screen, AgentsScreen))
        await until(here.pilot, lambda: bool(here.rows))
        await here.pilot.press("j", key)
        await until(here.pilot, lambda: here.app.main.command.field.value == "/ask coder ")
