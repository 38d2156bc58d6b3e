"""The audit: every decision that matters as an entry, each hashed with the one before it.

Values and pure functions. An entry says who decided what, when and how far it reaches, and names
the row of the log it stands for by a digest; it deliberately holds none of that row's arguments,
texts or reasons, because it outlives the run: a deleted run's decisions stay, its contents go.

A chain shows that nothing in it was changed *by whoever did not write all of it anew*. Somebody
who can write the file can do that; only a head that is kept elsewhere shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from workbench.values import digest, dumps, loads

AUDITED: Final = frozenset(
    {
        *("approval.asked", "approval.answered", "approval.withdrawn"),
        *("question.asked", "question.answered"),
        *("step.denied", "hook.refused", "hook.changed"),
        *("rule.added", "rule.removed", "rule.expired", "mode.changed", "budget.changed"),
        *("interrupt.asked", "run.suspended", "run.resumed", "run.cancelled"),
    }
)
"""Rows of the log that have an entry. Others have none of their own: ``run.deleted``,
``run.imported``, ``store.restored``, ``log.repaired`` and ``audit.begun``, and what decisions stand
on, when it is not what it was: ``policy.found``, ``trust.found``, ``sandbox.found``, ``mcp.found``;
and of MCP servers ``mcp.trusted``, ``mcp.distrusted``, ``mcp.changed``."""

_SAID: Final = (
    *("id", "asked_as", "tool", "effect", "name", "agent", "danger", "verdict", "by", "scope"),
    *("rule", "mode", "how", "hook", "event", "attempt", "epoch", "left", "who", "digest"),
)
"""What an entry takes over from a row, where it is a word or a number."""

_MOST: Final = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it is stored."""

    number: int
    """1, 2, 3 … over everything in one store."""
    at: float
    kind: str
    run_id: str
    """Empty for what is about no run."""
    seq: int
    """The row of the log that it stands for; 0 for none."""
    row: str
    """That row's digest, or empty."""
    data: str
    """JSON, as it is hashed."""
    before: str
    """The hash of the entry before; empty for the first."""
    hash: str

    def own_hash(self) -> str:
        """What `hash` has to be."""
        said = [self.number, self.at, self.kind, self.run_id, self.seq, self.row, self.data]
        return digest(dumps([self.before, *said]), 32)

    def said(self) -> dict[str, Any]:
        """The data, read; empty when it is none any more."""
        try:
            return object_in(loads(self.data))
        except ValueError:
            return {}


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain stands: the number and the hash of its last entry."""

    number: int = 0
    hash: str = ""

    def next(
        self,
        at: float,
        kind: str,
        data: Mapping[str, Any],
        *,
        run_id: str = "",
        seq: int = 0,
        row: str = "",
    ) -> Entry:
        """The entry that comes after."""
        text = dumps(data).decode()
        bare = Entry(self.number + 1, float(at), kind, run_id, seq, row, text, self.hash, "")
        return replace(bare, hash=bare.own_hash())


def object_in(value: Any) -> dict[str, Any]:
    """The value, if it is an object of JSON; else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def row_digest(row: Sequence[Any]) -> str:
    """Names what stands in a row of the log: its columns up to and with ``spilled``."""
    run_id, seq, at, kind, key, data, spilled = row[:7]
    return digest(dumps([run_id, seq, float(at), kind, key, data, spilled]))


def said_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says of a row's data: short words and numbers, no contents."""
    found = {name: _short(value) for name in _SAID if _is_short(value := data.get(name))}
    by = object_in(object_in(data.get("error")).get("data")).get("by")
    if "by" not in found and _is_short(by):
        found["by"] = _short(by)
    bound = object_in(data.get("bound"))
    if bound:
        found["bound"] = {name: _short(value) for name, value in bound.items() if _is_short(value)}
    return found


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and value != ""


def _short(value: Any) -> Any:
    return value[:_MOST] if isinstance(value, str) else value


_DECISIONS: Final = {
    "approval.asked": "asked",
    "approval.withdrawn": "withdrawn",
    "question.asked": "asked",
    "question.answered": "answered",
    "step.denied": "deny",
    "hook.refused": "deny",
}


def decision_of(entry: Entry) -> str:
    """In a word: asked, allow, deny, answered, withdrawn; else the kind itself."""
    if entry.kind == "approval.answered":
        return str(entry.said().get("verdict", "answered"))
    return _DECISIONS.get(entry.kind, entry.kind)
