"""How the program ends: what a front raised becomes one sentence and an exit code.

Light on purpose: every start of `kaizen-tui` imports it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def leave(code: int) -> None:
    """End at once: a thread that reads a closed terminal would keep the process, and a core."""
    from contextlib import suppress

    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def fill_gaps() -> None:
    """Give a program that was started with a standard stream closed an empty one.

    Else the next file that is opened, the database say, would be what is printed to.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def heed() -> None:
    """Until a front heeds signals itself, one of them ends the program with its own exit code.

    At once: nothing was begun that would have to be saved, and threads may be starting. Only the
    first interrupt of something under way lets it clean up. One in the middle of an import does
    not: compiled modules that are interrupted there crash the interpreter.
    """
    import signal

    was_interrupted = False

    def end(number: int, _frame: object) -> None:
        os._exit(128 + number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal was_interrupted
        if was_interrupted or _is_importing(frame):
            end(number, frame)
        was_interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def guarded(front: Callable[[], int]) -> int:
    """Run a front; whatever it raises becomes one sentence on stderr and an exit code."""
    try:
        return front()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # noqa: BLE001 - the top of a front: one of the three named places
        return _told(error)


def _told(error: Exception) -> int:
    from workbench.errors import WorkbenchError
    from workbench.plain import plain

    if isinstance(error, WorkbenchError):
        from workbench.script.ended import exit_code_of

        sys.stderr.write(f"kaizen-tui: {plain(str(error))}\n")
        return exit_code_of(error)
    where = _traceback_file(error)
    name = type(error).__name__
    sys.stderr.write(f"kaizen-tui: unexpected {name}: {plain(str(error))} (details: {where})\n")
    return 1


def _traceback_file(error: Exception) -> str:
    """Keep the traceback in the user's data folder; where, for the message."""
    import traceback

    from workbench.config.folders import data_folder
    from workbench.errors import ConfigError
    from workbench.redaction import Redaction

    text = Redaction.of(os.environ).text("".join(traceback.format_exception(error)))
    try:
        folder = data_folder(os.environ)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "unexpected.log"
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
        path.chmod(0o600)
    except (OSError, ConfigError):
        return "not kept: the data folder cannot be written"
    return str(path)
