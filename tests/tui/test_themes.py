"""Themes: each can be read, without colours nothing is lost, and a chosen one is kept."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.segment import Segment
from textual.color import Color
from textual.command import CommandInput, CommandPalette
from textual.theme import BUILTIN_THEMES
from textual.widgets import OptionList

from tests.tui.stage import (
    FakeBench,
    FakeRun,
    HandClock,
    Rows,
    as_waiting,
    settled,
    shown,
    typical,
    until,
    waiting_rows,
)
from workbench.config import Config, load
from workbench.config.looks import THEMES
from workbench.permission.danger import Danger
from workbench.tui.app import KaizenApp
from workbench.tui.grades import danger_role
from workbench.tui.inks import DIM, TEXT, contrast, readable

COLOURED = [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi]
ANSI = [name for name, theme in BUILTIN_THEMES.items() if theme.ansi]
FRAMES = {chr(number) for number in range(0x2500, 0x25A0)} | set("▁▂▃▄▅▆▇█▊▎ ")
"""Lines and bars say nothing that a word does not say."""
# The sixteen colours, then what stands for the usual ink and ground where it is dark and light.
PALETTES = {
    "xterm": (
        "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5",
        "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
        "e5e5e5 000000",
        "000000 ffffff",
    ),
    "linux": (
        "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa",
        "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff",
        "aaaaaa 000000",
        "000000 ffffff",
    ),
    "gnome": (
        "2e3436 cc0000 4e9a06 c4a000 3465a4 75507b 06989a d3d7cf",
        "555753 ef2929 8ae234 fce94f 729fcf ad7fa8 34e2e2 eeeeec",
        "d3d7cf 000000",
        "2e3436 ffffff",
    ),
    "windows": (
        "0c0c0c c50f1f 13a10e c19c00 0037da 881798 3a96dd cccccc",
        "767676 e74856 16c60c f9f1a5 3b78ff b4009e 61d6d6 f2f2f2",
        "cccccc 0c0c0c",
        "0c0c0c ffffff",
    ),
}


def stage(theme: str = "") -> tuple[KaizenApp, FakeBench, HandClock]:
    """A run with two requests waiting, in a theme."""
    bench, clock, rows = FakeBench(), HandClock(), Rows()
    bench.store.events = typical(rows)
    asked = waiting_rows(rows)
    bench.store.events += asked
    bench.waiting = [as_waiting(row) for row in asked]
    bench.runs[rows.run_id] = FakeRun(rows.run_id)
    return KaizenApp(bench.opened, clock=clock, config=Config(theme=theme)), bench, clock


async def begin(app: KaizenApp, bench: FakeBench, pilot: Any) -> None:
    await shown(app, pilot, bench.store.events)
    app.wishes.complete_inbox()
    await settled(app, pilot)


def painted(app: KaizenApp) -> Iterator[Segment]:
    """What stands on the screen; of an overlay's, what it holds: the rest steps back behind it."""
    strips = app.screen._compositor.render_strips(app.size)  # pyright: ignore[reportPrivateUsage]
    region = app.screen.region
    if app.screen.is_modal:
        region = max((child.region for child in app.screen.children), key=lambda one: one.area)
    for strip in strips[region.y : region.bottom]:
        yield from strip.crop(region.x, region.right)


def ratio(segment: Segment) -> float:
    style = segment.style
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    return contrast(Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor))


def words(segments: Iterable[Segment]) -> Iterator[Segment]:
    return (segment for segment in segments if set(segment.text) - FRAMES)


def test_the_settings_know_textuals_themes() -> None:
    assert set(THEMES) == set(BUILTIN_THEMES)


@pytest.mark.parametrize("key", ["5", "2", "question_mark", "f3", "f4", "f12"])
async def test_everything_on_the_screen_can_be_read_in_every_theme(key: str) -> None:
    app, bench, clock = stage()
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        clock.turn(2)
        await pilot.press(key)
        for theme in COLOURED:
            app.theme = theme
            await settled(app, pilot)
            dim = app.main.area.trace.role_style("line--dim").color
            for segment in words(painted(app)):
                steps_back = segment.style is not None and segment.style.color == dim
                assert ratio(segment) >= (DIM if steps_back else TEXT), (theme, segment)


@pytest.mark.parametrize("theme", COLOURED)
def test_danger_grades_can_be_read_on_every_ground(theme: str) -> None:
    made = BUILTIN_THEMES[theme]
    found = readable(made.to_color_system().generate(), ansi=False, dark=made.dark)
    grounds = [
        Color.parse(found[name]) for name in ("background", "surface", "panel", "ground-row")
    ]
    inks = {"dim": "text-muted", "good": "text-success", "warn": "text-warning"}
    for grade in Danger:
        ink = Color.parse(found[inks.get(danger_role(grade), "text-error")])
        least = DIM if grade is Danger.SAFE else TEXT
        assert min(contrast(ink, ground) for ground in grounds) >= least


def colours(written: str) -> list[Color]:
    return [Color.parse(f"#{text}") for text in written.split()]


@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("theme", ANSI)
async def test_an_ansi_theme_can_be_read_in_the_palettes_terminals_come_with(
    theme: str, palette: str
) -> None:
    first, bright, dark, light = PALETTES[palette]
    usual = colours(dark if BUILTIN_THEMES[theme].dark else light)
    sixteen = colours(f"{first} {bright}")
    app, bench, _clock = stage(theme)
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        await pilot.press("5")
        await settled(app, pilot)
        for segment in words(painted(app)):
            style = segment.style
            assert style is not None
            ink, ground = (
                usual[place] if colour is None or colour.is_default else sixteen[colour.number or 0]
                for place, colour in enumerate((style.color, style.bgcolor))
            )
            assert contrast(ink, ground) >= TEXT, segment


def attributes(segment: Segment) -> str:
    """How a piece looks where there are no colours."""
    style = segment.style
    assert style is not None
    assert style.color is None or style.color.is_default, segment
    assert style.bgcolor is None or style.bgcolor.is_default, segment
    return "".join(
        name[0] for name in ("bold", "dim", "reverse", "underline") if getattr(style, name)
    )


async def offered(app: KaizenApp, pilot: Any) -> None:
    """Wait until the palette offers something."""
    commands = app.screen.query_one("CommandList", OptionList)
    await until(pilot, lambda: commands.option_count > 0)


@pytest.fixture
def no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.usefixtures("no_colour")
async def test_no_color_paints_without_any_colour_and_what_is_selected_still_shows() -> None:
    app, bench, clock = stage("nord")
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        for key in ("2", "5", "question_mark", "escape"):
            clock.turn(2)
            await pilot.press(key)
            await settled(app, pilot)
            looks = {attributes(segment) for segment in painted(app)}
            assert any(set(look) & {"r", "u"} for look in looks) or key == "question_mark", key
        await pilot.press("2")
        await settled(app, pilot)
        rows = [segment for segment in painted(app) if attributes(segment).startswith(("r", "br"))]
        assert "* supervisor" in "".join(segment.text for segment in rows)
        assert "┏" in "".join(segment.text for segment in painted(app)), "the pane with the keys"
        await pilot.press("ctrl+p")
        await offered(app, pilot)
        commands = app.screen.query_one("CommandList", OptionList)
        assert commands.get_visual_style("option-list--option-highlighted").underline


@pytest.mark.usefixtures("no_colour")
async def test_under_no_color_every_grade_and_state_is_a_word() -> None:
    bench, rows = FakeBench(), Rows()
    grades = [grade.name for grade in Danger if grade is not Danger.SAFE]
    asked = [rows.asked(f"0:tool.x{place}", "x", grade) for place, grade in enumerate(grades)]
    bench.store.events = [rows.row("run.started", pattern="p"), *asked]
    bench.waiting = [as_waiting(row) for row in asked]
    app = KaizenApp(bench.opened, clock=HandClock())
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        await pilot.press("5")
        await settled(app, pilot)
        text = "".join(segment.text for segment in painted(app))
        for word in (*grades, "waiting"):
            assert word in text


def settings_of(folder: Path) -> str:
    """What the user's settings hold."""
    return "".join(path.read_text() for path in folder.iterdir())


async def test_the_palette_shows_a_theme_while_it_is_highlighted_and_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIZEN_TUI_CONFIG_HOME", str(tmp_path))
    app, bench, _clock = stage("nord")
    async with app.run_test(size=(120, 40)) as pilot:
        await begin(app, bench, pilot)
        await pilot.press("ctrl+p")
        await pilot.press(*"theme: drac")
        await offered(app, pilot)
        await pilot.press("down")
        await until(pilot, lambda: app.theme == "dracula")
        await pilot.press("escape")
        await until(pilot, lambda: app.theme == "nord")
        assert settings_of(tmp_path) == ""


async def test_a_theme_that_is_taken_is_kept_in_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIZEN_TUI_CONFIG_HOME", str(tmp_path))
    mine = '# mine\nmodel = "playbook:tour"  # cheap\n\n[limits]\nusd = 1.0\n'
    (tmp_path / "config.toml").write_text(mine)
    app, bench, _clock = stage("nord")
    async with app.run_test(size=(120, 40)) as pilot:
        await begin(app, bench, pilot)
        app.action_themes()
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"grub")
        await until(pilot, lambda: app.screen.query_one(CommandInput).value == "grub")
        await pilot.press("down", "enter")
        await until(pilot, lambda: "gruvbox" in settings_of(tmp_path))
        assert app.theme == "gruvbox"
        await until(pilot, lambda: "kept in" in app.notice)
    assert settings_of(tmp_path) == f'theme = "gruvbox"\n{mine}'
    environment = {"KAIZEN_TUI_CONFIG_HOME": str(tmp_path)}
    assert load(environment=environment, workspace=tmp_path).theme == "gruvbox"


@pytest.mark.usefixtures("no_colour")
async def test_under_no_color_no_theme_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAIZEN_TUI_CONFIG_HOME", str(tmp_path))
    app, bench, _clock = stage()
    async with app.run_test(size=(120, 40)) as pilot:
        await begin(app, bench, pilot)
        app.choose_theme("nord")
        assert "NO_COLOR" in app.notice
    assert settings_of(tmp_path) == ""
