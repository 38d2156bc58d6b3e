"""What the inbox does with keys, without a screen: rows, selection, marks, choices, guards.

The rules it keeps: order and selection never move by themselves while the inbox has the focus (a
request that leaves stays there, marked as gone, until the user moves); grave requests open on
Deny; nothing is allowed before its whole action was seen, before the guard's two waits are over,
or, when critical, before the tool's name was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from workbench.tui.asked import Asked
from workbench.tui.guard import Guard
from workbench.tui.keymap import keyed

Scope: TypeAlias = Literal["call", "agent", "run", "workspace"]

SCOPES: tuple[Scope, ...] = ("call", "agent", "run", "workspace")

Step: TypeAlias = Literal["list", "reason", "name", "scope", "edit", "answer", "result", "marked"]
"""What the inbox asks for just now; everything but ``list`` is left by Esc."""


@dataclass(frozen=True, slots=True)
class Given:
    """A decision on its way to the core."""

    id: str
    verdict: Literal["allow", "deny"] = "deny"
    scope: Scope = "call"
    reason: str = ""
    arguments: Mapping[str, Any] | None = None
    answer: Any = None
    digest: str = ""
    """Of what was shown when it was decided."""
    is_answer: bool = False
    result: str = ""
    """What was typed as the result of a doubtful effect that was done."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What allowing with a scope would write and do; the core says it, the inbox shows it."""

    rule: str
    releases: tuple[str, ...] = ()
    """Ids of other waiting requests that it would let go."""


@dataclass(slots=True)
class Deciding:
    """The state of the inbox while a person works in it."""

    guard: Guard = field(default_factory=Guard)
    rows: list[Asked] = field(default_factory=list[Asked])
    selected_id: str = ""
    marked: set[str] = field(default_factory=set[str])
    edited: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, "Mapping[str, Any]"])
    seen_whole: set[str] = field(default_factory=set[str])
    focused: bool = False
    step: Step = "list"
    choice: int = -1
    """Place in `choices`; -1 while nothing is preselected."""
    scope: int = 0
    grants: Mapping[str, Mapping[str, Grant]] = field(
        default_factory=dict[str, "Mapping[str, Grant]"]
    )
    """What the core answered about scopes, by request and scope."""

    # What there is.

    @property
    def selected(self) -> Asked | None:
        """The row the user stands on."""
        return next((row for row in self.rows if row.id == self.selected_id), None)

    @property
    def place(self) -> int:
        """Where the selected row stands, or 0."""
        ids = [row.id for row in self.rows]
        return ids.index(self.selected_id) if self.selected_id in ids else 0

    def update(self, inbox: Mapping[str, Asked], ticks: float) -> None:
        """Take over what waits now."""
        if not self.focused:
            rows = sorted(inbox.values(), key=_urgency)
            self.rows = rows
            self._select(rows[0].id if rows else "", ticks)
        else:
            known = {row.id for row in self.rows}
            kept = [inbox.get(row.id) or _gone(row) for row in self.rows]
            self.rows = kept + [asked for key, asked in inbox.items() if key not in known]
            if not self.selected_id and self.rows:
                self._select(self.rows[0].id, ticks)
        self.marked &= inbox.keys()

    def focus(self, ticks: float) -> None:
        """The user came here: what was selected is selected only from now on."""
        self.focused = True
        self.guard.leave()
        self._select(self.selected_id, ticks)

    def blur(self) -> None:
        """The user left; fields keep their text, nothing is selected any more."""
        self.focused = False
        self.step = "list"
        self.guard.leave()

    def move(self, rows: int, ticks: float) -> None:
        """To another row; rows that are gone leave now."""
        if self.step != "list" or not self.rows:
            return
        place = max(0, min(self.place + rows, len(self.rows) - 1))
        target = self.rows[place]
        self.rows = [row for row in self.rows if not row.gone or row.id == target.id]
        self._select(target.id, ticks)

    def _select(self, subject: str, ticks: float) -> None:
        self.selected_id = subject
        if self.focused and subject:
            self.guard.select(subject, ticks)
        self.choice = self._preselected()

    def _preselected(self) -> int:
        """Deny for grave requests, what a script's rule says for others, else nothing."""
        row = self.selected
        if row is not None and row.selected in row.choices and not row.is_permission:
            return row.choices.index(row.selected)
        if row is None or not row.is_permission:
            return -1
        if row.is_grave:
            return 0
        return {"allow": 1, "deny": 0}.get(row.selected, -1)

    def choices(self) -> tuple[str, ...]:
        """What Enter can take for the selected row, left to right."""
        row = self.selected
        if row is None:
            return ()
        return ("deny", "allow") if row.is_permission else (row.choices or ("answer",))

    def move_choice(self, by: int) -> None:
        """To the choice beside."""
        number = len(self.choices())
        if number:
            self.choice = max(0, min(self.choice + by, number - 1)) if self.choice >= 0 else 0

    # What may be done.

    def refusal(self, ticks: float, *, subject: str = "") -> str:
        """Why allowing (or answering) does not count right now, or the empty string."""
        row = self.selected
        if not self.focused or row is None:
            return "go to the inbox first"
        if row.gone:
            return f"this request is gone: {row.gone}"
        held_back = self.guard.refusal(subject or row.id, ticks)
        if held_back:
            return held_back
        is_long = row.is_permission or row.is_doubt or row.is_plan
        if is_long and row.id not in self.seen_whole:
            return keyed("scroll to the end of the action first ({inbox.scroll_down})")
        return ""

    def mark(self) -> str:
        """Mark or unmark the selected row; says why not."""
        row = self.selected
        if row is None or row.gone:
            return "nothing to mark"
        if not row.is_permission:
            return "only permissions can be decided together"
        if row.is_critical:
            return "a CRITICAL request is decided alone"
        self.marked ^= {row.id}
        return ""

    def given(self, verdict: Literal["allow", "deny"], **more: Any) -> Given | None:
        """The decision about the selected row, with its edited arguments if it is allowed."""
        row = self.selected
        if row is None or row.gone:
            return None
        arguments = self.edited.get(row.id) if verdict == "allow" else None
        return Given(row.id, verdict, arguments=arguments, digest=row.digest, **more)

    def decided(self, subject: str, ticks: float) -> None:
        """The user's own decision was sent: the row leaves, the next one is selected afresh."""
        place = self.place
        self.rows = [row for row in self.rows if row.id != subject]
        self.marked.discard(subject)
        self.edited.pop(subject, None)
        self.step = "list"
        following = self.rows[min(place, len(self.rows) - 1)].id if self.rows else ""
        self._select(following, ticks)

    @property
    def grant(self) -> Grant | None:
        """What the scope under the cursor would grant; None until the core has said."""
        return self.grants.get(self.selected_id, {}).get(SCOPES[self.scope])

    def released(self) -> list[Asked]:
        """Which other waiting requests the scope under the cursor would let go."""
        ids = self.grant.releases if self.grant else ()
        return [row for row in self.rows if row.id in ids and not row.gone]


def _urgency(row: Asked) -> tuple[int, float]:
    return -int(row.danger or 0), row.asked_at


def _gone(row: Asked) -> Asked:
    return row if row.gone else replace(row, gone="answered elsewhere or withdrawn")
