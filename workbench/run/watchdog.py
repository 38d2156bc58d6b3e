"""Names the code that holds up the loop: a workflow, a hook or a tool that blocks for a second.

Nothing is ended: nobody can end a function that blocks. A thread asks the loop for a sign of life
and, when none comes, looks at where it stands. It asks only while something is being performed;
else it sleeps until it is stirred.
"""

from __future__ import annotations

import asyncio
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from sys import _current_frames as frames  # pyright: ignore[reportPrivateUsage]  the one way
from types import FrameType
from typing import TYPE_CHECKING

from workbench.run.world import Acks, Live

if TYPE_CHECKING:
    from workbench.run.run import Run

LIMIT_S = 1.0
_BETWEEN_S = 0.25
"""Between two questions: so much longer than the limit a block may last and go unnoticed."""
_AGAIN = 10
"""How many times longer it waits before it says so again."""

_OURS = str(Path(__file__).resolve().parents[1])
_SHIPPED = f"{_OURS}/_shipped"
_IMPORTING = "<frozen importlib"
_LIBRARY = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})


class Watchdog:
    """Watches the loop it was made on."""

    def __init__(
        self, runs: Mapping[str, Run], acks: Acks, publish: Callable[[Live], None]
    ) -> None:
        self._runs, self._acks, self._publish = runs, acks, publish
        self.alarm: Callable[[str], None] = self._told_later
        """Told a sentence at once, on another thread, while the loop is held up."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._stirred = threading.Event()
        self._alive = threading.Event()
        self._over = threading.Event()
        self._busy = False
        self._thread: threading.Thread | None = None

    @property
    def is_awake(self) -> bool:
        """Whether it asks the loop again, or is about to sleep."""
        return self._busy or self._stirred.is_set()

    def _told_later(self, text: str) -> None:
        """Where no front says it: a notice, once the loop goes on."""
        self._acks.put(lambda: self._publish(Live("notice", "", "", {"text": text})))

    def stir(self) -> None:
        """Code that is not ours is about to run; costs next to nothing."""
        if self._stirred.is_set():
            return
        self._stirred.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._live, name="watchdog", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        self._stirred.set()

    def _live(self) -> None:
        while self._stirred.wait() and not self._over.is_set():
            self._stirred.clear()
            self._ask()
            self._over.wait(_BETWEEN_S)
            if self._busy:
                self._stirred.set()

    def _ask(self) -> None:
        self._alive.clear()
        try:
            self._loop.call_soon_threadsafe(self._answer)
        except RuntimeError:  # the loop is closed
            self._over.set()
            return
        waited_s, patience_s = 0.0, LIMIT_S
        while not self._alive.wait(patience_s) and not self._over.is_set():
            waited_s += patience_s
            patience_s = waited_s * _AGAIN
            if place := standing(frames().get(self._watched)):
                self.alarm(f"{place} has held up everything for {waited_s:g} s")

    def _answer(self) -> None:
        steps = (step for run in self._runs.values() for step in run.steps.values())
        self._busy = any(step.begun for step in steps)
        self._alive.set()


def standing(frame: FrameType | None) -> str:
    """File, line and function of the innermost code that is nobody's library; or empty.

    Empty too for our own first use of a library on a slow machine: nobody could mend that.
    """
    called = [found for found in _called(frame) if not _is_ours(found.f_code.co_filename)]
    others = (*_LIBRARY, _IMPORTING)
    own = [found for found in called if not found.f_code.co_filename.startswith(others)]
    is_importing = any(found.f_code.co_filename.startswith(_IMPORTING) for found in called)
    for found in own or ([] if is_importing else called[-1:]):
        return f"{found.f_code.co_filename}:{found.f_lineno} ({found.f_code.co_name})"
    return ""


def _called(frame: FrameType | None) -> Iterator[FrameType]:
    """The frames that the loop has called, innermost first; none when it waits for something."""
    found: list[FrameType] = []
    while frame is not None:
        if frame.f_code.co_filename.replace("\\", "/").endswith("asyncio/events.py"):
            return iter(found)
        found.append(frame)
        frame = frame.f_back
    return iter(())


def _is_ours(file: str) -> bool:
    return file.startswith(_OURS) and not file.startswith(_SHIPPED)
