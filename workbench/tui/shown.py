"""Runs and agents as the board knows them: values that rows change.

Figures named ``all_*`` include those of the agents that were asked on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

SCOPES = frozenset({"ask", "follow", "line"})
"""Effects in which others are performed."""

AgentState: TypeAlias = Literal["idle", "busy", "WAITING", "paused", "done"]

ENDED = frozenset({"returned", "failed", "cancelled", "out_of_budget", "suspended"})


@dataclass(slots=True)
class RunShown:
    """One run as far as it is known."""

    run_id: str
    pattern: str = ""
    title: str = ""
    status: str = "running"
    stopping: str = ""
    """``graceful`` or ``immediate`` while it is on its way to rest."""
    rests: bool = False
    """It has come to rest and can be gone on with; at a limit it rests or has ended."""
    started_at: float = 0.0
    ended_at: float | None = None
    model: str = ""
    driver: str = ""
    """The other process that drives it: ``process 4242``."""
    steps: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    waiting: int = 0
    last_seq: int = 0
    agents: dict[str, AgentShown] = field(default_factory=dict[str, "AgentShown"])
    open: dict[str, OpenStep] = field(default_factory=dict[str, "OpenStep"])
    """Steps begun and not ended, by key."""
    line: str = ""
    """Where the pattern stands: ``debate.py:31``."""
    last_at: float = 0.0
    calls: dict[str, list[Mapping[str, Any]]] = field(
        default_factory=dict[str, "list[Mapping[str, Any]]"]
    )
    """What a turn's newest model reply asked for, by the turn's key: pure calls have no row of
    their own that says with which arguments they began."""

    @property
    def performing(self) -> int:
        """How many calls are under way; scopes are no calls."""
        return sum(step.effect not in SCOPES for step in self.open.values())

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is going on."""
        return self.status in ENDED


@dataclass(slots=True)
class AgentShown:
    """One agent within one run; figures are its own, ``all_*`` include those it asked."""

    run_id: str
    name: str
    parent: str
    depth: int
    busy: int = 0
    waiting: int = 0
    doing: str = ""
    since: float = 0.0
    tokens: int = 0
    cost_usd: float = 0.0
    all_tokens: int = 0
    all_cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step under way: its line in the trace, whose it is, what it is."""

    number: int
    agent: str
    effect: str
    what: str
    since: float


def short_title(pattern: str, title: str) -> str:
    """A script is known by its file's name, not by the way to it."""
    return f"script {title.rpartition('/')[2]}" if pattern == "script" else title
