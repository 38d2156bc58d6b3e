"""Requests: what one process asks of a run that another one drives, and who that other one is.

A request is a value that waits beside the log until the run's owner takes it up. What it then
does is recorded as the usual row, whose ``by`` is the request's *signature*: requester and
request in one word, ``kim@4243#9f2c…``. So a log tells which requests were carried out, and one
that was is never carried out again, whoever died in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from workbench.journal.events import Event

BEAT_S: Final = 10.0
"""How often a process that drives something gives a sign of life."""
LEASE_S: Final = 15.0
"""How long an owner may begin repeatable effects on the strength of its last confirmation."""
SILENT_S: Final = 30.0
"""After so long without a sign of life an owner that is stopped is taken over by itself.

More than `LEASE_S`: who wakes after that finds its lease over, and asks before it begins anything.
"""

RequestKind: TypeAlias = Literal[
    "answer", "steer", "interrupt", "cancel", "pause", "go_on", "checkpoint", "limits", "mode"
]
KINDS: Final[tuple[RequestKind, ...]] = (
    "answer", "steer", "interrupt", "cancel", "pause", "go_on", "checkpoint", "limits", "mode",
)  # fmt: skip
PATIENT: Final = frozenset({"answer", "steer", "checkpoint", "limits"})
"""Kinds that make sense for a run that rests: they wait until somebody takes it up."""

ASKS: Final = frozenset({"approval.asked", "question.asked"})
"""The rows by which something begins to wait for a person."""
ENDS: Final = frozenset({"approval.answered", "approval.withdrawn", "question.answered"})
"""The rows after which something waits for a person no longer."""

Outcome: TypeAlias = Literal["", "taken", "refused", "late"]
"""What became of a request: still open, carried out, refused, or decided already."""


@dataclass(frozen=True, slots=True)
class Request:
    """One thing that a run's owner is asked to do."""

    id: str
    run_id: str
    kind: RequestKind
    data: Mapping[str, Any]
    """By kind: answer (waiting, verdict, reason, scope, arguments, answer, digest), steer (agent,
    text), interrupt (how), cancel (key, reason), checkpoint (name), limits (limits), mode (mode).
    """
    by: str
    """User and process: ``kim@4243``."""
    made_at: float
    outcome: Outcome = ""
    told: str = ""
    """A sentence for the requester: why not, or by whom before."""

    @property
    def signature(self) -> str:
        """The ``by`` of the row that carries it out."""
        return f"{self.by}#{self.id}"


def signed(by: Any) -> str:
    """The id of the request that a row's ``by`` signs for, or the empty string."""
    return by.rpartition("#")[2] if isinstance(by, str) and "#" in by else ""


def who(by: str) -> str:
    """A row's ``by`` for people: without the request's id."""
    return by.rpartition("#")[0] or by


@dataclass(slots=True)
class Heard:
    """What the recorded rows of a run say to whoever takes it up."""

    signatures: set[str] = field(default_factory=set[str])
    """Of the requests that were carried out."""
    unanswered: set[str] = field(default_factory=set[str])
    """What waits for a person and has not been asked again."""

    def read(self, row: Event) -> None:
        """Take one row in."""
        request = signed(row.data.get("by"))
        if request:
            self.signatures.add(request)
        if row.kind in ASKS:
            self.unanswered.add(row.data["id"])
        elif row.kind in ENDS:
            self.unanswered.discard(row.data["id"])


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that drives a run, as its lock says."""

    pid: int
    """0 when it has not said."""
    host: str = ""
    """The machine, when it is not this one."""
    since: float = 0.0
    """When it began to drive the run; seconds since 1970 UTC, 0 when unknown."""
    bell: str = ""
    """What wakes it, beside the lock."""
    silent_s: float = 0.0
    """How long ago its last sign of life was."""
    is_stopped: bool | None = None
    """Whether the kernel says that the process is stopped; None when it cannot be asked."""

    @property
    def name(self) -> str:
        """``process 4242``, and where if that is not here."""
        pid = f"process {self.pid}" if self.pid else "a process that has not said its number"
        return f"{pid} on {self.host}" if self.host else pid

    @property
    def is_given_up(self) -> bool:
        """Whether it may be taken over without an order: silent, and not known to be awake."""
        return self.silent_s >= SILENT_S and self.is_stopped is not False
