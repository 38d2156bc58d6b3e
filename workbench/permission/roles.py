"""Roles: what somebody may do who reaches the workbench through something that listens.

One table for every listener, so that a token means the same on each. It says who may ask for
something at all; whether what an asked-for run then does may happen is for rules and modes
(`workbench.permission.policy`), whoever started it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from workbench.errors import Denied, UnknownName

Role: TypeAlias = Literal["viewer", "runner", "approver", "owner"]
Action: TypeAlias = Literal["look", "start", "drive", "answer"]
"""See runs · start runs, forks too · resume and interrupt them · answer what waits."""
Reach: TypeAlias = Literal["own", "any"]
"""Of the runs that one has started oneself, or of all."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)
ACTIONS: Final[tuple[Action, ...]] = get_args(Action)

MAY: Final[Mapping[Role, Mapping[Action, Reach]]] = {
    "viewer": {"look": "any"},
    "runner": {"look": "own", "start": "own", "drive": "own"},
    "approver": {"look": "any", "answer": "any"},
    "owner": {"look": "any", "start": "any", "drive": "any", "answer": "any"},
}

_WORDS: Final[Mapping[Action, str]] = {
    "look": "see",
    "start": "start",
    "drive": "resume or interrupt",
    "answer": "answer for",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for something."""

    name: str
    role: Role
    id: str = ""
    """Of the token; empty for the user of this process."""

    @property
    def by(self) -> str:
        """How rows and the audit name them: a token that was revoked is not its successor."""
        return f"{self.name}.{self.id}" if self.id else self.name

    def may(self, action: Action, *, is_own: bool) -> bool:
        """Whether the role allows it, of a run that is theirs or somebody else's."""
        reach = MAY[self.role].get(action)
        return reach == "any" or (reach == "own" and is_own)

    def check(self, action: Action, *, is_own: bool) -> None:
        """Refuse what the role does not allow. Raises Denied."""
        if self.may(action, is_own=is_own):
            return
        whose = "runs of others" if action in MAY[self.role] else "runs"
        roles = ", ".join(role for role in ROLES if MAY[role].get(action) == "any")
        raise Denied(
            f"{self.name} is {self.role} and may not {_WORDS[action]} {whose}",
            hint=f"A token with another role may: {roles}",
            by=self.by,
            action=action,
        )


def role_of(text: str) -> Role:
    """A role by its name. Raises UnknownName."""
    for role in ROLES:
        if role == text:
            return role
    raise UnknownName("role", text, ROLES)
