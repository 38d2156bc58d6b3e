"""Approvals as a history: each question with what became of it, from the rows about approvals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.journal.audit import Entry
from workbench.journal.events import Event
from workbench.values import dumps

KINDS: Final = ("approval.asked", "approval.answered", "approval.withdrawn")
"""The rows that it is made from."""
DELETED: Final = "deleted"
"""Stands in the data of what is left of a row."""


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
    ends: tuple[int, ...] = ()
    """The rows that answered it or took it back, in their order."""
    deleted: bool = False
    """Its run was deleted: of what was asked and why, nothing is left."""

    def matches(self, words: str) -> bool:
        """Whether every word stands somewhere in it; case does not matter."""
        fields = (self.run_id, self.tool, self.agent, self.danger, self.arguments, self.why)
        more = (self.rule, self.verdict, self.by, self.scope, self.reason)
        text = " ".join([*fields, *more]).casefold()
        return all(word in text for word in words.casefold().split())

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


def left_of(entry: Entry) -> Event:
    """What is left of a row whose run was deleted: what its entry in the audit says of it."""
    data = {**entry.said(), DELETED: True}
    return Event(entry.run_id, entry.seq, entry.at, entry.kind, "", data)


def asked_in(rows: Iterable[Event], words: str = "") -> Iterator[Asked]:
    """The questions in some rows, newest first; only those that ``words`` fit.

    Args:
        rows: newest first, so that an answer comes before its question. Read no further than
            questions are taken, and none is held but the answers whose question is to come.
        words: see `Asked.matches`.
    """
    ends: dict[tuple[str, str], list[Event]] = {}
    for row in rows:
        place = row.run_id, str(row.data.get("id", ""))
        if row.kind != "approval.asked":
            ends.setdefault(place, []).append(row)
            continue
        asked = _asked(row, ends.pop(place, ())[::-1])
        if asked.matches(words):
            yield asked


def _asked(row: Event, ends: Sequence[Event]) -> Asked:
    data = row.data

    def text(name: str) -> str:
        return str(data.get(name, ""))

    asked = Asked(
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
        deleted=DELETED in data,
    )
    for end in ends:
        asked = _ended(asked, end)
    return asked


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
        ends=(*asked.ends, row.seq),
    )
