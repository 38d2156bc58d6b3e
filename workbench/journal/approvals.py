"""Approvals as a history: each question with what became of it, from the rows about approvals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from workbench.journal.events import Event
from workbench.values import dumps


@dataclass(frozen=True, slots=True)
class Asked:
    """One question for a permission, and its answer if there is one."""

    id: str
    run_id: str
    seq: int
    at: float
    tool: str
    agent: str
    danger: str
    arguments: str
    """As JSON."""
    why: str
    rule: str
    """What caused the question."""
    verdict: str = "open"
    """open, allow, deny or withdrawn."""
    by: str = ""
    scope: str = ""
    reason: str = ""
    answered_at: float | None = None

    def matches(self, words: str) -> bool:
        """Whether every word stands somewhere in it; case does not matter."""
        fields = (self.run_id, self.tool, self.agent, self.danger, self.arguments, self.why)
        more = (self.rule, self.verdict, self.by, self.scope, self.reason)
        text = " ".join([*fields, *more]).casefold()
        return all(word in text for word in words.casefold().split())

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


def history(rows: Iterable[Event], words: str = "") -> list[Asked]:
    """The questions in some rows, newest first; only those that ``words`` fit."""
    found: dict[tuple[str, str], Asked] = {}
    past: list[Asked] = []
    for row in rows:
        place = row.run_id, str(row.data.get("id", ""))
        if row.kind == "approval.asked":
            if place in found:
                past.append(found.pop(place))
            found[place] = _asked(row)
        elif place in found:
            found[place] = _ended(found[place], row)
    every = sorted([*past, *found.values()], key=lambda one: (one.at, one.seq), reverse=True)
    return [one for one in every if one.matches(words)]


def _asked(row: Event) -> Asked:
    data = row.data

    def text(name: str) -> str:
        return str(data.get(name, ""))

    return Asked(
        text("id"),
        row.run_id,
        row.seq,
        row.at,
        tool=text("tool"),
        agent=text("agent"),
        danger=text("danger"),
        arguments=dumps(data.get("arguments", {})).decode(),
        why=text("why"),
        rule=text("rule"),
    )


def _ended(asked: Asked, row: Event) -> Asked:
    data = row.data
    withdrawn = row.kind == "approval.withdrawn"
    return replace(
        asked,
        verdict="withdrawn" if withdrawn else str(data.get("verdict", "")),
        by=str(data.get("by", asked.by)),
        scope=str(data.get("scope", asked.scope)),
        reason=str(data.get("reason", "")),
        answered_at=row.at,
    )
