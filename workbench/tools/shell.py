"""Run a command for an agent: which program, in which environment, within which walls.

What is shown is what runs: a text that was proven to be one plain command is executed as that
very argv, without a shell; everything else goes to ``bash`` unread by us. Neither sees the
user's environment: PATH is fixed, and nothing else is passed on that could change what runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.errors import Denied, ToolError
from workbench.permission.danger import Facts
from workbench.run.evidence import Captured
from workbench.tools.place import Place
from workbench.tools.processes import Command, run
from workbench.tools.sandbox.walls import walls
from workbench.tools.spool import Spool
from workbench.values import Json

_FOLDERS = (
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    "/opt/homebrew/bin",
)  # fmt: skip
_OWN = str(Path(sys.executable).parent)
"""Last, so that ``python`` and the tools beside it exist wherever the workbench runs."""
_DEFAULT_S = 60.0


async def bash_command(
    arguments: Mapping[str, Any],
    place: Place,
    on_progress: Callable[[str], None],
    decided: Facts | None,
    spool: Spool | None = None,
) -> Json:
    """Run a command in the workspace; an exit code that is not zero is a result."""
    text = str(arguments["command"])
    if "\0" in text or not text.strip():
        raise ToolError(f"{text!r} is not a command")
    if decided is not None and decided.sandbox != place.sandbox.level:
        raise Denied(f"decided for sandbox {decided.sandbox!r}; it is {place.sandbox.level!r} now")
    argv, program = _spelled(text, decided.argv if decided else None, place)
    with walls(argv, program, place) as (argv, program):
        command = Command(argv, program, place.workspace, environment(), _time(arguments, place))
        ended = await run(command, place.limits, on_progress, spool)
    return {
        "exit_code": ended.exit_code,
        "output": ended.output,
        "truncated": ended.truncated,
        "duration_s": ended.duration_s,
    }


def presumed(captured: Captured | None, place: Place) -> Json:
    """What a command would have returned that was done when nobody saw its end."""
    kept = 2 * (place.limits.output_bytes // 2)
    result: dict[str, Json] = {
        "exit_code": captured.exit_code if captured else None,
        "output": captured.output if captured else "",
        "truncated": captured is not None and captured.output_bytes > kept,
        "duration_s": None,
    }
    if result["exit_code"] is None:
        result["note"] = "it was done; its exit was not seen, and of its output this was kept"
    return result


def _time(arguments: Mapping[str, Any], place: Place) -> float:
    asked = arguments.get("timeout_s")
    wanted = _DEFAULT_S if asked is None else float(asked)
    if not wanted > 0:
        raise ToolError(f"timeout_s is {wanted:g}; it must be more than 0")
    return min(wanted, place.limits.command_s)


def _spelled(text: str, argv: tuple[str, ...] | None, place: Place) -> tuple[tuple[str, ...], str]:
    """The argv to run and its program: the decided one, else the text for a bare bash."""
    if argv:
        program = find_program(argv[0], place)
        if program is not None:
            return argv, program
    shell = find_program("bash", place)
    if shell is None:
        raise ToolError("there is no bash here")
    return ("bash", "--noprofile", "--norc", "-c", text), shell


def find_program(name: str, place: Place) -> str | None:
    """The file a command's name stands for: on the fixed PATH, never found in the workspace.

    A name with a slash is taken at its word, from the workspace; whether it may run was decided.
    The workbench's own interpreter folder is the one exception: it already runs from there.
    """
    if "/" in name:
        path = os.path.normpath(place.workspace / name)
        return path if _runs(path) else None
    for folder in (*_FOLDERS, _OWN):
        path = f"{folder}/{name}"
        if _runs(path) and (folder == _OWN or not in_workspace(path, place)):
            return path
    return None


def in_workspace(path: str, place: Place) -> bool:
    """Whether a program lies where agents can write, by its name or by where that leads."""
    real = os.path.realpath(path)
    return any(Path(p).is_relative_to(place.workspace) for p in (path, real))


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113


def environment() -> dict[str, str]:
    """All that a command gets to know: nothing of the user's own environment but the names."""
    home = os.path.expanduser("~")  # noqa: PTH111 (never raises)
    user = os.environ.get("USER", "user")
    return {
        "PATH": ":".join((*_FOLDERS, _OWN)),
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PAGER": "cat",
        "GIT_PAGER": "cat",
        "GIT_TERMINAL_PROMPT": "0",
    }
