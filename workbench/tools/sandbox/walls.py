"""The one door to the sandbox: put a command behind the walls that were proven on this machine."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

from workbench.errors import ToolError
from workbench.tools.place import Place
from workbench.tools.sandbox import bubblewrap, landlock

Walled: TypeAlias = tuple[tuple[str, ...], str]
"""An argv, and the program that is executed with it."""

BACK_ENDS: Mapping[str, Callable[[tuple[str, ...], str, Place], AbstractContextManager[Walled]]] = {
    "bubblewrap": bubblewrap.walls,
    "landlock": landlock.walls,
}


@contextmanager
def walls(argv: tuple[str, ...], program: str, place: Place) -> Generator[Walled]:
    """The argv and program that run a command inside the place's sandbox.

    Without a sandbox they are the command itself; what that means was decided at the gate.

    Raises:
        ToolError: the sandbox that was reported is not there any more.
    """
    report = place.sandbox
    if report.level == "none":
        yield argv, program
        return
    back_end = BACK_ENDS.get(report.backend)
    if back_end is None or not Path(report.program).is_file():
        raise ToolError(
            f"the {report.level} sandbox {report.backend!r} cannot be started",
            hint="Nothing was run",
        )
    with back_end(argv, program, place) as walled:
        yield walled
