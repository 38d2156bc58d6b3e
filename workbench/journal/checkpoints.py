"""Checkpoints: what one may be called, and the rule that takes them without being asked.

One that the rule takes is an annotation under the key of what has just ended, and its label is
made of an agent's name and a number: never of what a model said.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, TypeAlias

from workbench.errors import InputError
from workbench.journal.events import OUTCOMES, Event, agent_of

Rule: TypeAlias = "Literal['turn', 'off'] | int"
"""After each agent's turn, after so many steps, or never."""

LAST: Final = "last"
"""The place that is the newest row, so no checkpoint of a person is called so."""

LONGEST: Final = 200
"""Characters of a name: it stands in lists, in keys and in an index."""


_ENDED: Final = frozenset({"step.finished", "step.failed"})
"""How a turn that was taken ends: one that was refused, or no longer wanted, is no turn."""


class Taking:
    """The rule at work on one run: it counts rows and says when one is due."""

    __slots__ = ("_rule", "_steps", "_turns")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._turns: Counter[str] = Counter()
        self._steps = 0

    def after(self, row: Event) -> str:
        """The label of the checkpoint that is due after a row, or the empty string.

        It depends on the rows alone, so a run that is taken up again counts on from its log.
        """
        if row.kind not in OUTCOMES:
            return ""
        self._steps += 1
        if row.data.get("effect") == "ask" and row.kind in _ENDED:
            name = agent_of(row.key)
            self._turns[name] += 1
            if self._rule == "turn":
                return f"{name[:LONGEST]} turn {self._turns[name]}"
        if isinstance(self._rule, int) and self._steps % self._rule == 0:
            return f"step {self._steps}"
        return ""


def check_name(name: str) -> None:
    """Refuse what cannot name a checkpoint. Raises InputError."""
    if not name.strip():
        raise InputError("a checkpoint needs a name", field="name")
    if len(name) > LONGEST:
        raise InputError(
            f"a checkpoint's name has at most {LONGEST} characters, and this one {len(name)}",
            field="name",
        )
    if not _encodes(name):
        raise InputError(f"a checkpoint's name is text, and {name!r} is not", field="name")


def check_given_name(name: str) -> None:
    """As `check_name`, for one that a person gives: it must not read as another place."""
    check_name(name)
    if name.isdecimal() or name == LAST:
        raise InputError(
            f"a checkpoint cannot be called {name!r}: that already names a place",
            hint="Numbers are rows, and 'last' is the newest one",
            field="name",
        )


def _encodes(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
