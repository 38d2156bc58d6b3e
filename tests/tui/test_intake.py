"""Rows reach the board in portions: the log's before the live ones, gaps only when it is calm."""

import pytest

from tests.tui.stage import Rows
from workbench.journal.events import Event
from workbench.store.memory import MemoryStore
from workbench.tui import front
from workbench.tui.feed import Feed
from workbench.tui.intake import PORTION, Intake
from workbench.tui.state import Board


def intake() -> tuple[Intake, Board, Feed]:
    board, feed = Board(), Feed(lambda: None)
    return Intake(board, feed), board, feed


def test_a_flood_is_taken_in_portions() -> None:
    taking, board, feed = intake()
    rows = Rows()
    for _ in range(PORTION + 10):
        feed.put(rows.row("message.sent"))
    assert taking.look().again_s is not None
    assert board.trace.end == PORTION
    assert taking.look().again_s is None
    assert board.trace.end == PORTION + 10


def test_rows_of_the_log_come_before_what_waits_live() -> None:
    taking, board, feed = intake()
    rows, live = Rows("11111111"), Rows("22222222")
    told: list[int] = []
    taking.load([rows.row("message.sent") for _ in range(5)], lambda: told.append(board.trace.end))
    feed.put(live.row("message.sent"))
    taking.look()
    assert told == [5]
    assert list(board.runs) == ["11111111"]
    taking.look()
    assert list(board.runs) == ["11111111", "22222222"]


def test_each_load_is_told_when_its_own_last_row_is_in() -> None:
    taking, board, _ = intake()
    one, two = Rows("11111111"), Rows("22222222")
    told: list[tuple[str, int]] = []
    taking.load([one.row("message.sent")], lambda: told.append(("one", board.trace.end)))
    taking.load([], lambda: told.append(("none", board.trace.end)))
    taking.load([two.row("message.sent")] * 1, lambda: told.append(("two", board.trace.end)))
    taking.look()
    assert told == [("one", 1), ("none", 1), ("two", 2)]


def test_a_gap_is_filled_only_when_nothing_comes_any_more() -> None:
    taking, _, feed = intake()
    rows = Rows()
    feed.put(rows.row("message.sent"))
    rows.row("message.sent")  # the one that was let go
    feed.put(rows.row("message.sent"))
    looked = taking.look()
    assert not looked.gaps
    assert looked.again_s is not None
    assert taking.look().gaps


def test_of_a_long_run_the_start_and_the_newest_rows_are_read_and_leave_no_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    row = Event("r", 1, 0.0, "run.started", "", {"pattern": "p"})
    named = Event("r", 2, 0.0, "checkpoint.taken", "", {"name": "early", "by": "user"})
    more = [Event("r", n, 0.0, "message.sent", "", {"to": "x", "text": "y"}) for n in range(3, 101)]
    store.append([row, named, *more])
    monkeypatch.setattr(front, "MOST_ROWS", 10)
    rows = front._rows_of(store, "r")
    assert [row.seq for row in rows] == [1, 2, *range(91, 101)]
    board = Board()
    taking = Intake(board, Feed(lambda: None))
    taking.load(rows, lambda: None)
    looked = taking.look()
    assert not looked.gaps
    assert board.gaps == set()
    assert board.runs["r"].last_seq == 100
    board.fold(Event("r", 101, 0.0, "message.sent", "", {"to": "x", "text": "y"}))
    assert board.gaps == set()
    board.fold(Event("r", 105, 0.0, "message.sent", "", {"to": "x", "text": "y"}))
    assert board.gaps == {"r"}, "one that comes live is a gap as ever"
