"""A run's first row, and what is said of it at the end."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from workbench.errors import Cancelled, StepFailed, WorkbenchError, describe
from workbench.foreign import Raised, attempt
from workbench.journal.events import Event, agent_of
from workbench.journal.strands import Outcome
from workbench.journal.untrusted import source_of
from workbench.journal.usage import Used, used
from workbench.values import copied

STARTER: Final[ContextVar[str]] = ContextVar("STARTER", default="")
"""Who starts runs here, when it is not the user of this process: their first rows say so."""


@dataclass(slots=True)
class Tally:
    """What a run has used so far, over all its rows (a fork counts its own only)."""

    steps: int = 0
    """Leaf effects that were performed; see `workbench.journal.usage`."""
    model_calls: int = 0
    tool_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    """Calls whose price nobody knows: they are not free."""
    agents: dict[str, dict[str, float]] = field(default_factory=dict[str, "dict[str, float]"])
    denied: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    untrusted: str = ""
    """The first that was read of what strangers wrote, a fork's parents included."""

    def to_json(self) -> dict[str, Any]:
        """The figures."""
        values = asdict(self)
        del values["denied"], values["untrusted"]
        return values


@dataclass(frozen=True, slots=True)
class Header:
    """What a run was started with."""

    run_id: str
    pattern: str
    arguments: Mapping[str, Any]
    source: str = ""
    """Digest of the workflow's code."""
    version: str = ""
    """Of the workbench that started it."""
    code: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Python, the workflow's parts, agents and tools, each with its digest: see `changes`."""
    model: str = ""
    mode: str = ""
    title: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])
    parent: str = ""
    cut: int = 0
    overlay: Mapping[str, Any] = field(default_factory=dict[str, Any])
    session: str = ""
    workspace: str = ""
    by: str = ""
    """Who started it, when it was not the user of the process."""

    def to_data(self) -> dict[str, Any]:
        """The data of the first row."""
        data = {name: getattr(self, name) for name in Header.__slots__ if name != "run_id"}
        return {key: value for key, value in data.items() if value or key == "arguments"}

    @staticmethod
    def from_row(row: Event) -> Header:
        """Read the first row back."""
        known = {k: v for k, v in row.data.items() if k in Header.__slots__}
        return Header(run_id=row.run_id, **known)

    def empty_usage(self) -> Tally:
        """A tally to count into."""
        return Tally()


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended, or that it rests."""

    run_id: str
    outcome: str
    """``returned failed cancelled out_of_budget suspended``."""
    result: Any
    error: dict[str, Any] | None
    usage: Tally
    seq: int
    rests: bool = False
    """It has not ended and can be resumed; at a used-up limit it rests or has ended."""

    @property
    def denied(self) -> list[dict[str, Any]]:
        """What was refused on the way."""
        return self.usage.denied

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {
            "run_id": self.run_id,
            "outcome": self.outcome,
            "result": self.result,
            "error": self.error,
            "usage": self.usage.to_json(),
            "denied": self.denied,
        }


def valued(outcome: Outcome) -> Outcome:
    """The outcome as its row will have it; a result that no row can carry is a failure."""
    return outcome if isinstance(outcome, Raised) else attempt(copied, outcome.value)


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """The data of ``run.finished``."""
    if not isinstance(outcome, Raised):
        return {"outcome": "returned", "result": outcome.value}
    error = outcome.error
    if isinstance(error, Cancelled):
        return {"outcome": "cancelled", "error": describe(error)}
    code = error.error_code if isinstance(error, StepFailed) else getattr(error, "code", "")
    how = "out_of_budget" if code == "limit" else "failed"
    return {"outcome": how, "error": _told(error)}


def _told(error: BaseException) -> dict[str, Any]:
    notes = list(getattr(error, "__notes__", ()))
    told = describe(error)
    if isinstance(error, (WorkbenchError, StepFailed)):
        told["message"] = str(error)
    return {**told, "notes": notes} if notes else told


def add_row(tally: Tally, row: Event) -> None:
    """Count one row."""
    data = row.data
    tally.untrusted = tally.untrusted or source_of(row)
    if row.kind == "step.denied":
        what = {"key": row.key, "name": data.get("name", ""), "reason": data["error"]["message"]}
        tally.denied.append({"agent": agent_of(row.key), **what})
    found = used(row)
    if found is None:
        return
    if found.steps:
        tally.steps += 1
        tally.model_calls += data.get("effect") == "model"
        tally.tool_calls += data.get("effect") == "tool"
    if found.calls:
        _charge(tally, agent_of(row.key), found)


def _charge(tally: Tally, agent: str, found: Used) -> None:
    tally.input_tokens += found.input_tokens
    tally.output_tokens += found.output_tokens
    tally.cost_usd += found.usd
    tally.unpriced_calls += found.unpriced
    own = tally.agents.setdefault(agent, {"tokens": 0, "cost_usd": 0.0, "calls": 0})
    own["tokens"] += found.input_tokens + found.output_tokens
    own["cost_usd"] += found.usd
    own["calls"] += 1
