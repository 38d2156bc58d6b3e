"""Runs of other processes on the board: who drives each, and when that one is gone.

What is asked of them goes the same ways as for a run of this process (`front_elsewhere`); here is
what the screen knows and says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.journal.events import agent_of
from workbench.tui.shown import RunShown
from workbench.tui.trace_rows import brief

if TYPE_CHECKING:
    from workbench.tui.state import Board


def take_driver(board: Board, run: RunShown, kind: str, data: Mapping[str, Any]) -> None:
    """Take in who drives a run now, or that it was taken from this process."""
    if kind == "fenced":
        # Some of what was shown is not in the log: the run is read anew.
        board.gaps.add(run.run_id)
        return
    before, run.driver = run.driver, str(data.get("driver", ""))
    if run.driver and run.driver != before:
        board.said.append(f"run {run.run_id[:4]} is driven by {run.driver}; {NO_TEXT}")
    elif not run.driver and not run.is_over:
        left = str(data.get("before", ""))
        board.rest(run)
        name = f"its driver, {left}, is gone" if left else "nobody drives it"
        board.said.append(f"run {run.run_id[:4]}: {name}; r in the checkpoints resumes it")
    board.news |= {"runs", "agents", "branches"}


def take_unbegun(board: Board, run: RunShown, key: str, data: Mapping[str, Any]) -> None:
    """Take in news of a step that waits for its turn; of one that has ended it comes too late."""
    waits = run.agents.get(agent_of(key)) if data.get("waits_for") else None
    if waits is not None:
        waits.doing = brief(data["text"], 60)
        board.news.add("agents")


NO_TEXT = "streamed text is seen there only"
"""Why a model call that goes on elsewhere shows nothing but its dots."""


def driver_words(run: RunShown) -> str:
    """``driven by process 4242``, or nothing for a run of this process."""
    return f"driven by {run.driver}" if run.driver and not run.is_over else ""
