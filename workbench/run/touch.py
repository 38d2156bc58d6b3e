"""What a call may do to the files of its working copy: a pure decision from the tool and facts."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from workbench.agent.tool import Tool
from workbench.permission.danger import Facts
from workbench.workflow.effects import Repeat

Touch: TypeAlias = Literal["nothing", "named", "opaque", "restore"]
"""It only reads or acts elsewhere · it says itself which files it changes · nobody can say ·
it puts files back, which names them and is preceded by a snapshot all the same."""

RESTORE: Final = "restore_files"
"""The tool that puts files back."""

_ACTING: Final = frozenset({"write", "delete", "run", "talk"})


def touch(tool: Tool, facts: Facts) -> Touch:
    """What a call may do to files. A user's tool is taken at its word: its declared ``act``."""
    if tool.repeat is Repeat.PURE:
        return "nothing"
    if tool.function is not None:
        return "opaque" if tool.act in _ACTING else "nothing"
    if tool.name == RESTORE:
        return "restore"
    if tool.act in {"write", "delete"}:
        return "named"
    opaque = facts.files if tool.act == "talk" else tool.act == "run" and not facts.simple
    return "opaque" if opaque else "nothing"


def may_touch(tool: Tool) -> bool:
    """Whether some call of it may."""
    return tool.repeat is not Repeat.PURE and (tool.name == RESTORE or tool.act in _ACTING)
