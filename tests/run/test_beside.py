"""Threads that are lent for one call and kept for the next."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from workbench.run.beside import begin

BOUND_S = 10


def _who(told: SimpleQueue[int], go_on: threading.Event | None = None) -> None:
    if go_on is not None:
        go_on.wait(BOUND_S)
    told.put(threading.get_ident())


def test_a_job_that_blocks_for_ever_keeps_no_other_waiting() -> None:
    told, never = SimpleQueue[int](), threading.Event()
    for _ in range(40):
        begin(lambda: _who(SimpleQueue(), never))
    begin(lambda: _who(told))
    assert told.get(timeout=BOUND_S) != threading.get_ident()
    never.set()


def test_threads_are_used_again() -> None:
    told = SimpleQueue[int]()
    seen: set[int] = set()
    for _ in range(200):
        begin(lambda: _who(told))
        seen.add(told.get(timeout=BOUND_S))
    assert len(seen) < 100
