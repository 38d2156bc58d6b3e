"""The waterfall: bars where and as long as their steps were, nested, growing, at any zoom."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.tui.stage import NOON, Rows, typical, until, waiting_rows
from tests.tui.test_screen import bench
from workbench.tui.cells import width_of
from workbench.tui.panes.falling import Falling
from workbench.tui.state import Board
from workbench.tui.time_axis import Window, deepest, ticks, whole, zoomed
from workbench.tui.trace_rows import TraceRow
from workbench.tui.waterfall import ENDS, Scale, Waterfall, axis_spans, bar_spans

RUN = "a41f77c0"


def words(line: Any) -> str:
    return "".join(str(text) for text, _ in line)


def folded(events: Any) -> Board:
    board = Board()
    for event in events:
        board.fold(event)
    return board


def fall_of(board: Board, run_id: str = RUN) -> Waterfall:
    fall = Waterfall(run_id)
    fall.absorb(board.trace, set(), lambda _row: True)
    return fall


def bar(row: TraceRow, width: int = 80, span_s: float = 10.0) -> str:
    scale = Scale(Window(NOON, NOON, span_s), NOON + span_s)
    return words(bar_spans(row, scale, width))


def row(state: str, at: float, took: float, kind: str = "tool") -> TraceRow:
    return TraceRow(1, NOON + at, RUN, "coder", kind, "x", -1, state, took, 0, 0.0, 1)


def test_steps_stand_below_the_step_they_were_begun_in_in_whatever_order_they_came() -> None:
    fall = fall_of(folded(typical()))
    assert [(one.nest, one.kind, one.what.split(" ")[0]) for one in fall.rows] == [
        (0, "ask", "planner"),
        (1, "model", "qwen3:4b"),
        (1, "checkpoint", "plan"),
        (1, "ask", "coder"),
        (2, "model", "qwen3:4b"),
        (2, "tool", "read_file"),
        (2, "checkpoint", "coder"),
        (1, "ask", "critic"),
        (2, "model", "qwen3:4b"),
    ]


@given(some.lists(some.integers(0, 13), max_size=40), some.integers(1, 5))
def test_taking_rows_in_by_portions_gives_the_same_as_taking_them_at_once(
    order: list[int], portion: int
) -> None:
    events = typical()
    board = Board()
    fall = Waterfall(RUN)
    for number, place in enumerate(sorted(order), 1):
        board.fold(events[place])
        if number % portion == 0:
            changed, board.trace.changed = board.trace.changed, set()
            fall.absorb(board.trace, changed, lambda _row: True)
    fall.absorb(board.trace, board.trace.changed, lambda _row: True)
    assert fall.rows == fall_of(board).rows


@pytest.mark.parametrize("state", [*ENDS, "done"])
def test_a_bar_tells_its_state_without_colour(state: str) -> None:
    shown = bar(row(state, 2.0, 3.0))
    assert (str(ENDS[state]) if state in ENDS else "█") in shown
    assert shown.count("█") >= 10 or state == "waiting"
    assert width_of(shown) == 80  # pyright: ignore[reportArgumentType]


def test_what_is_under_way_grows_to_now_and_what_took_no_time_is_still_seen() -> None:
    assert bar(row("running", 0.0, -1.0)).count("█") > 30
    assert bar(row("done", 5.0, 0.0)).count("█") == 1
    assert bar(row("failed", 5.0, 0.0)).count("x") >= 2  # its name is x, too


def test_what_is_out_of_sight_is_pointed_at() -> None:
    assert "‹" in bar(row("done", -5.0, 1.0))
    assert "›" in bar(row("done", 20.0, 1.0))
    assert "‹█" in bar(row("done", -5.0, 7.0))


@given(
    some.floats(0, 4e8, allow_nan=False),
    some.integers(0, 60),
    some.floats(0, 1),
    some.integers(44, 240),
    some.booleans(),
)
def test_a_window_holds_its_moment_and_lies_within_the_run(
    length: float, level: int, part: float, width: int, grows: bool
) -> None:
    all_of_it = whole(NOON, NOON + length, grows=grows)
    assert all_of_it.span_s >= length * 0.999_999
    at = NOON + length * part
    window = zoomed(all_of_it, min(level, deepest(all_of_it)), NOON, at)
    assert window.left >= all_of_it.left
    assert window.left <= at <= window.left + window.span_s * 1.000_001
    line = words(axis_spans(RUN, window, width))
    assert width_of(line) == width - 10  # pyright: ignore[reportArgumentType]
    assert len([*ticks(window, 60)]) <= 9


@pytest.mark.parametrize(
    ("span", "wanted"),
    [
        (0.06, ["0", "10ms", "20ms"]),
        (2.0, ["0", "500ms", "1.0s", "1.5s"]),
        (45.0, ["0", "10s", "20s", "30s", "40s"]),
        (400.0, ["0", "1:00", "2:00"]),
        (7200.0, ["0", "30:00", "1h00", "1h30"]),
        (400_000.0, ["0", "1d", "2d"]),
    ],
)
def test_ticks_are_round_units(span: float, wanted: list[str]) -> None:
    said = [str(text) for _, text in ticks(Window(NOON, NOON, span), 60)]
    assert said[: len(wanted)] == wanted or set(wanted) <= set(said)


async def test_w_shows_bars_with_an_axis_and_w_again_the_same_row() -> None:
    async with bench(waits=True) as here:
        await here.press("3", "k", "k", "k")
        trace = here.app.main.area.trace
        before = trace.selected
        await here.press("W")
        assert isinstance(trace, Falling)
        assert trace.head == 1
        assert "waterfall" in str(trace.border_title)
        assert "0" in trace.render_line(0).text
        assert "█" in "".join(trace.render_line(y).text for y in range(12))
        await here.press("W")
        assert trace.selected == before
        assert trace.head == 0


async def test_plus_and_minus_zoom_the_time_and_the_selected_bar_stays_in_sight() -> None:
    async with bench() as here:
        await here.press("3", "W", "g", "j", "plus", "plus")
        trace = here.app.main.area.trace
        assert "waterfall x4" in str(trace.border_title)
        for _ in range(8):
            await here.press("j")
            shown = trace.render_line(trace.cursor + 1 - trace.scroll_offset.y).text
            assert any(sign in shown for sign in "█─o>"), shown
        await here.press("minus", "minus", "minus")
        assert "waterfall x" not in str(trace.border_title)
        assert "waterfall" in str(trace.border_title)


async def test_a_running_bar_grows_and_its_end_settles_it() -> None:
    async with bench() as here:
        await here.press("3", "W", "g")
        trace = here.app.main.area.trace
        critic = "0:ask.planner/2:ask.critic/0:model"
        place = next(
            i for i, one in enumerate(trace.rows) if one.state == "running" and one.nest == 2
        )
        here.clock.turn(60)
        here.app.main.tick()
        await here.pilot.pause()
        assert ">" in trace.render_line(place + 1).text
        here.bench.tell(here.rows.done(critic, "model", "qwen3:4b", duration_s=30.0))
        await until(here.pilot, lambda: trace.rows[place].state == "done")
        await here.press("g")
        assert "30.00 s" in trace.render_line(place + 1).text


async def test_the_waterfall_is_of_the_selected_run_alone() -> None:
    async with bench() as here:
        other = Rows("f00dcafe")
        for event in typical(other):
            here.bench.tell(event)
        await until(here.pilot, lambda: "f00dcafe" in here.app.board.runs)
        await here.press("3", "W")
        trace = here.app.main.area.trace
        assert {one.run_id for one in trace.rows} == {here.app.main.run_id}
        await here.press("1", "g", "j", "j", "j", "j")
        assert here.app.main.run_id == RUN
        assert {one.run_id for one in trace.rows} == {RUN}


async def test_a_filter_holds_in_the_waterfall_too() -> None:
    async with bench(waits=True) as here:
        await here.press("3", "W", "slash")
        await here.type("kind:model")
        await here.press("enter")
        assert {one.kind for one in here.app.main.area.trace.rows} == {"model"}


def test_a_hundred_thousand_steps_are_ordered_once_and_added_to_at_no_cost() -> None:
    board, rows = Board(), Rows()
    board.fold(rows.row("run.started", pattern="p"))
    board.fold(rows.step("0:ask.a", "ask", "a", scope=True))
    for number in range(50_000):
        board.fold(rows.step(f"0:ask.a/{number}:tool.t", "tool", "t"))
        board.fold(rows.done(f"0:ask.a/{number}:tool.t", "tool", "t"))
    began = time.process_time()
    fall = fall_of(board)
    all_at_once = time.process_time() - began
    board.trace.changed = set()
    began = time.process_time()
    for number in range(50_000, 50_100):
        board.fold(rows.step(f"0:ask.a/{number}:tool.t", "tool", "t"))
        changed, board.trace.changed = board.trace.changed, set()
        fall.absorb(board.trace, changed, lambda _row: True)
    assert time.process_time() - began < max(all_at_once, 0.05) * 2
    assert len(fall.rows) == 50_101


def test_requests_that_wait_are_bars_too() -> None:
    rows = Rows()
    fall = fall_of(folded([*typical(rows), *waiting_rows(rows)]))
    assert [one.nest for one in fall.rows if one.kind == "perm.asked"] == [2, 1]
