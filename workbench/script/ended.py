"""How a run ended, or that it rests: from the run in memory or from its rows, the same.

A script that is resumed finds runs that ended in an earlier process; what it says of them must
not depend on which process that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench import errors
from workbench.errors import WorkbenchError, describe
from workbench.run.header import RunOutcome, Tally, add_row
from workbench.store.memory import MemoryStore
from workbench.store.store import Store
from workbench.values import Json, copied


@dataclass(frozen=True, slots=True)
class Ended:
    """A run's outcome as values."""

    run_id: str
    outcome: str
    """``returned failed cancelled out_of_budget suspended running``."""
    result: Json
    error: dict[str, Any] | None
    usage: dict[str, Any]
    denied: list[dict[str, Any]]
    rests: bool = False
    """It has not ended: it can be gone on with."""

    @property
    def exit_code(self) -> int:
        """What a process that ran only this run ends with."""
        return exit_code(self.outcome, self.error)

    @property
    def message(self) -> str:
        """Why it did not return, or the empty string."""
        return str((self.error or {}).get("message", ""))

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {
            "run_id": self.run_id,
            "outcome": self.outcome,
            "usage": self.usage,
            "denied": self.denied,
            "result": self.result,
            "error": self.error,
        }


class RunEnded(WorkbenchError):
    """A command's run did not return; ``data`` says how it ended."""

    code = "run_ended"

    def __init__(self, ended: Ended) -> None:
        why = f": {ended.message}" if ended.message else ""
        super().__init__(f"run {ended.run_id} {_WORDS[ended.outcome]}{why}", **ended.to_json())


_WORDS = {
    "failed": "failed",
    "cancelled": "was cancelled",
    "out_of_budget": "reached a limit",
    "suspended": "is suspended",
    "running": "is still running",
    "returned": "returned",
}


def from_outcome(outcome: RunOutcome) -> Ended:
    """Of a run in memory."""
    told = copied(outcome.to_json())
    return Ended(
        outcome.run_id,
        outcome.outcome,
        told["result"],
        told["error"],
        told["usage"],
        told["denied"],
        outcome.rests,
    )


def from_store(store: Store | MemoryStore, run_id: str) -> Ended:
    """Of a run in the database. Raises UnknownName."""
    row = store.run(run_id)
    tally, data, rests = Tally(), dict[str, Any](), row.rests
    for event in store.rows(row.run_id):
        if event.run_id != row.run_id:
            continue
        add_row(tally, event)
        if event.kind == "run.finished" or (rests and event.kind == "run.suspended"):
            data = event.data
    return Ended(
        row.run_id,
        row.status,
        data.get("result"),
        data.get("error"),
        tally.to_json(),
        tally.denied,
        rests,
    )


def exit_code(outcome: str, error: Mapping[str, Any] | None) -> int:
    """The exit code that an outcome has; for an error by its ``code``, 1 if it has none."""
    if outcome == "returned":
        return 0
    if outcome == "out_of_budget":
        return errors.LimitReached.exit_code
    told = error or {}
    if told.get("code") == RunEnded.code:
        inner = told["data"]
        return exit_code(inner["outcome"], inner["error"])
    return _exit_codes().get(str(told.get("code", "")), 1)


def exit_code_of(error: WorkbenchError) -> int:
    """The exit code of an error that reached a front."""
    return exit_code("failed", describe(error))


def _exit_codes() -> Mapping[str, int]:
    found: dict[str, int] = {}
    left: list[type[WorkbenchError]] = [WorkbenchError]
    while left:
        kind = left.pop()
        found[kind.code] = kind.exit_code
        left += kind.__subclasses__()
    return found
