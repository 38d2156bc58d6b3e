"""`workbench.tui.deciding` and its guard: what lets a decision through, and what never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.stage import HandClock
from workbench.permission.danger import Danger
from workbench.tui.asked import Asked
from workbench.tui.deciding import Deciding, Grant
from workbench.tui.guard import Guard, Presses


def request(name: str, danger: Danger = Danger.MEDIUM, **more: object) -> Asked:
    fields = {"kind": "permission", "run_id": "r1", "tool": "write_file", "agents": ("coder",)}
    return Asked(id=name, danger=danger, **(fields | more))  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def inbox_of(*rows: Asked) -> dict[str, Asked]:
    return {row.id: row for row in rows}


def entered(*rows: Asked, clock: HandClock) -> Deciding:
    """A person went to the inbox, read the selected request and waited."""
    state = Deciding()
    state.update(inbox_of(*rows), clock.ticks())
    state.guard.key(clock.ticks())
    state.focus(clock.ticks())
    state.seen_whole |= {row.id for row in rows}
    clock.turn(2)
    state.guard.key(clock.ticks())
    return state


def test_a_calm_key_on_a_row_that_was_read_counts() -> None:
    clock = HandClock()
    assert entered(request("a"), clock=clock).refusal(clock.ticks()) == ""


def test_a_row_selected_only_just_now_is_not_allowed() -> None:
    clock = HandClock()
    state = entered(request("a"), request("b"), clock=clock)
    state.move(1, clock.ticks())
    clock.turn(0.49)
    state.guard.key(clock.ticks())
    assert "only just now" in state.refusal(clock.ticks())
    clock.turn(0.31)
    state.guard.key(clock.ticks())
    assert state.refusal(clock.ticks()) == ""


def test_a_key_soon_after_another_is_not_allowed() -> None:
    clock = HandClock()
    state = entered(request("a"), clock=clock)
    clock.turn(0.29)
    state.guard.key(clock.ticks())
    assert "just before" in state.refusal(clock.ticks())


@given(st.lists(st.floats(0.001, 0.299), min_size=2, max_size=50))
def test_a_key_held_down_or_typed_in_a_row_never_gets_through(gaps: list[float]) -> None:
    clock = HandClock()
    guard = Guard()
    guard.select("a", clock.ticks())
    clock.turn(10)
    guard.key(clock.ticks())
    for gap in gaps:
        clock.turn(gap)
        guard.key(clock.ticks())
        assert guard.refusal("a", clock.ticks())


def test_an_action_whose_end_was_not_seen_is_not_allowed() -> None:
    clock = HandClock()
    state = entered(request("a"), clock=clock)
    state.seen_whole.clear()
    assert "end of the action" in state.refusal(clock.ticks())


def test_a_request_that_is_gone_is_not_allowed_and_stays_until_the_user_moves() -> None:
    clock = HandClock()
    state = entered(request("a"), request("b"), clock=clock)
    state.update(inbox_of(request("b")), clock.ticks())
    assert [row.id for row in state.rows] == ["a", "b"]
    assert state.selected_id == "a"
    assert "gone" in state.refusal(clock.ticks())
    assert state.given("allow") is None
    state.move(1, clock.ticks())
    assert [row.id for row in state.rows] == ["b"]


def test_order_and_selection_stay_while_the_user_is_in_the_inbox() -> None:
    clock = HandClock()
    state = entered(request("a"), clock=clock)
    state.update(inbox_of(request("a"), request("z", Danger.CRITICAL)), clock.ticks())
    assert [row.id for row in state.rows] == ["a", "z"]
    assert state.selected_id == "a"


def test_the_gravest_stand_first_while_the_user_is_elsewhere() -> None:
    state = Deciding()
    state.update(inbox_of(request("a", Danger.LOW), request("z", Danger.CRITICAL)), 0.0)
    assert [row.id for row in state.rows] == ["z", "a"]


@pytest.mark.parametrize(
    ("danger", "selected", "choice"),
    [
        (Danger.LOW, "", -1),
        (Danger.MEDIUM, "", -1),
        (Danger.HIGH, "", 0),
        (Danger.CRITICAL, "", 0),
        (Danger.LOW, "allow", 1),
        (Danger.HIGH, "allow", 0),
    ],
)
def test_grave_requests_open_on_deny_and_a_script_preselects_only_others(
    danger: Danger, selected: str, choice: int
) -> None:
    clock = HandClock()
    state = entered(request("a", danger, selected=selected), clock=clock)
    assert state.choice == choice


def test_critical_requests_cannot_be_marked() -> None:
    clock = HandClock()
    state = entered(request("a", Danger.CRITICAL), clock=clock)
    assert "alone" in state.mark()
    assert not state.marked


def test_after_a_decision_the_next_row_has_to_be_selected_for_as_long_again() -> None:
    clock = HandClock()
    state = entered(request("a"), request("b"), clock=clock)
    state.decided("a", clock.ticks())
    assert state.selected_id == "b"
    clock.turn(0.4)
    state.guard.key(clock.ticks())
    assert state.refusal(clock.ticks())


def test_a_scope_shows_only_what_the_core_says_it_releases() -> None:
    clock = HandClock()
    state = entered(request("a"), request("b"), request("c"), clock=clock)
    state.scope = 1
    assert state.grant is None
    state.grants = {"a": {"agent": Grant("allow tool=x", ("c",))}}
    assert [row.id for row in state.released()] == ["c"]


def test_presses_count_only_within_a_second() -> None:
    presses = Presses()
    assert [presses.press(at) for at in (0.0, 0.9, 1.8, 3.0)] == [1, 2, 3, 1]
