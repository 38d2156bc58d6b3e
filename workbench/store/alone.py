"""A store without other processes: what `workbench.store.shared` is for the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workbench.errors import Fenced, StoreError
from workbench.journal.requests import Owner, Request
from workbench.store.connection import Watch
from workbench.store.requests import Settled
from workbench.store.writer import Done


class Alone:
    """What `Shared` is where there is no other process: nobody asks, nobody takes over."""

    bell = None

    def __init__(self, owner: Callable[[str], int | None]) -> None:
        self._owner = owner

    def driver(self, run_id: str) -> Owner | None:
        """This process, if it claimed the run."""
        pid = self._owner(run_id)
        return None if pid is None else Owner(pid)

    def left_by(self, run_id: str) -> str:
        """Nobody."""
        del run_id
        return ""

    def has_lost(self, run_id: str, pid: int, host: str) -> bool:
        """To whom?"""
        del run_id, pid, host
        return False

    def beat(self) -> list[Fenced]:
        """Nobody looks."""
        return []

    def is_surely_ours(self, run_id: str) -> bool:
        """Whose else?"""
        del run_id
        return True

    def confirm(self, run_id: str, done: Done) -> None:
        """It is."""
        del run_id
        done(None)

    def ask(self, request: Request) -> None:
        """There is nobody to ask."""
        raise StoreError(f"run {request.run_id} is in memory, and no other process drives it")

    def open_requests(self) -> list[Request]:
        """None."""
        return []

    def request(self, request_id: str) -> Request | None:
        """None."""
        del request_id

    def settle(self, settled: Sequence[Settled]) -> None:
        """Nothing to settle."""

    def watch(self) -> Watch:
        """There is nothing to follow."""
        raise StoreError("runs in memory are followed by nobody")
