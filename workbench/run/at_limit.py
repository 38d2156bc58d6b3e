"""What becomes of a run at a used-up limit: it rests, to go on with a higher one, or it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import LimitReached, UsageError, describe
from workbench.run.budget import limits_row
from workbench.run.interrupt import Order

if TYPE_CHECKING:
    from workbench.run.run import Run


class AtLimit:
    """Whether a run rests or ends because of a limit, and of which."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.error: LimitReached | None = None
        """The limit that is used up, once that has ended the run or put it to rest."""

    @property
    def is_leaving(self) -> bool:
        """Whether the run rests, or ends, or is about to."""
        return self._run.hold.is_suspending or self._run.is_over

    def rest(self, error: LimitReached) -> None:
        """Rest, gracefully: it can be resumed with a higher limit."""
        if self.is_leaving:
            return
        self.error = self._run.error = error
        # What was begun may finish; but not for ever, where time is what is used up.
        patience_s = self._run.world.graceful_s if error.data["limit"] == "seconds" else None
        order = Order("graceful", "budget", error.message, patience_s=patience_s)
        self._run.hold.order(order)

    def end(self, error: LimitReached, by: str = "user") -> None:
        """End: paths are cancelled, their cleanups still run."""
        if self.error is None and not self.is_leaving:
            self.error = error
            self._run.given_up = describe(error)
            self._run.hold.order(Order("cancel", by, error.message))

    def recall(self, error: Mapping[str, Any]) -> None:
        """It rests because of what a run that it waits for rests at."""
        self.error = LimitReached(str(error["message"]), **error["data"])

    def told(self) -> dict[str, Any]:
        """What the row says that tells of its rest."""
        if self.error is None:
            return {}
        return {"outcome": "out_of_budget", "error": describe(self.error)}


def change_limits(run: Run, limits: Mapping[str, Any], by: str) -> None:
    """Change a run's ceilings, by name; None lifts one.

    Raises UsageError for `fan_out`: what a workflow has seen of it must follow again.
    """
    if "fan_out" in limits:
        raise UsageError("a run keeps the limit of fan_out it began with", limit="fan_out")
    run.budget.change(run.budget.limits.changed(limits))
    run.rows.append("budget.changed", "", dict(limits_row(run.budget, by)))
