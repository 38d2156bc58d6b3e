"""How an event changes what is known about its run, and which event may come next.

Pure: the writer, a rebuild and the store in memory all use these functions, so the projection
that is kept and the one computed anew from the log cannot differ. A run's numbers are about its
own rows; what a parent spent before the cut stays the parent's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any, Final, cast

from workbench.errors import StoreError
from workbench.journal.events import OUTCOMES, Event, agent_of, parent_of
from workbench.journal.usage import Used, day_of, used
from workbench.values import copied, dumps

PREVIEW_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as lists show it."""

    run_id: str
    title: str
    pattern: str
    status: str
    """``running suspended returned failed cancelled out_of_budget``, or ``damaged`` when rows of it
    were lost. After a crash it stays ``running``; whether somebody drives it is what `Store.owner`
    tells."""
    parent_id: str | None
    cut_seq: int
    """The parent's last row that belongs to this run too; 0 without a parent."""
    session_id: str
    started_at: float
    ended_at: float | None
    steps: int
    """Leaf effects that were performed; see `workbench.journal.usage`."""
    input_tokens: int
    output_tokens: int
    cost_usd: float
    """The sum of the known prices; see ``unpriced_calls``."""
    model: str
    result_preview: str
    """The beginning of the result, or of the error's message."""
    source: str
    calls: int = 0
    """Rows that carried a usage."""
    unpriced_calls: int = 0
    """How many of them have no known price, which is not the same as free."""
    last_seq: int = 0

    @property
    def rests(self) -> bool:
        """Whether it has not ended: it can be gone on with. At a limit it rests or has ended."""
        at_a_limit = self.status == "out_of_budget" and self.ended_at is None
        return at_a_limit or self.status in {"running", "suspended", "waiting"}


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was spent, in all and by agent and model (empty below the first level)."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    by_agent: Mapping[str, UsageRow] = field(default_factory=dict[str, "UsageRow"])
    by_model: Mapping[str, UsageRow] = field(default_factory=dict[str, "UsageRow"])


COLUMNS: Final = tuple(column.name for column in fields(RunRow))
FIXED: Final = frozenset(
    {
        *("run_id", "title", "pattern", "parent_id", "cut_seq", "session_id", "started_at"),
        *("model", "source"),
    }
)
"""Columns that a run's first row settles."""

SPENT: Final = ("calls", "input_tokens", "output_tokens", "cost_usd", "unpriced_calls")

SpentKey = tuple[str, str, str]
"""Day (UTC), agent, model."""


class RunState:
    """A run's projection while rows are added to it."""

    __slots__ = ("row", "spent", "touched")

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        """By the names of `RunRow`'s fields."""
        self.spent: dict[SpentKey, list[Any]] = {}
        self.touched: set[SpentKey] = set()
        """Keys of ``spent`` that changed since they were last written."""

    @classmethod
    def begin(cls, event: Event) -> RunState:
        """The state after a run's first row."""
        data = event.data
        row: dict[str, Any] = dict.fromkeys((*SPENT, "steps"), 0)
        row |= {"cost_usd": 0.0, "run_id": event.run_id, "status": "running"}
        row |= {"parent_id": data.get("parent") or None, "cut_seq": cut_of(event)}
        row |= {"started_at": float(event.at), "ended_at": None, "result_preview": ""}
        for name, given in (("session_id", "session"), *((n, n) for n in _TEXTS)):
            row[name] = text_of(data.get(given))
        row["last_seq"] = event.seq
        return cls(row)

    def take(self, event: Event) -> None:
        """Add one row's consequences."""
        row = self.row
        row["last_seq"] = event.seq
        kind = event.kind
        if kind in OUTCOMES or kind == "attempt.ended":
            found = used(event)
            if found is not None:
                row["steps"] += found.steps
                if found.calls:
                    self._pay(event, found)
        elif kind == "run.finished":
            row["status"] = text_of(event.data.get("outcome")) or "returned"
            row["ended_at"] = float(event.at)
            row["result_preview"] = _preview(event.data)
        elif kind == "run.suspended":
            row["status"] = text_of(event.data.get("outcome")) or "suspended"
            row["result_preview"] = _preview(event.data)
        elif kind == "run.resumed":
            row["status"], row["ended_at"], row["result_preview"] = "running", None, ""

    def _pay(self, event: Event, found: Used) -> None:
        added = (1, found.input_tokens, found.output_tokens, found.usd, found.unpriced)
        key = (day_of(event), _agent(parent_of(event.key)), _spender(event.data))
        sums = self.spent.setdefault(key, [0, 0, 0, 0.0, 0])
        self.touched.add(key)
        row = self.row
        for place, name in enumerate(SPENT):
            more = added[place]
            if more:
                row[name] += more
                sums[place] += more

    def as_row(self) -> RunRow:
        """The value to hand out."""
        return RunRow(**self.row)


def _spender(data: Mapping[str, Any]) -> str:
    """What the money went to: the model that answered, as its reply names it."""
    result: Any = data.get("result")
    answered = cast("dict[str, Any]", result).get("model") if isinstance(result, dict) else None
    return text_of(data.get("name") or answered)


_TEXTS = ("title", "pattern", "model", "source")


def cut_of(event: Event) -> int:
    """The parent's last row that a run's first row says it shares; 0 without a parent."""
    return int(event.data.get("cut") or 0) if event.data.get("parent") else 0


def check_next(event: Event, last_seq: int | None) -> None:
    """Refuse an event that cannot be the next row of its run.

    Args:
        event: the row to be.
        last_seq: the newest row the run has, or None when there is no such run yet.

    Raises:
        StoreError: it would leave a gap, come twice, or begin a run without a header.
    """
    if last_seq is None and event.kind != "run.started":
        raise StoreError(
            f"run {event.run_id} cannot begin with {event.kind} (row {event.seq})",
            hint="A run's first row is run.started",
        )
    expected = (cut_of(event) if last_seq is None else last_seq) + 1
    if event.seq > expected:
        raise StoreError(
            f"row {event.seq} of run {event.run_id} would leave a gap: its next row is {expected}",
            hint="A row before it was not stored",
            expected=expected,
        )
    if event.seq < expected:
        raise StoreError(
            f"row {event.seq} of run {event.run_id} is there already: its next row is {expected}",
            expected=expected,
        )


def check_parent(event: Event, parent_last_seq: int | None) -> None:
    """Refuse a fork of a run, or of a position in it, that is not there."""
    parent, cut = event.data.get("parent"), cut_of(event)
    if parent_last_seq is None:
        raise StoreError(f"run {event.run_id} cannot be a fork of {parent}: there is no such run")
    if not 1 <= cut <= parent_last_seq:
        raise StoreError(
            f"run {event.run_id} cannot be cut at row {cut} of {parent}, "
            f"which has rows up to {parent_last_seq}"
        )


def total(spent: Mapping[SpentKey, list[Any]]) -> UsageRow:
    """Sums over a run's spending."""
    agents: dict[str, list[Any]] = {}
    models: dict[str, list[Any]] = {}
    whole: list[Any] = [0, 0, 0, 0.0, 0]
    for (_, agent, model), sums in sorted(spent.items()):
        for target in (
            whole,
            agents.setdefault(agent, [0, 0, 0, 0.0, 0]),
            models.setdefault(model, [0, 0, 0, 0.0, 0]),
        ):
            for place, more in enumerate(sums):
                target[place] += more
    return UsageRow(
        *whole,
        by_agent={name: UsageRow(*sums) for name, sums in agents.items()},
        by_model={name: UsageRow(*sums) for name, sums in models.items()},
    )


def text_of(value: Any) -> str:
    """A column's text: an undecodable file name may be part of a value and cannot stand in one."""
    if isinstance(value, str) and value.isascii():
        return str(value)
    found = "" if value is None else copied(value)
    text = found if isinstance(found, str) else dumps(found).decode()
    return text.encode("utf-8", "replace").decode()


def _preview(data: Mapping[str, Any]) -> str:
    error = copied(data.get("error"))
    failed = cast("dict[str, Any]", error) if isinstance(error, dict) else None
    return text_of(failed.get("message") if failed else data.get("result"))[:PREVIEW_CHARS]


@lru_cache(maxsize=1024)
def _agent(path: str) -> str:
    """Whose a call is; a turn makes many from one path."""
    return agent_of(path)


def seen(row: RunRow, owner: int | None) -> RunRow:
    """A run that nobody drives any more was cut off: it rests, whatever its rows say."""
    return replace(row, status="suspended") if row.status == "running" and owner is None else row
