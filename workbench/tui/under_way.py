"""Looking something up on the board: the whole of a row, the key of a step under way."""

from __future__ import annotations

from workbench.journal.events import Event
from workbench.tui.state import Board


def event_at(board: Board, run_id: str, seq: int) -> Event | None:
    """The whole row when it is still among the recent ones."""
    found = (e for e in reversed(board.recent) if e.seq == seq and e.run_id == run_id)
    return next(found, None)


def open_key(board: Board, run_id: str, *, seq: int = 0, agent: str = "") -> str:
    """The key of a step under way: that of a trace row, or an agent's newest."""
    run = board.runs.get(run_id)
    for key, step in reversed(run.open.items()) if run else ():
        row = board.trace.at(step.number)
        if (agent and step.agent == agent) or (seq and row is not None and row.seq == seq):
            return key
    return ""
