"""Functions that may block, beside the loop: on threads lent for one call, kept for the next.

A new thread costs more than most calls. Nobody ever waits for a free one, because a function may
block for ever and must not starve the others; what it holds then is its own thread. None of them
keeps a program from ending.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final

from workbench.errors import ToolError
from workbench.foreign import Raised, Returned, attempt

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


async def beside(function: Callable[[], Any]) -> Any:
    """Call a function on a thread of its own; what it raises is raised here.

    It cannot be stopped. Cancelled, the call's end is unknown, unless it has ended already: then
    it counts, however the two met.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    context = contextvars.copy_context()
    ended: deque[Returned[Any] | Raised] = deque()

    def work() -> None:
        found: Returned[Any] | Raised = Raised(ToolError("the function ended its own thread"))
        with suppress(SystemExit):
            found = attempt(context.run, function)
        ended.append(found)
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(_wake, future)

    begin(work)
    try:
        await future
    except asyncio.CancelledError:
        if not ended:
            raise
    return _result(ended.pop())


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _result(ended: Returned[Any] | Raised) -> Any:
    match ended:
        case Returned(value):
            return value
        case Raised(StopIteration() as error):  # no coroutine can carry it
            raise ToolError(f"the function raised {error!r}")
        case Raised(error):
            raise error
