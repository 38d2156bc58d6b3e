"""The workbench screen at the keyboard: panes, zoom, filter, leaving, interrupting, steering."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.stage import (
    FakeBench,
    FakeRun,
    HandClock,
    Rows,
    diverged,
    make_app,
    settled,
    shown,
    typical,
    until,
    waiting_rows,
)
from workbench.tui.app import KaizenApp
from workbench.tui.screens.diverged import DivergedScreen
from workbench.tui.screens.fork import ForkScreen
from workbench.tui.screens.help import HelpScreen

RUN = "a41f77c0"


class Bench:
    """A screen with a typical run on it."""

    def __init__(
        self, app: KaizenApp, pilot: Pilot[Any], bench: FakeBench, clock: HandClock
    ) -> None:
        self.app, self.pilot, self.bench, self.clock = app, pilot, bench, clock
        self.rows = Rows()
        self.run = FakeRun(RUN)
        bench.runs[RUN] = self.run

    @property
    def pane(self) -> str:
        return self.app.main.focused_pane()

    async def press(self, *keys: str, apart: float = 2.0) -> None:
        for key in keys:
            self.clock.turn(apart)
            await self.pilot.press(key)
            await settled(self.app, self.pilot)

    async def type(self, text: str) -> None:
        names = {" ": "space", "/": "slash", ":": "colon", "!": "exclamation_mark"}
        for char in text:
            await self.pilot.press(names.get(char, char))

    async def told(self, *wanted: Any) -> None:
        await until(self.pilot, lambda: wanted in self.run.told)


@asynccontextmanager
async def bench(size: tuple[int, int] = (140, 44), *, waits: bool = False) -> AsyncGenerator[Bench]:
    fake, clock = FakeBench(), HandClock()
    app = make_app(fake, clock)
    async with app.run_test(size=size) as pilot:
        here = Bench(app, pilot, fake, clock)
        events = typical(here.rows) + (waiting_rows(here.rows) if waits else [])
        fake.store.events += events
        await shown(app, pilot, events)
        yield here


@pytest.mark.parametrize("size", [(160, 45), (120, 40), (80, 24)])
async def test_digits_and_alt_digits_go_to_every_pane_at_every_size(size: tuple[int, int]) -> None:
    names = ("agents", "checkpoints", "trace", "detail", "inbox", "command")
    async with bench(size, waits=True) as here:
        for number, name in enumerate(names, 1):
            await here.press(f"alt+{number}")
            assert here.pane == name
        await here.press("alt+3")
        for number, name in enumerate(names, 1):
            await here.press(str(number))
            assert here.pane == name
            assert here.app.focused is not None
            assert here.app.focused.region.height > 0


async def test_digits_are_text_in_the_command_line() -> None:
    async with bench() as here:
        await here.press("6")
        await here.type("12 q")
        assert here.app.main.command.field.value == "12 q"


async def test_escape_leaves_the_text_first_and_keeps_it() -> None:
    async with bench() as here:
        await here.press("1", "6")
        await here.type("hello")
        await here.press("escape")
        assert here.pane == "agents"
        assert here.run.told == []
        await here.press("6")
        assert here.app.main.command.field.value == "hello"


async def test_escape_in_a_pane_stops_at_the_next_step_and_twice_stops_now() -> None:
    async with bench() as here:
        await here.press("escape")
        await here.told("interrupt", "graceful", "user")
        await here.press("escape", apart=0.5)
        await here.told("interrupt", "immediate", "user")


async def test_two_slow_escapes_are_two_graceful_stops() -> None:
    async with bench() as here:
        await here.press("escape", "escape", apart=5)
        await until(here.pilot, lambda: len(here.run.told) == 2)
        assert {told[1] for told in here.run.told} == {"graceful"}


async def test_escape_undoes_zoom_and_filter_before_it_interrupts() -> None:
    async with bench() as here:
        await here.press("slash")
        await here.type("agent:coder")
        await here.press("enter", "z")
        assert here.app.main.area.wanted.zoomed == "trace"
        await here.press("escape")
        assert here.app.main.area.wanted.zoomed is None
        assert here.app.main.area.trace.filter_text == "agent:coder"
        await here.press("escape")
        assert here.app.main.area.trace.filter_text == ""
        assert here.run.told == []


async def test_the_filter_shows_what_matches_and_names_what_is_wrong() -> None:
    async with bench() as here:
        await here.press("slash")
        await here.type("agent:coder !kind:tool")
        await here.press("enter")
        rows = here.app.main.area.trace.rows
        assert rows
        assert {row.agent for row in rows} == {"coder"}
        assert "tool" not in {row.kind for row in rows}
        await here.press("slash")
        await here.type(" agnt:x")
        await here.press("enter")
        assert "Did you mean 'agent'" in here.app.notice


async def test_a_line_that_a_filter_wants_shows_up_when_its_step_ends() -> None:
    async with bench() as here:
        await here.press("slash")
        await here.type("state:done")
        await here.press("enter")
        before = len(here.app.main.area.trace.rows)
        key = "0:ask.planner/2:ask.critic/0:model"
        await shown(here.app, here.pilot, [here.rows.done(key, "model", "qwen3:4b")])
        assert len(here.app.main.area.trace.rows) == before + 1


async def test_more_detail_shows_more_rows() -> None:
    async with bench() as here:
        await shown(here.app, here.pilot, [here.rows.row("value.defined", digest="x", value=1)])
        trace = here.app.main.area.trace
        before = len(trace.rows)
        await here.press("3", "l", "l")
        assert len(trace.rows) == before + 1
        await here.press("l")
        assert len(trace.rows) == before


async def test_ctrl_c_stops_everything_from_inside_a_text_and_the_text_stays() -> None:
    async with bench() as here:
        await here.press("6")
        await here.type("abc")
        await here.press("ctrl+c")
        await here.told("interrupt", "graceful", "user")
        assert here.app.main.command.field.value == "abc"


async def test_ctrl_c_twice_saves_and_leaves_and_more_does_no_harm() -> None:
    async with bench() as here:
        for _ in range(8):
            here.clock.turn(0.1)
            await here.pilot.press("ctrl+c")
        await until(here.pilot, here.app.core.ended.done)
        assert here.app.return_code in (0, None)


async def test_plain_text_steers_the_selected_agent() -> None:
    async with bench() as here:
        await here.press("1", "j", "j", "enter")
        assert here.pane == "command"
        await here.type("mind the tests")
        await here.press("enter")
        await here.told("steer", "coder", "mind the tests")


async def test_tab_queues_a_text_until_the_agent_rests() -> None:
    async with bench() as here:
        await here.press("1", "j", "j", "enter")
        await here.type("later")
        await here.press("tab")
        assert not here.run.told
        await shown(
            here.app, here.pilot, [here.rows.done("0:ask.planner/1:ask.coder", "ask", "coder")]
        )
        await here.told("steer", "coder", "later")


async def test_text_without_a_selected_agent_is_not_lost_silently() -> None:
    async with bench() as here:
        await here.press("6")
        await here.type("hello")
        await here.press("enter")
        assert "select an agent" in here.app.notice


async def test_x_cancels_the_selected_call_only() -> None:
    async with bench() as here:
        await here.press("3", "k")  # the row above the message: the critic's model call
        await here.press("x")
        key = "0:ask.planner/2:ask.critic/0:model"
        await here.told("cancel", key, "cancelled by the user")


async def test_p_pauses_and_goes_on() -> None:
    async with bench() as here:
        await here.press("p")
        await until(here.pilot, lambda: here.app.board.runs[RUN].status == "paused")
        await here.press("p")
        await until(here.pilot, lambda: here.app.board.runs[RUN].status == "running")


async def test_shift_tab_cycles_the_mode() -> None:
    async with bench() as here:
        await here.press("shift+tab")
        await until(here.pilot, lambda: here.app.around.mode == "edits")


async def test_tab_goes_round_the_panes_and_never_into_the_inbox() -> None:
    async with bench(waits=True) as here:
        seen: list[str] = []
        for _ in range(6):
            await here.press("tab")
            seen.append(here.pane)
        assert set(seen) == {"agents", "checkpoints", "trace", "detail", "command"}


async def test_the_help_shows_the_keys_and_escape_only_closes_it() -> None:
    async with bench() as here:
        await here.press("question_mark")
        assert isinstance(here.app.screen, HelpScreen)
        await here.press("escape")
        assert here.app.screen is here.app.main
        assert here.run.told == []


async def test_f_opens_the_fork_form_and_ctrl_s_forks_with_what_was_filled_in() -> None:
    async with bench() as here:
        await here.press("2", "j", "f")
        assert isinstance(here.app.screen, ForkScreen)
        await here.type("ollama:x")
        await here.press("ctrl+s")
        await until(here.pilot, lambda: bool(here.bench.forks))
        assert here.bench.forks == [(RUN, 6, {"model": "ollama:x"})]  # after its outcome


async def test_a_run_that_does_not_fit_is_shown_with_its_ways_out() -> None:
    async with bench((80, 24)) as here:
        here.bench.diverges = diverged(RUN)
        await here.press("2", "r")
        assert isinstance(here.app.screen, DivergedScreen)
        await here.press("f")
        await until(here.pilot, lambda: bool(here.bench.forks))
        assert here.bench.forks == [(RUN, 6, {})]
        assert here.app.screen is here.app.main


async def test_a_run_that_does_not_fit_is_given_up_when_one_says_so_twice() -> None:
    async with bench() as here:
        here.bench.diverges = diverged(RUN)
        await here.press("2", "r", "D")
        assert here.bench.dropped == []
        await here.press("D", apart=0.5)
        await until(here.pilot, lambda: here.bench.dropped == [RUN])
        await here.press("2", "r")
        await here.press("escape")
        assert here.app.screen is here.app.main
        assert here.bench.dropped == [RUN]


async def test_m_names_a_checkpoint() -> None:
    async with bench() as here:
        await here.press("2", "m")
        await here.type("good")
        await here.press("enter")
        await here.told("checkpoint", "good")


async def test_enter_on_a_step_shows_it_with_its_outcome() -> None:
    async with bench() as here:
        await here.press("3", "g", *["j"] * 7, "enter")
        await until(here.pilot, lambda: len(here.app.main.area.detail.rows) > 5)
        text = "\n".join(
            "".join(part for part, _ in line) for line in here.app.main.area.detail.rows
        )
        assert "Makefile" in text
        assert "python -m build" in text


async def test_a_terminal_that_shrinks_and_grows_keeps_everything() -> None:
    async with bench() as here:
        for size in ((70, 20), (80, 24), (120, 40), (200, 60), (30, 5), (140, 44)):
            await here.pilot.resize_terminal(*size)
            await here.pilot.pause()
        assert here.app.main.area.is_shown("checkpoints")
        assert len(here.app.main.area.trace.rows) == 11


async def test_rows_from_the_core_reach_the_screen() -> None:
    async with bench() as here:
        here.bench.tell(here.rows.row("message.sent", to="a", text="hello there"))
        await until(
            here.pilot, lambda: any("hello" in row.what for row in here.app.main.area.trace.rows)
        )


async def test_a_gap_in_the_rows_is_filled_from_the_log() -> None:
    async with bench() as here:
        missed = here.rows.row("message.sent", to="a", text="missed")
        here.bench.store.events.append(missed)
        here.bench.tell(here.rows.row("message.sent", to="a", text="after"))
        await until(
            here.pilot, lambda: any("missed" in row.what for row in here.app.main.area.trace.rows)
        )
        assert not here.app.board.gaps


async def test_a_core_that_ends_by_itself_ends_the_program_with_its_code() -> None:
    async with bench() as here:
        here.app.core.stop()
        await until(here.pilot, here.app.core.ended.done)
