"""Signals of a headless front, heeded from before the workbench is opened until it is closed.

What one does depends on what is going on: while a run goes on it is interrupted; before that, or
at a prompt, the program leaves; while it is closing it changes nothing, because closing is bounded
and what it saves is what one would lose. Nothing here is imported by a program that uses the
workbench as a library: its signals are its own.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager

from workbench.bench import Workbench
from workbench.run.interrupt import Order
from workbench.run.signals import HEEDED, PATIENCE_S, is_ignored, order_of

Act = Callable[[int], None]


class Signals:
    """The signals that came, and what the next one does."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        self.caught = 0
        """The first that ends the program, or 0."""
        self._notice = notice
        self._task: asyncio.Task[object] | None = None
        self._act: Act = self._leave

    def __enter__(self) -> Signals:
        self._task = asyncio.current_task()
        for number in HEEDED:
            if not is_ignored(number):
                asyncio.get_running_loop().add_signal_handler(number, self.take, number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in HEEDED:
            asyncio.get_running_loop().remove_signal_handler(number)
            # Python's own way would raise in the middle of whatever is still being put away.
            signal.signal(number, signal.SIG_IGN)

    def take(self, number: int) -> None:
        """One signal came."""
        self._act(number)

    def _leave(self, number: int) -> None:
        self.caught = number
        self._act = _nothing
        assert self._task is not None
        self._task.cancel()

    @contextmanager
    def interrupting(self, bench: Workbench, *, leaves: bool = True) -> Generator[None]:
        """While this lasts signals interrupt the runs; a SIGINT need not end the program."""
        times = 0

        def act(number: int) -> None:
            nonlocal times
            times += 1
            ends = leaves or number != signal.SIGINT
            if ends and not self.caught:
                self.caught = number
            order = order_of(number, times)
            (bench.stop if ends else bench.order)(order)
            if times == 1:
                self._notice(_said(order))

        before, self._act = self._act, act
        try:
            yield
        finally:
            self._act = before

    @contextmanager
    def heeded(self, does: Callable[[], None], *, leaves: bool = True) -> Generator[None]:
        """While this lasts a signal does one thing: what goes on is not ours to interrupt."""

        def act(number: int) -> None:
            if leaves or number != signal.SIGINT:
                self.caught = self.caught or number
            does()

        before, self._act = self._act, act
        try:
            yield
        finally:
            self._act = before

    def closing(self) -> None:
        """From here on the program is on its way out."""
        self._act = _nothing


def _nothing(_number: int) -> None:
    """More signals do no harm."""


def _said(order: Order) -> str:
    if order.what == "immediate":
        return f"{order.by}: stopping what runs"
    bound = f", in {PATIENCE_S:g} s at the latest" if order.patience_s is not None else ""
    return f"stopping when the running steps are done{bound}; once more to stop at once"
