"""The one list: fast, following, counting, cropping by cells."""

import time

from textual.app import App, ComposeResult

from tests.tui.stage import until
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, crop, fit, right, width_of, wrap
from workbench.tui.lines import Lines


class Log(Lines[tuple[int, str]]):
    FOLLOWS = True

    def spans(self, row: tuple[int, str], width: int) -> Line:
        return ((Plain(f"{row[0]:>7} "), "dim"), (fit(one_line(row[1]), width - 8), ""))


class Stand(App[None]):
    def compose(self) -> ComposeResult:
        yield Log()


async def test_a_hundred_thousand_rows_are_there_within_a_second() -> None:
    app = Stand()
    async with app.run_test(size=(160, 48)) as pilot:
        log = app.query_one(Log)
        rows = [(number, f"row {number}") for number in range(100_000)]
        begun = time.perf_counter()
        for start in range(0, len(rows), 1000):
            log.extend(rows[start : start + 1000])
            await pilot._wait_for_screen()
        await until(pilot, lambda: not log.is_painting)
        assert time.perf_counter() - begun < 4.0  # some 0.3 s on an idle machine
        assert log.virtual_size.height == 100_000
        assert log.cursor == 99_999


async def test_many_rows_in_one_frame_are_painted_once() -> None:
    app = Stand()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(Log)
        await until(pilot, lambda: not log.is_painting)
        for number in range(5_000):
            log.extend([(number, "x")])
        assert log.is_painting
        assert log.virtual_size.height == 0


async def test_following_stops_when_one_goes_up_and_counts_what_comes() -> None:
    app = Stand()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(Log)
        log.extend((number, "x") for number in range(100))
        await until(pilot, lambda: not log.is_painting)
        assert log.badge() == "follow"
        await pilot.press("k")
        top = log.scroll_offset.y
        log.extend((number, "x") for number in range(50))
        await until(pilot, lambda: not log.is_painting)
        assert log.scroll_offset.y == top
        assert log.badge() == "50 new, G follows"
        await pilot.press("G")
        await until(pilot, lambda: not log.is_painting)
        assert log.badge() == "follow"
        assert log.cursor == 149


async def test_keys_move_the_cursor_and_bring_it_in_sight() -> None:
    app = Stand()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(Log)
        log.extend((number, "x") for number in range(100))
        await until(pilot, lambda: not log.is_painting)
        await pilot.press("g")
        assert (log.cursor, log.scroll_offset.y) == (0, 0)
        await pilot.press("j", "down", "ctrl+d")
        assert log.cursor == 2 + log.size.height // 2
        await pilot.press("k", "up", "home")
        assert log.cursor == 0


async def test_dropping_the_oldest_rows_keeps_what_is_in_sight() -> None:
    app = Stand()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(Log)
        log.extend((number, "x") for number in range(200))
        await until(pilot, lambda: not log.is_painting)
        await pilot.press("k")
        here = log.selected
        log.drop_head(50)
        await until(pilot, lambda: not log.is_painting)
        assert log.selected == here


def test_wide_characters_are_cropped_by_cells() -> None:
    assert width_of(fit(Plain("漢字漢字漢字"), 7)) == 7
    assert width_of(fit(Plain("abc"), 7)) == 7
    assert fit(Plain("abcdef"), 4) == "abc…"
    assert crop(Plain("abc"), 4) == "abc"
    assert right(Plain("abc"), 5) == "  abc"


def test_wrapping_loses_and_adds_nothing() -> None:
    text = "one two three 漢字漢字漢字漢字 " + "x" * 50
    lines = wrap(Plain(text), 12)
    assert "".join(lines) == text
    assert all(width_of(line) <= 12 for line in lines)


async def test_escape_sequences_in_a_row_never_reach_the_terminal() -> None:
    app = Stand()
    async with app.run_test(size=(80, 24)) as pilot:
        log = app.query_one(Log)
        log.extend([(1, "\x1b]52;c;aGk=\x07[@click=app.quit]x[/]")])
        await until(pilot, lambda: not log.is_painting)
        painted = "".join(segment.text for segment in log.render_line(0))
        assert "\x1b" not in painted
        assert "[@click=app.quit]" in painted  # as text, which nothing can click
