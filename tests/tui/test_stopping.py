"""What the status bar says of an order to stop, in the narrowest terminal too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tui.stage import Rows, typical
from workbench.tui.state import Board
from workbench.tui.status import Around, status_line

RUN = "a41f77c0"


def bar(board: Board, width: int = 80) -> str:
    line = status_line(board, RUN, Around("confirm", "playbook · no LLM"), 0.0, width)
    return "".join(text for text, _ in line)


def board_after(*kinds: tuple[str, dict[str, Any]]) -> Board:
    rows, board = Rows(), Board()
    for event in typical(rows):
        board.fold(event)
    for kind, data in kinds:
        board.fold(rows.row(kind, "", **data))
    return board


@pytest.mark.parametrize("width", [80, 120, 200])
def test_it_says_what_still_runs_and_how_to_go_further(width: int) -> None:
    board = board_after(("interrupt.asked", {"by": "user", "how": "graceful"}))
    running = board.runs[RUN].performing
    assert f"stopping: {running} running, esc again to stop now" in bar(board, width)
    assert "confirm" in bar(board, width)


def test_stopping_now_is_another_sentence() -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("interrupt.asked", {"how": how}) for how in ("graceful", "immediate")
    ]
    assert "stopping now:" in bar(board_after(*asked))


def test_a_pause_says_how_to_go_on_and_ends() -> None:
    paused = board_after(("run.paused", {}))
    assert "p goes on" in bar(paused)
    assert "p goes on" not in bar(board_after(("run.paused", {}), ("run.continued", {})))


def test_a_run_that_rests_or_goes_on_is_not_stopping_any_more() -> None:
    asked: tuple[str, dict[str, Any]] = ("interrupt.asked", {"how": "graceful"})
    assert "stopping" not in bar(board_after(asked, ("run.suspended", {"by": "user"})))
    again = board_after(asked, ("run.suspended", {"by": "user"}), ("run.resumed", {"by": "user"}))
    assert "stopping" not in bar(again)
