"""Takes rows onto the board in portions, so that a flood or a long run never stalls the screen.

Two sources, one at a time: rows read from the log (a run being opened, a gap being filled) come
first and in order; what the core says live waits meanwhile in its buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from workbench.journal.events import Event
from workbench.tui.feed import Feed, LiveShown
from workbench.tui.state import Board

FRAME_S = 1 / 30
CALM_S = 0.5
"""How long to wait before a gap is filled: the flood that tore it may still be on."""
PORTION = 1_000
"""Rows folded in one go: some 12 ms."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look did and wants."""

    rows: int
    asks: bool
    """Something new waits for a person, or what waits has changed."""
    again_s: float | None
    """When to look again; None to wait until the feed wakes."""
    gaps: bool
    """Rows are missing and it is calm enough to read them from the log."""


class Intake:
    """Between feed, log and board."""

    def __init__(self, board: Board, feed: Feed) -> None:
        self._board = board
        self._feed = feed
        self._loads: deque[tuple[deque[Event], Callable[[], None]]] = deque()
        """Rows read from the log, and what to call when the last of them is in."""

    def load(self, rows: Iterable[Event], then: Callable[[], None]) -> None:
        """Take rows of the log in before anything live; ``then`` is called after the last."""
        self._loads.append((deque(rows), then))

    def look(self) -> Looked:
        """Take in the next portion."""
        waiting = len(self._board.inbox)
        if self._loads:
            self._from_log()
            return Looked(0, len(self._board.inbox) > waiting, FRAME_S, gaps=False)
        taken = self._feed.take(PORTION)
        self.fold(taken.rows)
        for live in taken.live:
            self._board.live(live.kind, live.run_id, live.key, live.data)
        self._board.dropped += taken.dropped
        asks = len(self._board.inbox) > waiting or any(one.kind == "waiting" for one in taken.live)
        again = FRAME_S if taken.more else CALM_S if self._board.gaps and taken.rows else None
        gaps = bool(self._board.gaps) and not taken.rows
        return Looked(len(taken.rows), asks, again, gaps)

    def fold(self, rows: Iterable[Event | LiveShown]) -> None:
        """Put rows on the board, the live word that a step began, and notices."""
        for row in rows:
            if isinstance(row, Event):
                self._board.fold(row)
            elif row.kind == "notice":
                self._board.told(row.run_id, str(row.data["text"]))
            else:
                self._board.begun(row.run_id, row.key, row.data)

    def finish(self) -> None:
        """Take in everything there is: nobody watches any more."""
        self._loads.clear()
        taken = self._feed.take(PORTION)
        while taken.rows:
            self.fold(taken.rows)
            taken = self._feed.take(PORTION)

    def _recall(self, row: Event) -> None:
        """Fold a row of the log; that rows before it are left out is no gap to be filled."""
        run = self._board.runs.get(row.run_id)
        if run is not None and row.seq > run.last_seq:
            run.last_seq = row.seq - 1
        self._board.fold(row)

    def _from_log(self) -> None:
        left = PORTION
        while self._loads and left > 0:
            rows, then = self._loads[0]
            while rows and left > 0:
                self._recall(rows.popleft())
                left -= 1
            if not rows:
                self._loads.popleft()
                then()
