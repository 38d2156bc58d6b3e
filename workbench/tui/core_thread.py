"""The core on a thread and an event loop of its own, so that the screen never waits for it.

Every call returns a future at once; the screen shows its result when it is there. The thread is
a daemon: a core that cannot be stopped does not keep a terminal from being given back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager
from threading import Lock, Thread
from typing import Generic, Protocol, TypeVar

from workbench.errors import UsageError
from workbench.run.looped import end
from workbench.tui.feed import Feed


class Subscribable(Protocol):
    """What the thread itself needs of a workbench."""

    def subscribe(self, callback: Callable[..., None], /) -> Callable[[], None]:
        """Tell ``callback`` everything from now on."""
        ...


B = TypeVar("B", bound=Subscribable)
T = TypeVar("T")


class CoreThread(Generic[B]):
    """Opens a workbench on a new thread, runs jobs on it, closes it."""

    def __init__(
        self, open_bench: Callable[[], AbstractAsyncContextManager[B]], feed: Feed
    ) -> None:
        self._open = open_bench
        self._feed = feed
        self._loop = asyncio.new_event_loop()
        self._opened: asyncio.Future[B] = self._loop.create_future()
        self._stop = asyncio.Event()
        self._first: Callable[[B], Awaitable[None]] | None = None
        self._lock = Lock()
        self._takes_jobs = True
        self.ended: Future[None] = Future()
        """Done when the thread is: with the error that ended it, if one did."""
        self._thread = Thread(target=self._run, name="core", daemon=True)

    def start(self) -> None:
        """Begin; ``call`` may be used at once, jobs wait until the workbench is open."""
        self._thread.start()

    @property
    def is_started(self) -> bool:
        """Whether there is anything to stop."""
        return self._thread.ident is not None

    def call(self, job: Callable[[B], Awaitable[T]]) -> Future[T]:
        """Run ``job(bench)`` on the core's loop; returns at once."""
        # The loop is closed before `ended` says so, and a closed loop raises at whoever asks.
        with self._lock:
            if self._takes_jobs:
                return asyncio.run_coroutine_threadsafe(self._do(job), self._loop)
        refused: Future[T] = Future()
        error = self.ended.exception() if self.ended.done() else None
        refused.set_exception(error or UsageError("the workbench is closed"))
        return refused

    def stop(self, first: Callable[[B], Awaitable[None]] | None = None) -> Future[None]:
        """Ask the workbench to close; the returned future is done when it has.

        Args:
            first: what is done before that, on the core's loop.
        """
        self._first = first or self._first
        with self._lock:
            if self._takes_jobs:
                self._loop.call_soon_threadsafe(self._stop.set)
        return self.ended

    async def _do(self, job: Callable[[B], Awaitable[T]]) -> T:
        return await job(await asyncio.shield(self._opened))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        main = self._loop.create_task(self._main())
        self._loop.run_until_complete(asyncio.wait([main]))
        error = main.exception()
        if not self._opened.done():
            # Jobs that still wait for a workbench that never opened fail with its reason.
            self._opened.set_exception(error or UsageError("the workbench is closed"))
            self._opened.exception()  # seen: no warning when no job ever waited
        with self._lock:
            self._takes_jobs = False
        self._loop.run_until_complete(asyncio.sleep(0))  # what was given until now begins
        end(self._loop, 0.5)
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)

    async def _main(self) -> None:
        async with self._open() as bench:
            # Told to the very end: closing suspends runs, and the screen's last words say so.
            bench.subscribe(self._feed.put)
            self._opened.set_result(bench)
            await self._stop.wait()
            if self._first is not None:
                await self._first(bench)
