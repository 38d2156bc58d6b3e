"""Giving a run up that nobody drives: two rows end it, and everything recorded stays."""

from __future__ import annotations

from workbench.errors import Cancelled, UsageError
from workbench.foreign import Raised
from workbench.journal.events import Event
from workbench.run.header import outcome_data
from workbench.run.ports import Keeper, RunRecord

RESTING = frozenset({"running", "suspended", "waiting"})
"""Of a run that has not ended: if nobody drives it, it can be taken up."""

DROPPED = "dropped"
"""The reason of a run that was ended without being driven: its open effects have no outcomes."""


def drop(keeper: Keeper, record: RunRecord, at: float, by: str) -> list[Event]:
    """End a resting run for good; the rows that say so.

    Raises:
        UsageError: it has ended.
        RunOwned: another process drives it.
    """
    run_id = record.run_id
    if record.status not in RESTING:
        raise UsageError(f"run {run_id} has ended already ({record.status})")
    keeper.claim(run_id)
    try:
        last = keeper.last_seq(run_id)
        cancelled = {"by": by, "reason": DROPPED}
        ended = outcome_data(Raised(Cancelled("run")))
        rows = [
            Event(run_id, last + 1, at, "run.cancelled", "", cancelled),
            Event(run_id, last + 2, at, "run.finished", "", ended),
        ]
        keeper.append(rows)
        keeper.flush()
    finally:
        keeper.release(run_id)
    return rows
