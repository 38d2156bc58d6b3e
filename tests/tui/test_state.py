"""`workbench.tui.state`: what rows make of the board."""

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.stage import USAGE, Rows, typical, waiting_rows
from workbench.journal.events import Event
from workbench.tui.state import Board


def folded(*events: Event) -> Board:
    board = Board()
    for event in events:
        board.fold(event)
    return board


def states(board: Board, run_id: str = "a41f77c0") -> dict[str, str]:
    return {name: board.state_of(agent) for name, agent in board.runs[run_id].agents.items()}


def test_agents_are_busy_while_something_of_theirs_is_under_way() -> None:
    assert states(folded(*typical())) == {"planner": "busy", "coder": "busy", "critic": "busy"}


def test_an_agent_rests_when_its_scope_has_ended() -> None:
    rows = Rows()
    events = typical(rows)
    events.append(rows.done("0:ask.planner/1:ask.coder", "ask", "coder"))
    assert states(folded(*events))["coder"] == "idle"


def test_an_agent_that_asked_for_permission_is_waiting_until_it_is_answered() -> None:
    rows = Rows()
    events = [*typical(rows), *waiting_rows(rows)]
    board = folded(*events)
    assert states(board)["coder"] == "WAITING"
    assert board.runs["a41f77c0"].status == "waiting"
    asked = next(iter(board.inbox.values()))
    board.fold(rows.row("approval.answered", asked.key, id=asked.id, verdict="deny"))
    assert states(board)["coder"] == "busy"
    assert asked.id not in board.inbox


def test_a_withdrawn_request_leaves_the_inbox() -> None:
    rows = Rows()
    board = folded(*typical(rows), *waiting_rows(rows))
    for asked in list(board.inbox.values()):
        board.fold(rows.row("approval.withdrawn", asked.key, id=asked.id, reason="cancelled"))
    assert not board.inbox
    assert board.runs["a41f77c0"].status == "running"


def test_when_a_run_ends_nothing_of_it_waits_or_is_under_way() -> None:
    rows = Rows()
    board = folded(*typical(rows), *waiting_rows(rows), rows.row("run.finished", outcome="failed"))
    assert not board.inbox
    assert set(states(board).values()) == {"done"}
    assert not any(row.state == "running" for row in board.trace.rows)


def test_a_paused_run_shows_its_agents_as_paused() -> None:
    board = folded(*typical())
    board.pause("a41f77c0", paused=True)
    assert set(states(board).values()) == {"paused"}
    board.pause("a41f77c0", paused=False)
    assert "paused" not in states(board).values()


def test_tokens_roll_up_to_everyone_on_the_way_and_scopes_are_not_counted_twice() -> None:
    rows = Rows()
    key = "0:ask.boss/0:ask.helper"
    board = folded(
        rows.row("run.started", pattern="p"),
        rows.step("0:ask.boss", "ask", "boss", scope=True),
        rows.step(key, "ask", "helper", scope=True),
        rows.step(f"{key}/0:model", "model", "m"),
        rows.done(f"{key}/0:model", "model", "m", usage=USAGE),
        rows.done(key, "ask", "helper", usage=USAGE),
        rows.done("0:ask.boss", "ask", "boss", usage=USAGE),
    )
    agents = board.runs["a41f77c0"].agents
    assert (agents["helper"].tokens, agents["helper"].all_tokens) == (1200, 1200)
    assert (agents["boss"].tokens, agents["boss"].all_tokens) == (0, 1200)
    assert board.runs["a41f77c0"].tokens == 1200


def test_a_step_is_one_line_which_its_outcome_completes() -> None:
    rows = Rows()
    board = folded(
        rows.row("run.started", pattern="p"),
        rows.step("0:tool.x", "tool", "x", arguments={"path": "a.txt"}),
    )
    assert board.trace.rows[-1].state == "running"
    board.fold(rows.done("0:tool.x", "tool", "x", duration_s=0.5, result="ok"))
    last = board.trace.rows[-1]
    assert (last.what, last.state, last.duration_s, last.result) == ("x a.txt", "done", 0.5, "ok")
    assert len(board.trace.rows) == 2


def test_rows_that_were_folded_already_change_nothing() -> None:
    events = typical()
    board = folded(*events, *events)
    assert len(board.trace.rows) == len(folded(*events).trace.rows)
    assert not board.gaps


def test_a_missing_row_is_noticed() -> None:
    events = typical()
    board = folded(*events[:4], *events[5:])
    assert board.gaps == {"a41f77c0"}


def test_streamed_pieces_of_one_step_share_one_line_and_end_with_it() -> None:
    rows = Rows()
    board = folded(rows.row("run.started", pattern="p"), rows.step("0:model", "model", "m"))
    for _ in range(5):
        board.live("delta", rows.run_id, "0:model", {"text": "ab", "pieces": 7})
    assert [row.what for row in board.trace.rows if row.kind == "delta"] == ["x35 ab"]
    board.fold(rows.done("0:model", "model", "m"))
    board.live("delta", rows.run_id, "0:model", {"text": "late"})
    assert len([row for row in board.trace.rows if row.kind == "delta"]) == 1


def test_the_trace_forgets_its_oldest_rows_and_keeps_their_numbers() -> None:
    board = Board(trace_limit=100)
    rows = Rows()
    board.fold(rows.row("run.started", pattern="p"))
    board.fold(rows.step("0:model", "model", "m"))
    for _ in range(500):
        board.fold(rows.row("message.sent", to="x", text="y"))
    assert len(board.trace.rows) <= 100
    assert board.trace.end == 502
    board.fold(rows.done("0:model", "model", "m"))  # its line is gone: the outcome is a line
    assert board.trace.rows[-1].state == "done"


def test_a_fork_hangs_under_its_parent_and_counts_its_own_cost() -> None:
    rows = Rows()
    events = typical(rows)
    fork = Rows("f0f0f0f0", seq=5)
    board = folded(*events, fork.row("run.started", pattern="supervisor", parent="a41f77c0", cut=5))
    assert board.branches["a41f77c0"].children == ["f0f0f0f0"]
    assert board.branches["a41f77c0"].tokens == 2400
    assert board.branches["f0f0f0f0"].tokens == 0


@given(st.lists(st.integers(0, 13), max_size=40))
def test_no_order_of_rows_however_wrong_breaks_the_board(order: list[int]) -> None:
    events = typical()
    board = Board()
    for seq, place in enumerate(order, 1):
        event = events[place]
        board.fold(Event(event.run_id, seq, event.at, event.kind, event.key, event.data))
    for run in board.runs.values():
        for agent in run.agents.values():
            assert agent.busy >= 0
            board.state_of(agent)
