"""The settings screen: what holds, where it comes from, what it is for, and what changes it."""

from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from tests.tui.stage import FakeBench, HandClock, settled, until
from tests.tui.test_keymap import text_of
from workbench.config import Config, load
from workbench.config.settings import KEYS
from workbench.tui.app import KaizenApp
from workbench.tui.screens.settings import SettingLine, SettingsList, SettingsScreen

SETTINGS = """\
theme = "nord"
bell = false

[ollama]
hosts = ["http://me:hunter2@127.0.0.1:1"]

[litellm.keys]
openai = "env:MY_KEY"

[secrets.github]
from = "env:GH"
hosts = ["api.github.com"]

[keys]
trace.follow = "b"
"""


def stage(folder: Path, text: str = SETTINGS, **environment: str) -> tuple[KaizenApp, FakeBench]:
    """An app with the user's settings."""
    (folder / "config.toml").write_text(text)
    variables = {"KAIZEN_TUI_CONFIG_HOME": str(folder), **environment}
    config = load(environment=variables, workspace=folder, flags={"limits.usd": "2.5"})
    bench = FakeBench()
    return KaizenApp(bench.opened, clock=HandClock(), config=config), bench


async def opened(app: KaizenApp, pilot: Any) -> SettingsList:
    await settled(app, pilot)
    await pilot.press("f12")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and app.screen.is_current)
    await settled(app, pilot)
    return app.screen.query_one(SettingsList)


async def go_to(app: KaizenApp, pilot: Any, name: str) -> None:
    rows = app.screen.query_one(SettingsList)
    rows.move_to(next(place for place, row in enumerate(rows.rows) if row.name == name))
    await settled(app, pilot)


async def test_every_setting_has_value_source_and_a_sentence(tmp_path: Path) -> None:
    app, _bench = stage(tmp_path, KAIZEN_TUI_AGENTS="crew", MY_KEY="s3cr3t-value")
    async with app.run_test(size=(160, 45)) as pilot:
        rows = await opened(app, pilot)
        found = {row.name: row for row in rows.rows}
        assert found.keys() == {key.name for key in KEYS}
        assert found["theme"] == SettingLine("theme", "nord", f"{tmp_path}/config.toml:1")
        assert found["agents"] == SettingLine("agents", "crew", "environment KAIZEN_TUI_AGENTS")
        assert found["limits.usd"] == SettingLine("limits.usd", "2.5", "command line")
        assert found["mode"] == SettingLine("mode", "confirm", "default")
        await go_to(app, pilot, "bell")
        text = text_of(app)
        assert "Ring when something waits." in text
        assert "KAIZEN_TUI_BELL=" in text
        await go_to(app, pilot, "keys")
        assert f"keys.trace.follow from {tmp_path}/config.toml:15" in text_of(app)


async def test_no_secret_stands_on_the_screen(tmp_path: Path) -> None:
    app, _bench = stage(tmp_path, MY_KEY="s3cr3t-value", GH="t0ken")
    async with app.run_test(size=(160, 45)) as pilot:
        rows = await opened(app, pilot)
        seen = ""
        for place in range(len(rows.rows)):
            rows.move_to(place)
            await settled(app, pilot)
            seen += text_of(app)
        for hidden in ("s3cr3t-value", "t0ken", "hunter2"):
            assert hidden not in seen
        assert "env:MY_KEY" in seen
        assert "http://...@127.0.0.1:1" in seen


async def test_enter_on_the_theme_opens_the_themes_and_comes_back_with_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIZEN_TUI_CONFIG_HOME", str(tmp_path))
    app, _bench = stage(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(app, pilot)
        await go_to(app, pilot, "theme")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"gruv")
        await until(pilot, lambda: app.screen.query_one(Input).value == "gruv")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        rows = app.screen.query_one(SettingsList)
        await until(pilot, lambda: SettingLine("theme", "gruvbox", "chosen here") in rows.rows)


@pytest.mark.parametrize("name", ["mode", "model"])
async def test_enter_on_mode_or_model_writes_the_command_that_changes_it(
    tmp_path: Path, name: str
) -> None:
    app, _bench = stage(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(app, pilot)
        await go_to(app, pilot, name)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main)
        assert app.main.query_one("#command-input", Input).value == f"/{name} "


async def test_a_mode_chosen_on_the_screen_is_the_one_in_force(tmp_path: Path) -> None:
    app, _bench = stage(tmp_path)
    async with app.run_test(size=(160, 45)) as pilot:
        await settled(app, pilot)
        await pilot.press("shift+tab")
        await until(pilot, lambda: app.around.mode == "edits")
        rows = await opened(app, pilot)
        assert SettingLine("mode", "edits", "chosen here") in rows.rows


async def test_enter_on_another_setting_says_where_it_is_changed(tmp_path: Path) -> None:
    app, _bench = stage(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await go_to(app, pilot, "checkpoints")
        await pilot.press("enter")
        assert "KAIZEN_TUI_CHECKPOINTS" in app.notice
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)


def test_an_address_loses_its_password_in_the_list_of_settings_too() -> None:
    config = Config(
        ollama=load({"ollama": {"hosts": ["http://u:pw@h:1"]}}, environment={"HOME": "/"}).ollama
    )
    assert ("ollama.hosts", {"ollama": "http://...@h:1"}, "default") in config.rows()
