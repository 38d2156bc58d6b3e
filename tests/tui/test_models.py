"""The models on the screen: nobody is asked unbidden, and enter selects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.doubles.ollama_server import OllamaServer, Pulled
from tests.run.stage import opened
from tests.tui.stage import HandClock, settled, until
from workbench.agent.agent import Agent
from workbench.bench import Workbench
from workbench.tui.app import KaizenApp
from workbench.tui.screens.browse import FullPane
from workbench.tui.screens.models import ModelsList, ModelsScreen

PLAYBOOKS = ["playbook:default", "playbook:plan", "playbook:tour"]


class Here:
    """The models on the screen of a real workbench."""

    def __init__(self, app: KaizenApp, pilot: Pilot[Any], bench: Workbench) -> None:
        self.app, self.pilot, self.bench = app, pilot, bench

    @property
    def list(self) -> ModelsList:
        return self.app.screen.query_one(ModelsList)

    def names(self) -> list[str]:
        return [row.name or f"({row.prefix})" for row in self.list.rows]

    def says(self, name: str) -> str:
        return next(row.says for row in self.list.rows if (row.name or row.prefix) == name)

    def detail(self) -> str:
        lines = self.app.screen.query_one(FullPane).rows
        return " ".join("".join(str(t) for line in lines for t, _ in (*line, (" ", ""))).split())

    async def to(self, name: str) -> None:
        """Put the cursor on a row, at the keyboard."""
        await self.pilot.press("g")
        for _ in range(self.names().index(name)):
            await self.pilot.press("j")


@asynccontextmanager
async def models(
    folder: Path, server: OllamaServer, size: tuple[int, int] = (120, 40)
) -> AsyncGenerator[Here]:
    """F8 over a workbench whose Ollama is ``server``."""
    benches: list[Workbench] = []

    @asynccontextmanager
    async def bench() -> AsyncGenerator[Workbench]:
        async with opened(folder, ollama={"hosts": [server.url]}) as found:
            found.agents["critic"] = Agent("critic", "a: str -> b: str", model="ollama:big")
            benches.append(found)
            yield found

    app = KaizenApp(bench, clock=HandClock())
    async with app.run_test(size=size) as pilot:
        await settled(app, pilot)
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
        here = Here(app, pilot, benches[0])
        await until(pilot, lambda: bool(here.list.rows))
        yield here
    app.close_core(10.0)


async def test_f8_shows_what_is_configured_and_asks_nobody(tmp_path: Path) -> None:
    with OllamaServer() as server:
        async with models(tmp_path, server) as here:
            assert here.names()[:3] == ["(ollama)", "ollama:big", "(litellm)"]
            assert here.names()[3:] == ["(playbook)", *PLAYBOOKS, "(recorded)"]
            assert "not asked yet" in here.says("ollama")
            assert "for critic" in here.says("ollama:big")
            assert here.list.selected is not None
            assert here.list.selected.name == "playbook:default"
            await until(here.pilot, lambda: "the configuration names it" in here.detail())
            assert server.requests == []


async def test_c_asks_and_enter_selects(tmp_path: Path) -> None:
    with OllamaServer() as server:
        server.shelf = [Pulled("tiny:latest"), Pulled("embed:1", ("embedding",))]
        async with models(tmp_path, server) as here:
            await here.pilot.press("c")
            await until(here.pilot, lambda: "ollama:tiny:latest" in here.names())
            assert here.says("ollama").startswith("answers")
            await here.to("ollama:embed:1")
            await here.pilot.press("enter")
            await settled(here.app, here.pilot)
            assert "does not chat" in here.app.notice
            assert here.bench.default_model == "playbook:default"
            await here.to("ollama:tiny:latest")
            await here.pilot.press("enter")
            await until(here.pilot, lambda: here.bench.default_model == "ollama:tiny:latest")
            await until(here.pilot, lambda: here.app.around.model == "ollama tiny:latest")
            await until(here.pilot, lambda: "it was chosen here" in here.detail())
            assert here.list.selected is not None
            assert here.list.selected.is_chosen


async def test_a_provider_that_does_not_answer_says_so(tmp_path: Path) -> None:
    with OllamaServer() as server:
        pass
    async with models(tmp_path, server, (80, 24)) as here:
        await here.pilot.press("c")
        await until(here.pilot, lambda: here.says("ollama").startswith("does not answer"))
        assert here.says("litellm").startswith("has no models")
        await here.to("(ollama)")
        await until(here.pilot, lambda: "models pull" in here.detail())


async def test_p_fetches_a_model_once_enter_was_pressed_twice(tmp_path: Path) -> None:
    with OllamaServer() as server:
        server.pull_pause_s = 1.0  # long enough to be seen half way
        async with models(tmp_path, server) as here:
            await here.to("(ollama)")
            await here.pilot.press("p")
            await here.pilot.press(*"qwen3", "colon", *"4b", "enter")
            await until(here.pilot, lambda: "over the network" in here.app.notice)
            assert server.bodies("/api/pull") == []
            await here.pilot.press("enter")
            await until(here.pilot, lambda: "fetching qwen3:4b" in here.says("ollama"))
            await until(here.pilot, lambda: "50 %" in here.says("ollama"))
            await until(here.pilot, lambda: "ollama:qwen3:4b" in here.names())
            assert here.says("ollama").startswith("answers")
            assert "is there" in here.app.notice
            kinds = [entry.kind for entry in here.bench.store.audit.entries()]
            assert "model.pulled" in kinds


async def test_x_cancels_what_is_fetched(tmp_path: Path) -> None:
    with OllamaServer() as server:
        server.pull_pause_s = 0.5
        async with models(tmp_path, server) as here:
            await here.pilot.press("x")
            assert "nothing is being fetched" in here.app.notice
            await here.to("(ollama)")
            await here.pilot.press("p")
            await here.pilot.press(*"qwen3", "colon", *"4b", "enter", "enter")
            await until(here.pilot, lambda: "fetching" in here.says("ollama"))
            await until(here.pilot, lambda: "0 %" in here.says("ollama"))
            await here.pilot.press("p")
            assert "one at a time" in here.app.notice
            await here.pilot.press("x")
            await until(here.pilot, lambda: "was cancelled" in here.app.notice)
            assert await asyncio.to_thread(server.left.wait, 10)
            await until(here.pilot, lambda: "ollama:tiny:latest" in here.names())
            assert "ollama:qwen3:4b" not in here.names()


async def test_a_fetch_that_fails_says_why_and_escape_leaves_the_field_first(
    tmp_path: Path,
) -> None:
    with OllamaServer() as server:
        async with models(tmp_path, server) as here:
            await here.to("(ollama)")
            await here.pilot.press("p", "escape")
            await until(here.pilot, lambda: not here.app.screen.query("#models-pull"))
            assert isinstance(here.app.screen, ModelsScreen)
            await here.pilot.press("p", "enter")
            assert "names no model" in here.app.notice
            await here.pilot.press(*"nothing", "enter", "enter")
            await until(here.pilot, lambda: "finds no model 'nothing'" in here.app.notice)


@pytest.mark.parametrize("prefix", ["ollama", "recorded"])
async def test_enter_on_a_provider_lets_its_model_be_typed(tmp_path: Path, prefix: str) -> None:
    with OllamaServer() as server:
        async with models(tmp_path, server) as here:
            await here.to(f"({prefix})")
            await here.pilot.press("enter")
            await until(here.pilot, lambda: here.app.screen is here.app.main)
            assert here.app.main.command.field.value == f"/model {prefix}:"
