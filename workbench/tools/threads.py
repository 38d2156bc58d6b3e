"""Threads for functions that may block: lent for one call, kept for the next.

A new thread costs more than most calls. Nobody ever waits for a free one, because a function may
block for ever and must not starve the others; what it holds then is its own thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Final

Job = Callable[[], None]

_KEPT: Final = 16
"""How many stay for the next call; one more ends when its call has ended."""


class _Lent:
    """One thread, doing what it is given. A daemon: it keeps no program from ending."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        threading.Thread(target=self._live, name="tool", daemon=True).start()

    def do(self, job: Job) -> None:
        """Give it its next job."""
        self._jobs.put(job)

    def _live(self) -> None:
        while True:
            self._jobs.get()()
            if len(_IDLE) >= _KEPT:
                return
            _IDLE.append(self)


_IDLE: Final[deque[_Lent]] = deque()


def begin(job: Job) -> None:
    """Have a job done on a thread that does nothing else meanwhile."""
    try:
        thread = _IDLE.pop()
    except IndexError:
        thread = _Lent()
    thread.do(job)
