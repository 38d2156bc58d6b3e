"""Opening and leaving: from a terminal to the screen, and back to the terminal with a sentence.

After the screen is gone the terminal shows which runs were suspended and the command that goes on
with each; the screen itself leaves nothing behind in the scroll-back.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

from workbench.config.folders import make_state_folder
from workbench.errors import UsageError, WorkbenchError
from workbench.plain import plain
from workbench.run.signals import HEEDED, order_of
from workbench.tui.app import KaizenApp
from workbench.tui.following import driver_words
from workbench.tui.state import Board
from workbench.tui.terminal import given_back, guarded

_CLOSE_S = 9.0
_BOUND_S = 9.5
"""Of leaving because of a signal: its sender often kills after ten seconds."""


def run_on_terminal(
    *, workspace: Path | None, config: Any, tour: bool, script: Path | None, shows: str = ""
) -> int:
    """Run the screen on this terminal until the user leaves; the exit code."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            "the screen needs a terminal", hint="Without one: kaizen-tui --script FILE, or run"
        )
    plays = script or ("tour" if tour else None)
    if not os.environ.get("NO_COLOR"):
        # Textual takes an empty one for a wish; the standard does not.
        os.environ.pop("NO_COLOR", None)
    app = KaizenApp(opener(workspace, config), plays=plays, shows=shows, config=config)
    log = log_file(workspace)
    with given_back() as give_back, departing(app, give_back), guarded(log):
        code = app.run()
        # It may have broken down with runs under way: those are saved all the same.
        app.close_core(_CLOSE_S)
    _print(farewell(app.board))
    if app.fault is not None:
        raise app.fault
    if code is None:
        raise WorkbenchError("the screen broke down", hint=f"What happened stands in {log}")
    return code


@contextmanager
def departing(app: KaizenApp, give_back: Callable[[], None]) -> Generator[None]:
    """Leave on signals, and when the terminal hangs up, whether or not the screen still can.

    A thread sees to it: when the screen has not left in time, it gives the terminal back itself.
    """
    over, times = threading.Event(), 0

    def see_to_it(code: int) -> None:
        if over.wait(_BOUND_S):
            return
        give_back()
        _print([*farewell(app.board), "the screen did not leave in time; the runs are saved"])
        os._exit(code)

    def take(number: int, _frame: object = None) -> None:
        nonlocal times
        if number == signal.SIGINT and not app.code and app.is_running:
            app.later(lambda: app.action_interrupt_all(128 + number))
            return
        times += 1
        app.leave_soon(app.code or 128 + number, order_of(number, times))
        if times == 1:
            Thread(target=see_to_it, args=(app.code,), name="departure", daemon=True).start()

    before = {number: signal.signal(number, take) for number in HEEDED}
    Thread(target=_watch_terminal, args=(over,), name="terminal", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        for number in before:
            signal.signal(number, signal.SIG_IGN)


def _watch_terminal(over: threading.Event) -> None:
    """Wait, without looking again and again, until the terminal is gone: then that is a SIGHUP.

    The kernel sends one to whoever belongs to the terminal; this also notices one that was merely
    handed in. A screen that reads from a terminal that is gone would keep a core busy for ever.
    """
    poll = select.poll()
    poll.register(sys.stdin.fileno(), 0)  # hanging up is always told
    poll.poll()
    if not over.is_set():
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGHUP)


def _print(lines: Iterable[str]) -> None:
    """The last words; nobody may be there to read them."""
    with suppress(OSError):
        for line in lines:
            sys.stdout.write(line + "\n")
        sys.stdout.flush()


def opener(workspace: Path | None, config: Any) -> Callable[[], AbstractAsyncContextManager[Any]]:
    """How the core's thread opens the workbench."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Any]:
        # Imported on the core's thread: the first frame does not wait for it.
        from workbench.bench import Workbench  # noqa: PLC0415

        async with Workbench.open(workspace=workspace, config=config) as bench:
            bench.world.scripts_only_preselect = True
            bench.budgets.on_limit = "ask"
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
        if driver := driver_words(run):
            lines.append(plain(f"  {driver}: kaizen-tui follow {run.run_id}"))
        elif run.rests or run.status in ("running", "waiting", "paused"):
            lines.append(f"  go on with it: kaizen-tui resume {run.run_id}")
    return lines
