"""The past at the keyboard: everything as it was then, and nothing that can be done to it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from random import Random

import pytest

from tests.tui.stage import settled, until
from tests.tui.test_screen import RUN, Bench, bench
from workbench.tui.app import KaizenApp
from workbench.tui.panes.inbox_past import PastInbox
from workbench.tui.screens.fork import ForkScreen
from workbench.tui.screens.past import PastScreen


def here_and_then(app: KaizenApp) -> PastScreen:
    assert isinstance(app.screen, PastScreen)
    return app.screen


async def there(stage: Bench) -> PastScreen:
    """Until the past has come to where it goes."""
    await until(stage.pilot, lambda: isinstance(stage.app.screen, PastScreen))
    past = here_and_then(stage.app)
    await until(stage.pilot, lambda: past.is_ready and past.past.at == past.goal)
    await settled(stage.app, stage.pilot)
    return past


@asynccontextmanager
async def past(
    size: tuple[int, int] = (140, 44), *, waits: bool = True
) -> AsyncGenerator[tuple[Bench, PastScreen]]:
    async with bench(size, waits=waits) as stage:
        await stage.press("3", "T")
        yield stage, await there(stage)


def bar(screen: PastScreen, name: str = "#status") -> str:
    return screen.query_one(name).render_line(0).text


@pytest.mark.parametrize("size", [(160, 45), (120, 40), (80, 24)])
async def test_t_shows_the_newest_row_says_past_in_words_and_escape_leaves(
    size: tuple[int, int],
) -> None:
    async with past(size) as (stage, screen):
        assert "PAST" in bar(screen)
        assert "row 16 of 16" in bar(screen, "#slider")
        assert "PAST" in bar(screen, "#slider")
        await stage.press("escape")
        assert stage.app.screen is stage.app.main
        assert stage.run.told == []


async def test_left_and_right_go_by_rows_and_all_panes_are_as_they_were() -> None:
    async with past() as (stage, screen):
        await stage.press("left")
        assert screen.past.at == 15
        assert len(screen.area.inbox.state.rows) == 1
        await stage.press("left")
        assert screen.past.at == 14
        assert screen.area.inbox.state.rows == []
        assert "WAITING" not in {row.state for row in screen.area.agents.rows}
        for _ in range(6):
            await stage.press("left")
        assert screen.past.at == 8
        states = {row.kind: row.state for row in screen.area.trace.rows if row.agent == "coder"}
        assert states["model"] == "running"
        assert [row.label for row in screen.area.checkpoints.rows if row.mark == "o"] == [
            "c5 plan accepted"
        ]
        assert screen.board.runs[RUN].tokens == 1200
        await stage.press("right")
        assert screen.past.at == 9
        assert screen.board.runs[RUN].tokens == 2400
        assert "step.finished #9" in screen.area.detail.render_line(0).text


async def test_from_checkpoint_to_checkpoint_and_to_both_ends() -> None:
    async with past() as (stage, screen):
        at: list[int] = []
        for key in (
            "shift+left", "left_square_bracket", "shift+left", "left",
            "shift+right", "right_square_bracket", "shift+right", "right", "home", "end",
            "ctrl+left", "ctrl+right",
        ):  # fmt: skip
            await stage.press(key)
            at.append(screen.past.at)
        assert at == [12, 5, 1, 1, 5, 12, 16, 16, 1, 16, 15, 16]


async def test_space_plays_at_the_recorded_pace_and_the_keys_make_it_faster() -> None:
    async with past() as (stage, screen):
        await stage.press("home", "greater_than_sign", "greater_than_sign", "less_than_sign")
        await stage.pilot.press("space")
        await until(stage.pilot, lambda: "playing x2" in bar(screen, "#slider"))
        stage.clock.turn(0.74)  # four rows at twice the pace, 0.37 s apart
        await until(stage.pilot, lambda: screen.past.at == 5)
        assert abs(screen.clock.now() - screen.board.runs[RUN].started_at - 4 * 0.37) < 0.01
        await stage.press("space", apart=0)
        stage.clock.turn(10)
        await stage.pilot.pause(0.1)
        assert screen.past.at == 5
        await stage.pilot.press("space")
        stage.clock.turn(10)
        await until(stage.pilot, lambda: screen.past.at == 16)
        await until(stage.pilot, lambda: not screen.playing.on)


async def test_while_it_plays_what_was_under_way_grows_in_the_waterfall() -> None:
    async with past() as (stage, screen):
        await stage.press("home", "right", "right", "W")
        await stage.pilot.press("space")  # from now on something is always about to be painted
        before = screen.area.trace.render_line(1).text.count("─")
        stage.clock.turn(0.3)
        await until(stage.pilot, lambda: screen.area.trace.render_line(1).text.count("─") != before)
        assert screen.past.at == 3


async def test_a_request_of_the_past_is_read_and_cannot_be_decided() -> None:
    async with past() as (stage, screen):
        await stage.press("5")
        assert isinstance(screen.area.inbox, PastInbox)
        assert "as it was" in str(screen.area.inbox.border_title)
        for key in ("y", "enter", "s", "e", "d", "n", "Y", "J", "v", "y", "n", "enter"):
            await stage.press(key)
        assert stage.bench.answers == []
        await stage.press("y")
        assert "nothing can be decided" in stage.app.notice
        assert len(screen.area.inbox.state.rows) == 2


async def test_whatever_is_typed_in_the_past_nothing_is_done() -> None:
    chance = Random(7)
    keys = [*"yYnNsSeEdDaAfrmRxpcwWlgGjkzJKvFT123456:/?", "enter", "space", "tab", "shift+tab"]
    keys += ["left", "right", "home", "end", "escape", "shift+left", "ctrl+s", "ctrl+right"]
    async with past() as (stage, _):
        for _number in range(80):
            stage.clock.turn(0.6)
            if not isinstance(stage.app.screen, PastScreen):
                while stage.app.screen is not stage.app.main:
                    stage.app.pop_screen()
                stage.app.wishes.places.past(RUN, 0)
                await there(stage)
            await stage.pilot.press(chance.choice(keys))
        assert stage.bench.answers == []
        assert stage.bench.forks == []
        assert stage.bench.marks == []
        assert stage.bench.dropped == []
        assert stage.run.told == []
        assert stage.bench.policy.mode == "confirm"


async def test_the_present_goes_on_and_is_told_on_return() -> None:
    async with past() as (stage, screen):
        await stage.press("left")
        stage.bench.tell(stage.rows.row("message.sent", "", to="steer/coder", text="hurry"))
        await until(stage.pilot, lambda: stage.app.rows_in == 1)
        screen.refresh_bars()
        assert "since: 1 row" in bar(screen)
        assert "2 waiting NOW" in bar(screen)
        assert screen.past.at == 15
        await stage.press("end")
        assert screen.past.at == 17
        await stage.press("escape")
        assert "1 rows came meanwhile" in stage.app.notice
        assert stage.app.main.area.trace.rows[-1].kind == "message"


async def test_from_a_row_a_checkpoint_and_the_list_of_runs_one_enters_there() -> None:
    async with bench(waits=True) as stage:
        await stage.press("3", "g", "j", "j", "T")
        assert (await there(stage)).past.at == 3
        await stage.press("escape", "2", "g", "j", "j", "T")
        assert (await there(stage)).past.at == 12
        await stage.press("2", "g", "j", "T")
        assert (await there(stage)).past.at == 5
        await stage.press("escape")
        assert stage.app.screen is stage.app.main


async def test_f_in_the_past_leaves_it_with_the_fork_form_of_that_place() -> None:
    async with past() as (stage, _):
        await stage.press("2", "g", "j", "f")
        assert isinstance(stage.app.screen, ForkScreen)
        assert stage.bench.forks == []
        await stage.press("escape")
        assert stage.app.screen is stage.app.main


async def test_what_works_in_the_present_only_says_so() -> None:
    async with past() as (stage, _):
        for key, told in (("6", "nobody hears"), ("2", ""), ("r", "not in the past")):
            await stage.press(key)
            assert told in stage.app.notice
        await stage.press("home", "5")
        assert "nothing waited then" in stage.app.notice


async def test_a_filter_is_typed_with_the_keys_that_move_elsewhere() -> None:
    async with past() as (stage, screen):
        await stage.press("3", "slash")
        await stage.type("kind:model")
        await stage.press("left", "home", "end", "enter")
        assert {row.kind for row in screen.area.trace.rows} == {"model"}
        await stage.press("left")
        assert screen.past.at == 15
        await stage.press("slash", "escape", "escape", "escape")
        assert stage.app.screen is stage.app.main


async def test_the_detail_of_an_earlier_step_ends_where_the_past_does() -> None:
    async with past() as (stage, screen):
        await stage.press("3")
        for _ in range(8):
            await stage.press("left")
        assert screen.past.at == 8
        await stage.press("k", "enter")
        await stage.press("3", "j", "enter")
        lines = [screen.area.detail.render_line(y).text for y in range(8)]
        assert any("step.started #8" in line for line in lines)
        assert not any("step.finished" in line for line in lines)


async def test_the_palette_and_alt_digits_stay_in_the_past() -> None:
    async with past() as (stage, screen):
        for key, pane in (("alt+1", "agents"), ("alt+4", "detail"), ("tab", "agents")):
            await stage.press(key)
            assert stage.app.screen is screen
            assert screen.focused_pane() == pane
