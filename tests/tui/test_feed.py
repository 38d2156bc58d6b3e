"""The buffer between the threads: bounded, in order, waking once."""

import threading

from tests.tui.stage import Rows
from workbench.journal.events import Event
from workbench.run.world import Live
from workbench.tui.feed import Feed


def test_rows_come_out_in_order_and_no_more_than_asked_for() -> None:
    feed, rows = Feed(lambda: None), Rows()
    events = [rows.row("message.sent") for _ in range(5)]
    for event in events:
        feed.put(event)
    first = feed.take(3)
    assert (first.rows, first.more) == (events[:3], True)
    assert (feed.take(3).rows, feed.take(3).rows) == (events[3:], [])


def test_pieces_of_one_step_come_out_as_one() -> None:
    feed = Feed(lambda: None)
    for piece in ("a", "b", "c"):
        feed.put(Live("delta", "r", "k", {"text": piece}))
    feed.put(Live("delta", "r", "other", {"text": "z"}))
    live = feed.take(10).live
    assert [(one.key, one.data["text"], one.data["pieces"]) for one in live] == [
        ("k", "abc", 3),
        ("other", "z", 1),
    ]


def test_what_is_too_much_is_dropped_oldest_first_and_counted() -> None:
    feed, rows = Feed(lambda: None, limit=10), Rows()
    for _ in range(25):
        feed.put(rows.row("message.sent"))
    taken = feed.take(100)
    assert taken.dropped == 15
    assert [row.seq for row in taken.rows if isinstance(row, Event)] == list(range(16, 26))


def test_it_wakes_once_until_it_was_emptied() -> None:
    woken: list[int] = []
    feed, rows = Feed(lambda: woken.append(1)), Rows()
    for _ in range(3):
        feed.put(rows.row("message.sent"))
    assert len(woken) == 1
    feed.take(2)
    feed.put(rows.row("message.sent"))
    assert len(woken) == 1
    feed.take(10)
    feed.put(rows.row("message.sent"))
    assert len(woken) == 2


def test_nothing_is_lost_between_two_threads() -> None:
    feed, rows = Feed(lambda: None), Rows()
    events = [rows.row("message.sent") for _ in range(5_000)]

    def produce() -> None:
        for event in events:
            feed.put(event)

    thread = threading.Thread(target=produce)
    thread.start()
    found: list[object] = []
    while thread.is_alive() or len(found) < len(events):
        found += feed.take(700).rows
    thread.join()
    assert found == events
