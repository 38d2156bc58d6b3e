"""How danger levels and states are written and coloured, the same in every pane.

A level is always a word too: colour alone says nothing on a terminal without colours.
"""

from __future__ import annotations

from workbench.permission.danger import Danger
from workbench.plain import Plain
from workbench.tui.cells import Role

_DANGER: dict[int, Role] = {
    Danger.SAFE: "dim",
    Danger.LOW: "good",
    Danger.MEDIUM: "warn",
    Danger.HIGH: "bad",
    Danger.CRITICAL: "critical",
}

_STATE: dict[str, Role] = {
    "busy": "accent",
    "running": "accent",
    "WAITING": "warn",
    "waiting": "warn",
    "paused": "warn",
    "suspended": "warn",
    "open": "warn",
    "in doubt": "warn",
    "done": "good",
    "returned": "good",
    "allow": "good",
    "failed": "bad",
    "denied": "bad",
    "deny": "bad",
    "cancelled": "bad",
    "out_of_budget": "bad",
    "idle": "dim",
}

_NAMES = {int(grade): Plain(grade.name) for grade in Danger}


def danger_word(grade: int | None) -> Plain:
    """The level's name, or nothing when none was graded."""
    return _NAMES.get(-1 if grade is None else int(grade), Plain(""))


def danger_role(grade: int | None) -> Role:
    """The colour of a level."""
    return _DANGER.get(-1 if grade is None else int(grade), "")


def state_role(state: str) -> Role:
    """The colour of a state of a run, an agent or a step."""
    return _STATE.get(state, "")
