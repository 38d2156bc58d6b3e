"""The user's own keys: what is wrong is told with its line, what is right works and is shown."""

import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.keys import _character_to_key  # pyright: ignore[reportPrivateUsage]
from textual.widgets import Input

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
from workbench.config.looks import key, spelled, types_text
from workbench.config.trust import trust
from workbench.config.values import Unfit
from workbench.errors import ConfigError
from workbench.tui import keymap
from workbench.tui.app import KaizenApp
from workbench.tui.keymap import checked, listed
from workbench.tui.keys import KEYS
from workbench.tui.screens.help import HelpLines


def settings(folder: Path, text: str) -> Config:
    """The user's settings, read and checked."""
    (folder / "config.toml").write_text(text)
    config = load(environment={"KAIZEN_TUI_CONFIG_HOME": str(folder)}, workspace=folder)
    checked(config)
    return config


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('trace.folow = "b"', r"no action\. Did you mean 'trace\.follow'"),
        ('follow = "b"', r"no action\. Did you mean 'trace\.follow'"),
        ('"\u202ex" = "b"', r"no action"),
        ('trace.follow = "ctrl+i"', r"same for tab; did you mean 'tab'"),
        ('trace.follow = "ctrl+m"', r"same for enter; did you mean 'enter'"),
        ('trace.follow = "ctrl+h"', r"same for backspace; did you mean 'backspace'"),
        ('trace.follow = "ctrl+["', r"same for escape; did you mean 'escape'"),
        (
            'trace.follow = "ctrl+shift+b"',
            r"as ctrl+b; did you mean 'ctrl\+b'".replace("+b;", r"\+b;"),
        ),
        ('trace.follow = "shift+b"', r"did you mean 'B'"),
        ('trace.follow = "esc"', r"did you mean 'escape'"),
        ('trace.follow = "pagedwn"', r"did you mean 'pagedown'"),
        ('trace.follow = "\u0301"', r"no key that a terminal sends"),
        ('trace.follow = "b,,h"', r"needs a key"),
        ('trace.follow = ""', r"needs a key"),
        ("trace.follow = 5", r"expects text"),
        ("trace.follow = true", r"expects text"),
        ('trace.follow = ["b"]', r"expects text"),
        ('trace.follow = "j"', r"list\.down \(Down\) has that key there\. Free there: "),
        ('trace.follow = "l"', r"trace\.level \(Level of detail\) has that key"),
        ('screen.zoom = "y"', r"has that key there\. Free there: "),
        ('app.runs = "f2"', r"app\.inbox \(Inbox\) has that key there\. Free there: f3"),
        ('app.runs = "b"', r"works in text fields, which need b themselves"),
        ('pane.inbox = "enter"', r"works in text fields, which need enter"),
        ('command.older = "o"', r"works in text fields"),
        ('screen.escape = "b"', r"leads out of text fields.*Keep one beside it"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line_and_what_would_be_right(
    tmp_path: Path, line: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        settings(tmp_path, f'model = "m"\n\n[keys]\n{line}\n')
    assert f"{tmp_path}/config.toml:4: keys." in str(caught.value)


def test_an_action_set_twice_in_one_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml:3: keys\.trace\.follow is set twice"):
        settings(tmp_path, '[keys]\ntrace.follow = "b"\n"trace.follow" = "h"\n')


def test_two_actions_may_change_places(tmp_path: Path) -> None:
    config = settings(tmp_path, '[keys]\ntrace.follow = "l"\ntrace.level = "F"\n')
    assert config.keys == {"trace.follow": "l", "trace.level": "F"}


def test_a_project_moves_no_keys(tmp_path: Path) -> None:
    (tmp_path / "kaizen.toml").write_text('[keys]\ninbox.allow = "o"\n')
    environment = {"HOME": str(tmp_path / "home")}
    trust(tmp_path, environment)
    with pytest.raises(ConfigError, match="only be set in your own settings"):
        load(environment=environment, workspace=tmp_path)


def test_the_list_says_where_each_key_comes_from(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\ntrace.follow = "b"\ntrace.level = "h"\n')
    environment = {
        "KAIZEN_TUI_CONFIG_HOME": str(tmp_path),
        "KAIZEN_TUI_KEYS": '{"trace.level": "h,N"}',
    }
    config = load(environment=environment, workspace=tmp_path)
    rows = {row[0]: row[1:] for row in listed(config)}
    assert rows.keys() == {one.id for one in KEYS}
    assert rows["trace.follow"] == ("b", "Follow", f"{tmp_path}/config.toml:2")
    assert rows["trace.level"] == ("h or N", "Level of detail", "environment KAIZEN_TUI_KEYS")
    assert rows["trace.filter"] == ("/", "Filter", "default")


def test_the_usual_keys_are_a_keyboard_one_can_use() -> None:
    assert checked(Config()) == {}
    for one in KEYS:
        for name in one.keys.split(","):
            assert key(name) == name, one.id


def test_characters_have_the_names_that_textual_gives_them() -> None:
    for character in string.punctuation + string.ascii_letters + string.digits + "é§£ß":
        assert spelled(character) == _character_to_key(character)
        assert types_text(spelled(character))


@given(st.text(max_size=12))
def test_whatever_is_written_for_a_key_is_one_or_refused(text: str) -> None:
    try:
        name = key(text)
    except Unfit:
        return
    assert name.isprintable()
    assert "," not in name


@given(
    st.dictionaries(
        st.sampled_from([one.id for one in KEYS]),
        st.sampled_from(["b", "f13", "f14", "ctrl+b", "enter", "escape", "y", "alt+x", "f14,b"]),
        max_size=5,
    )
)
def test_a_map_that_passes_leaves_each_action_a_key_of_its_own(moved: dict[str, str]) -> None:
    config = Config(keys=moved)
    try:
        checked(config)
    except ConfigError:
        return
    for place in ("trace", "inbox", "agents", "checkpoints", "detail"):
        taken: list[str] = []
        for one in KEYS:
            if one.place in ("app", "screen", "list", place):
                taken += moved.get(one.id, one.keys).split(",")
        assert len(taken) == len(set(taken))


def stage(**moved: str) -> tuple[KaizenApp, FakeBench, HandClock]:
    """A run with two requests waiting, under keys of the user's."""
    bench, clock, rows = FakeBench(), HandClock(), Rows()
    bench.store.events = typical(rows)
    asked = waiting_rows(rows)
    bench.store.events += asked
    bench.waiting = [as_waiting(row) for row in asked]
    bench.runs[rows.run_id] = FakeRun(rows.run_id)
    keys = {name.replace("__", "."): value for name, value in moved.items()}
    return KaizenApp(bench.opened, clock=clock, config=Config(keys=keys)), bench, clock


async def begin(app: KaizenApp, bench: FakeBench, pilot: Any) -> None:
    await shown(app, pilot, bench.store.events)
    app.wishes.complete_inbox()
    await settled(app, pilot)


async def test_a_moved_key_works_and_the_old_one_no_longer_does() -> None:
    app, bench, _clock = stage(
        trace__level="b", app__runs="f13", screen__zoom="ctrl+b,question_mark", screen__help="Z"
    )
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        level = app.main.area.trace.level
        await pilot.press("l")
        assert app.main.area.trace.level == level
        await pilot.press("b")
        assert app.main.area.trace.level != level
        await pilot.press("question_mark")
        assert app.main.area.wanted.zoomed == "trace"
        await pilot.press("ctrl+b")
        assert app.main.area.wanted.zoomed is None
        await pilot.press("f3")
        assert app.screen is app.main
        await pilot.press("f13")
        await until(pilot, lambda: app.screen is not app.main)


async def test_help_palette_and_hints_show_the_keys_as_they_are() -> None:
    app, bench, _clock = stage(
        trace__level="b", screen__inbox="f14", inbox__allow="o", inbox__scroll_down="ctrl+n"
    )
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        assert "b level of detail" in text_of(app)
        assert "f14 or f2 to decide" in text_of(app)
        await pilot.press("f14")
        await settled(app, pilot)
        assert "[o] Allow once" in text_of(app)
        await pilot.press("f1")
        await settled(app, pilot)
        lines = app.screen.query_one(HelpLines).rows
        text = ["".join(str(part) for part, _ in line) for line in lines]
        assert any(line.split()[:1] == ["o"] and "Allow exactly" in line for line in text)
        assert not any(line.split()[:1] == ["y"] and "Allow exactly" in line for line in text)
        await pilot.press("escape", "ctrl+p")
        await pilot.press(*"allow once")
        await until(pilot, lambda: "Allow once (5 Inbox, o)" in text_of(app))


async def test_the_waits_hold_for_a_moved_key() -> None:
    app, bench, clock = stage(inbox__allow="f13")
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        clock.turn(2)
        await pilot.press("5")
        await settled(app, pilot)
        await pilot.press("f13")
        assert "ignored: this request was selected only just now" in app.notice
        clock.turn(2)
        await pilot.press("y")
        clock.turn(0.1)
        await pilot.press("f13")
        assert "ignored: a key was pressed just before" in app.notice
        assert bench.answers == []
        clock.turn(2)
        await pilot.press("f13")
        await until(pilot, lambda: len(bench.answers) == 1)
        assert bench.answers[0][1].verdict == "allow"


async def test_letters_that_were_given_to_other_actions_are_typed_and_decide_nothing() -> None:
    app, bench, clock = stage(
        inbox__allow="a",
        inbox__deny="m",
        screen__next_pane="h",
        screen__mode="i",
        screen__pause="u",
    )
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        clock.turn(2)
        await pilot.press("5")
        await settled(app, pilot)
        await pilot.press("6")
        for letter in "maim what, iuah":
            clock.turn(1)
            await pilot.press("space" if letter == " " else "comma" if letter == "," else letter)
        assert app.main.query_one("#command-input", Input).value == "maim what, iuah"
        await pilot.press("escape", "5")
        clock.turn(2)
        await pilot.press("d")
        await pilot.press(*"ham")
        assert app.main.query_one("#inbox-field", Input).value == "ham"
        assert bench.answers == []
        assert bench.policy.mode == "confirm"


async def test_a_quit_key_that_was_moved_leaves_none_of_textuals_behind() -> None:
    app, bench, _clock = stage(app__quit="f13", app__interrupt="f14")
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        await pilot.press("ctrl+q", "ctrl+c")
        await settled(app, pilot)
        assert not app.around.closing
        assert app.is_running
        await pilot.press("f13")
        await until(pilot, lambda: app.around.closing)


def test_every_action_that_a_sentence_names_has_keys() -> None:
    ids = {one.id for one in KEYS}
    folder = Path(keymap.__file__).parent
    named = [
        name
        for path in folder.rglob("*.py")
        for name in re.findall(r"\{\{?([a-z]+\.[a-z_]+)\}", path.read_text())
        if path.name != "keymap.py" and name.partition(".")[0] in {one.place for one in KEYS}
    ]
    assert len(named) > 20
    assert set(named) <= ids


async def test_help_shows_all_of_many_keys() -> None:
    many = "f13,alt+shift+r,ctrl+pagedown,ctrl+right_square_bracket"
    app, bench, _clock = stage(trace__follow=many)
    async with app.run_test(size=(80, 24)) as pilot:
        await begin(app, bench, pilot)
        await pilot.press("f1")
        await settled(app, pilot)
        rows = app.screen.query_one(HelpLines).rows
        text = " ".join("".join(str(part) for part, _ in line) for line in rows)
        for name in ("f13", "or alt+shift+r", "or ctrl+pgdn", "or ctrl+]"):
            assert name in text


def test_the_screen_does_not_open_with_keys_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"no action\. Did you mean 'trace\.follow'"):
        stage(trace__folow="b")


def text_of(app: KaizenApp) -> str:
    """What stands on the screen."""
    strips = app.screen._compositor.render_strips(app.size)  # pyright: ignore[reportPrivateUsage]
    return "\n".join(strip.text for strip in strips)


@pytest.mark.parametrize("bell", [True, False])
async def test_the_bell_rings_once_unless_it_is_muted(
    bell: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, bench, _clock = stage()
    app.config = Config(bell=bell)
    rung: list[bool] = []
    monkeypatch.setattr(app, "bell", lambda: rung.append(True))
    async with app.run_test(size=(160, 45)) as pilot:
        await begin(app, bench, pilot)
        app.show_news()
        assert rung == ([True] if bell else [])
