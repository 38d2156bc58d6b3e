"""The past of a run: the same board whichever way one comes to a moment, and quick jumps."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as some

from tests.tui.stage import Rows, typical, waiting_rows
from workbench.journal.events import Event
from workbench.tui import past as module
from workbench.tui.past import Extent, Past, copied
from workbench.tui.state import Board

RUN = "a41f77c0"


def told(upto: Sequence[Event]) -> Board:
    board = Board(recent=0)
    for event in upto:
        board.fold(event)
    return board


def story() -> list[Event]:
    """A run with requests, an answer, a checkpoint after it, and an end."""
    rows = Rows()
    events = [*typical(rows), *waiting_rows(rows)]
    asked = events[-2]
    events.append(rows.row("approval.answered", asked.key, id=asked.data["id"], verdict="deny"))
    events.append(rows.row("run.finished", outcome="returned"))
    return events


def long_story(turns: int) -> list[Event]:
    rows = Rows()
    events = [rows.row("run.started", pattern="p"), rows.step("0:ask.a", "ask", "a", scope=True)]
    for number in range(turns):
        key = f"0:ask.a/{number}:tool.t"
        events += [rows.step(key, "tool", "t"), rows.done(key, "tool", "t")]
        if number % 7 == 0:
            events.append(rows.row("checkpoint.taken", "0:ask.a", name=f"c{number}", by="rule"))
    return events


def marks_of(events: Sequence[Event]) -> tuple[int, ...]:
    return tuple(event.seq for event in events if event.kind == "checkpoint.taken")


def past_of(events: Sequence[Event]) -> Past:
    return Past(Extent(RUN, events[-1].seq, marks_of(events)))


def go(past: Past, events: Sequence[Event], goal: int) -> int:
    """To a moment, reading what is wanted; how many rows were read."""
    read = 0
    past.stand_before(goal)
    while past.at < goal:
        wanted = past.wanted(goal)
        if wanted is not None:
            rows = [event for event in events if wanted[0] < event.seq <= wanted[1]]
            read += len(rows)
            past.read(wanted[0], rows)
        past.fold(goal)
    return read


def same(one: Board, other: Board) -> bool:
    return (
        one.runs == other.runs
        and one.trace.rows == other.trace.rows
        and one.inbox == other.inbox
        and one.branches == other.branches
    )


STORY = story()


@given(some.lists(some.integers(1, len(STORY)), min_size=1, max_size=12))
def test_a_moment_is_the_same_whichever_way_one_comes_to_it(goals: list[int]) -> None:
    past = past_of(STORY)
    for goal in goals:
        go(past, STORY, goal)
        assert past.at == goal
        assert same(past.board, told(STORY[:goal]))


def test_kept_boards_do_not_change_when_one_goes_on_from_them() -> None:
    events = long_story(1_000)
    past = past_of(events)
    go(past, events, len(events))
    chance = Random(3)
    for _ in range(12):
        goal = chance.randrange(1, len(events))
        read = go(past, events, goal)
        assert read <= 2 * module.PAGE_ROWS
        assert same(past.board, told(events[:goal]))


def test_a_copy_is_the_same_and_its_own() -> None:
    board = told(STORY[:-3])
    copy = copied(board, [*board.trace.rows])
    assert same(board, copy)
    for event in STORY[-3:]:
        copy.fold(event)
    assert same(board, told(STORY[:-3]))
    assert same(copy, told(STORY))


def test_from_checkpoint_to_checkpoint_and_to_both_ends() -> None:
    past = past_of(STORY)
    found: list[int] = []
    while past.at < len(STORY):
        go(past, STORY, past.mark_beside(1))
        found.append(past.at)
    assert found == [*marks_of(STORY), len(STORY)]
    back: list[int] = []
    while past.at > 1:
        go(past, STORY, past.mark_beside(-1))
        back.append(past.at)
    assert back == [*reversed(marks_of(STORY)), 1]


def test_a_row_missing_in_the_log_is_passed_over() -> None:
    events = [event for event in STORY if event.seq != 4]
    past = past_of(events)
    go(past, events, len(STORY))
    assert past.at == len(STORY)
    assert past.board.runs[RUN].status == "returned"
    go(past, events, 4)
    assert past.at == 4


def test_what_was_asked_waits_only_between_its_question_and_its_answer() -> None:
    past = past_of(STORY)
    waiting: list[int] = []
    for goal in range(1, len(STORY) + 1):
        go(past, STORY, goal)
        waiting.append(len(past.board.inbox))
    assert waiting[-5:] == [0, 1, 2, 1, 0]
