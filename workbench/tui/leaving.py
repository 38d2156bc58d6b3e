"""Opening and leaving: from a terminal to the screen, and back to the terminal with a sentence.

After the screen is gone the terminal shows which runs were suspended and the command that goes on
with each; the screen itself leaves nothing behind in the scroll-back.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from workbench.config.folders import make_state_folder
from workbench.errors import UsageError, WorkbenchError
from workbench.plain import plain
from workbench.tui.app import KaizenApp
from workbench.tui.state import Board
from workbench.tui.terminal import given_back, guarded


def run_on_terminal(*, workspace: Path | None, config: Any, tour: bool, script: Path | None) -> int:
    """Run the screen on this terminal until the user leaves; the exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the screen needs a terminal", hint="Without one: kaizen-tui --script FILE, or run"
        )
    app = KaizenApp(opener(workspace, config), plays=script or ("tour" if tour else None))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, _frame: app.leave_soon(128 + caught))
    log = log_file(workspace)
    with given_back(), guarded(log):
        code = app.run()
    for line in farewell(app.board):
        sys.stdout.write(line + "\n")
    if app.fault is not None:
        raise app.fault
    if code is None:
        raise WorkbenchError("the screen broke down", hint=f"What happened stands in {log}")
    return code


def opener(workspace: Path | None, config: Any) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """How the core's thread opens the workbench."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Any]:
        # Imported on the core's thread: the first frame does not wait for it.
        from workbench.bench import Workbench  # noqa: PLC0415

        async with Workbench.open(workspace=workspace, config=config) as bench:
            bench.world.scripts_only_preselect = True
            yield bench

    return opened


def log_file(workspace: Path | None) -> Path:
    """Where stray output goes while the screen is up: into the workspace's state folder."""
    return make_state_folder((workspace or Path()).resolve(), os.environ) / "screen.log"


def farewell(board: Board) -> list[str]:
    """What the terminal shows afterwards: each run of this time and how to go on with it."""
    lines: list[str] = []
    for run in board.runs.values():
        what = plain(f"run {run.run_id}  {run.pattern}  {run.status}")
        lines.append(what)
        if run.status in ("suspended", "running", "waiting", "paused"):
            lines.append(f"  go on with it: kaizen-tui resume {run.run_id}")
    return lines
