"""How dangerous one call is: a level computed from facts about it.

The level grades a *call*, never a tool, and never from text that a model or a server wrote.
It is monotone: adding a fact can raise it and cannot lower it (`grade` is a maximum over
independent readings of the facts, which is what makes that true).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, TypeAlias


class Danger(IntEnum):
    """Five ordered grades."""

    SAFE = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


Act: TypeAlias = Literal[
    "compute", "read", "write", "delete", "run", "fetch", "send", "erase", "talk"
]
"""What a call does: work in memory · read, write or delete a file · run a command · GET ·
POST or PUT · DELETE over HTTP · talk to an MCP server or another program."""

Sandbox: TypeAlias = Literal["full", "reduced", "none"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found out about one call by looking at the world; values only.

    ``facts(...)`` functions in `workbench.tools` make them, `grade` and `policy.decide` read them.
    """

    act: Act
    targets: tuple[str, ...] = ()
    """Real paths (links resolved), or ``scheme://host:port`` for the network."""
    outside: bool = False
    """At least one target lies outside the workspace."""
    protected: bool = False
    """At least one target is a name that can gain execution later, or a secret."""
    exists: bool = False
    """A write or delete replaces something that is there."""
    argv: tuple[str, ...] | None = None
    """The one command that would run, exactly, or None when the text is not proven simple."""
    simple: bool = False
    """Proven: one command, known flags, reads only inside the workspace."""
    sandbox: Sandbox = "none"
    host: str = ""
    granted: bool = False
    """The host (and port) was granted by the user."""
    floor: Danger = Danger.SAFE
    """The least level the tool's author declared."""
    files: bool = True
    """Of talk to another program: it may change files of the workspace."""
    untrusted: str = field(default="", compare=False)
    """What strangers wrote and the run has read before, if anything: of the run, not of the call,
    see `workbench.permission.egress`."""
    notes: tuple[str, ...] = ()
    """Why the level is what it is, in words for a person: ``expansion in word 2``."""


_DEED: dict[Act, Danger] = {
    "compute": Danger.SAFE,
    "read": Danger.SAFE,
    "write": Danger.MEDIUM,
    "delete": Danger.HIGH,
    "run": Danger.LOW,
    "fetch": Danger.LOW,
    "send": Danger.MEDIUM,
    "erase": Danger.HIGH,
    "talk": Danger.HIGH,
}
"""What the deed alone comes to, at its best: inside, granted, proven."""

_OUTSIDE: dict[Act, Danger] = {
    "write": Danger.CRITICAL,
    "delete": Danger.CRITICAL,
    "run": Danger.HIGH,
}
"""What a target outside the workspace comes to; for every other deed it is LOW."""


def grade(facts: Facts) -> Danger:
    """The level of one call: the highest of what each fact says by itself.

    Every reading only grows when a fact gets worse (outside, protected, not proven, not granted,
    a weaker sandbox, a higher floor), and so does their maximum; the one step up of a reduced
    sandbox is added last and keeps that order.
    """
    level = max(_DEED[facts.act], facts.floor, _place(facts), _proof(facts))
    if facts.act != "run" or facts.sandbox == "full":
        return level
    if facts.sandbox == "none":
        return Danger.CRITICAL
    return Danger(min(level + 1, Danger.CRITICAL))


def _place(facts: Facts) -> Danger:
    """What the targets say. A protected name asks whatever is done to it, reading included."""
    if facts.protected:
        return Danger.CRITICAL
    return _OUTSIDE.get(facts.act, Danger.LOW) if facts.outside else Danger.SAFE


def _proof(facts: Facts) -> Danger:
    """What is missing: a proof for a command, a grant for a host."""
    if facts.act == "run" and not facts.simple:
        return Danger.HIGH
    if facts.act in {"fetch", "send", "erase"} and not facts.granted:
        return Danger.HIGH
    return Danger.SAFE
