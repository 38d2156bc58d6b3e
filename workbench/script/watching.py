"""Watching a run of another process where there is no screen: each row as it is committed.

The watcher ends with the run, or when nobody drives it any more; ctrl+c ends the watching and
leaves the run alone.
"""

from __future__ import annotations

import asyncio

from workbench.errors import UsageError
from workbench.journal.events import Event
from workbench.journal.requests import ASKS
from workbench.run.following import waiting_in
from workbench.run.world import Live
from workbench.script.session import Session


async def watch(session: Session, run_id: str) -> bool:
    """Show a run until it ends or rests; False when somebody had seen enough before.

    Where nobody is shown rows (the screen shows them itself), it is only followed.

    Raises:
        UsageError: this process drives it.
    """
    bench, over = session.bench, asyncio.Event()
    run = bench.runs.get(run_id)
    if run is not None and run.status in {"running", "paused"}:
        raise UsageError(f"run {run_id} is driven here", hint=f"Wait for it: wait run={run_id}")
    if session.rows is None:
        await bench.following.follow(run_id)
        return True
    enough = asyncio.Event()
    unsubscribe = bench.subscribe(_Shown(session, run_id, over).told)

    def seen_enough() -> None:
        enough.set()
        over.set()

    try:
        with session.heed(seen_enough):
            await bench.following.follow(run_id)
            await over.wait()
        return not enough.is_set()
    finally:
        unsubscribe()
        bench.following.leave(run_id)


class _Shown:
    """Shows what is told of one run."""

    def __init__(self, session: Session, run_id: str, over: asyncio.Event) -> None:
        self._session, self._run_id, self._over = session, run_id, over

    def told(self, event: Event | Live) -> None:
        """Something happened."""
        if event.run_id != self._run_id:
            return
        if isinstance(event, Live):
            if event.kind == "driver":
                self._driver(event)
            return
        if self._session.rows is not None:
            self._session.rows(event)
        if event.kind in ASKS:
            # While one catches up, most of what was asked has been answered long ago.
            asyncio.get_running_loop().call_later(0.2, self._waits, event)
        if event.kind == "run.finished":
            self._over.set()

    def _driver(self, event: Live) -> None:
        followed = self._session.bench.following.runs.get(self._run_id)
        if followed is not None and not self._over.is_set():
            self._session.notice(driver_words(self._run_id, event))
        if not event.data["driver"]:
            self._over.set()

    def _waits(self, event: Event) -> None:
        followed = self._session.bench.following.runs.get(self._run_id)
        if followed is not None and event.data["id"] in followed.pending:
            text = waiting_in(event).text
            self._session.notice(f"waits for you: {text}; see: kaizen-tui inbox {self._run_id}")


def driver_words(run_id: str, event: Live) -> str:
    """Who drives a followed run, or that nobody does, in a sentence."""
    driver, before = event.data["driver"], event.data["before"]
    if driver:
        return f"run {run_id} is driven by {driver}; streamed text is seen there only"
    name = f"its driver, {before}, is gone" if before else "nobody drives it"
    return f"run {run_id}: {name}; go on with it: kaizen-tui resume {run_id}"
