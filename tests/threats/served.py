"""MCP servers for the shipped program: settings that name one, and what it has really done."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.threats.shipped import Ended, Stage

DOUBLES = Path(__file__).parents[1] / "doubles"
ALL = "approve srv.*"


def line(stage: Stage, behaviour: str, program: str = "mcp_raw") -> list[str]:
    """The command line of a double that writes its deeds into a folder of the stage."""
    folder = stage.folder / "deeds"
    folder.mkdir(exist_ok=True)
    return [sys.executable, str(DOUBLES / f"{program}.py"), behaviour, str(folder)]


def table(name: str, command: list[str], more: str = "") -> str:
    """A server in settings."""
    first, *rest = command
    return f"[mcp.{name}]\ncommand = {json.dumps(first)}\nargs = {json.dumps(rest)}\n{more}\n"


def serve(
    stage: Stage, behaviour: str, more: str = "", *, program: str = "mcp_raw", before: str = ""
) -> None:
    """Have the server ``srv`` in the user's settings, and trust it."""
    stage.settings(before + table("srv", line(stage, behaviour, program), more))
    ended = stage.run("mcp", "trust", "srv", "--yes")
    assert ended.code == 0, ended
    (stage.folder / "deeds" / "deeds").unlink(missing_ok=True)


def deeds(stage: Stage) -> list[str]:
    """What servers have done, in order."""
    file = stage.folder / "deeds" / "deeds"
    return file.read_text().split("\n")[:-1] if file.exists() else []


def said(ended: Ended) -> str:
    """All that the program wrote."""
    return ended.out + ended.err
