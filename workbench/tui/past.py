"""A run as it stood at a moment: its rows folded up to there, and kept at regular distances.

Pure. A jump takes up the nearest board kept before its goal and folds the rows from there, so it
costs as much at the end of a long run as at its beginning. Boards are kept as rows are first
passed; what they hold of a step is shared, not copied.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.journal.events import Event
from workbench.tui.state import Board
from workbench.tui.trace_rows import TraceRow

PAGE_ROWS = 500
"""Rows that are read from the log at once."""
_PIECE_ROWS = 1_000
_KEPT = 100
"""Boards kept of a long run; shorter ones have one for each page."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is recorded of a run now."""

    run_id: str
    last: int
    """Its newest row."""
    marks: tuple[int, ...] = ()
    """Rows at which a checkpoint was taken, ascending."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A board at a row, its trace in pieces that it shares with the board kept before."""

    at: int
    moment: float
    board: Board
    pieces: tuple[list[TraceRow], ...] = ()


class Past:
    """A run up to ``at``, the number of the last row folded; 0 is before everything."""

    def __init__(self, extent: Extent) -> None:
        self.extent = extent
        self.at = 0
        self.board = Board(recent=0)
        self.row: Event | None = None
        """The row at ``at``."""
        pages = max(1, extent.last // _KEPT // PAGE_ROWS)
        self._every = pages * PAGE_ROWS
        self._kept = [_Kept(0, 0.0, self.board)]
        self._pages: OrderedDict[int, Sequence[Event]] = OrderedDict()
        self._most_pages = pages + 2
        self.moment = 0.0
        """When it was, in seconds since 1970."""
        self._take(0)

    def grow(self, extent: Extent) -> None:
        """More was recorded meanwhile."""
        self._pages.pop(self.extent.last // PAGE_ROWS, None)
        self.extent = extent

    def clamp(self, goal: int) -> int:
        """The nearest row that there is."""
        return max(min(1, self.extent.last), min(goal, self.extent.last))

    def mark_beside(self, direction: int) -> int:
        """The next checkpoint in a direction; without one, the first or the last row."""
        marks = self.extent.marks
        if direction > 0:
            place = bisect_right(marks, self.at)
            return marks[place] if place < len(marks) else self.extent.last
        place = bisect_left(marks, self.at) - 1
        return marks[place] if place >= 0 else self.clamp(1)

    def stand_before(self, goal: int) -> None:
        """Take up the nearest board at or before ``goal``, unless this one is nearer."""
        place = bisect_right(self._kept, goal, key=lambda kept: kept.at) - 1
        if self.at > goal or self._kept[place].at > self.at:
            self._take(place)

    def wanted(self, goal: int) -> tuple[int, int] | None:
        """The rows to be read next on the way to ``goal``: after one, up to another."""
        page = self.at // PAGE_ROWS
        if self.at >= goal or page in self._pages:
            return None
        return page * PAGE_ROWS, min((page + 1) * PAGE_ROWS, self.extent.last)

    def read(self, after: int, rows: Sequence[Event]) -> None:
        """Keep rows of the log for a while."""
        self._pages[after // PAGE_ROWS] = rows
        if len(self._pages) > self._most_pages:
            self._pages.popitem(last=False)

    def next_row(self) -> Event | None:
        """The row after this moment, if it was read."""
        rows = self._rows_after()
        return rows[0] if rows else None

    def last_before(self, moment: float) -> int:
        """The last row read, from here on, that came until a moment."""
        found = self.at
        for row in self._rows_after():
            if row.at > moment:
                break
            found = row.seq
        return found

    def fold(self, goal: int) -> None:
        """Fold what was read, up to ``goal`` and no further than one page."""
        page_end = min((self.at // PAGE_ROWS + 1) * PAGE_ROWS, self.extent.last)
        for row in self._rows_after():
            if row.seq > goal:
                break
            self._fold_one(row)
        # A row that is missing from the log is passed over.
        self.at = min(goal, page_end)
        if self.at == page_end and self.at % self._every == 0 and self._kept[-1].at < self.at:
            self._kept.append(self._keep())

    def _fold_one(self, row: Event) -> None:
        run = self.board.runs.get(row.run_id)
        if run is not None:
            run.last_seq = row.seq - 1
        self.board.fold(row)
        self.row, self.moment = row, max(self.moment, row.at)

    def _rows_after(self) -> Sequence[Event]:
        rows = self._pages.get(self.at // PAGE_ROWS, ())
        return rows[bisect_right(rows, self.at, key=lambda row: row.seq) :]

    def _keep(self) -> _Kept:
        pieces = _pieces(self.board.trace.rows, self._kept[-1].pieces)
        return _Kept(self.at, self.moment, copied(self.board, []), pieces)

    def _take(self, place: int) -> None:
        kept = self._kept[place]
        rows = [row for piece in kept.pieces for row in piece]
        self.at, self.moment = kept.at, kept.moment
        self.board, self.row = copied(kept.board, rows), None


def _pieces(rows: list[TraceRow], before: Sequence[list[TraceRow]]) -> tuple[list[TraceRow], ...]:
    """The rows in pieces; those that have not changed are the ones of ``before``."""
    found: list[list[TraceRow]] = []
    for start in range(0, len(rows), _PIECE_ROWS):
        piece = rows[start : start + _PIECE_ROWS]
        number = len(found)
        is_known = number < len(before) and before[number] == piece
        found.append(before[number] if is_known else piece)
    return tuple(found)


def copied(board: Board, rows: list[TraceRow]) -> Board:
    """A board of its own with the same on it, and with these rows as its trace."""
    copy = Board(recent=0)
    for run in board.runs.values():
        copy.runs[run.run_id] = replace(
            run,
            agents={name: replace(agent) for name, agent in run.agents.items()},
            open=dict(run.open),
            calls={turn: [*calls] for turn, calls in run.calls.items()},
        )
    copy.branches = {
        run_id: replace(branch, checkpoints=[*branch.checkpoints], children=[*branch.children])
        for run_id, branch in board.branches.items()
    }
    copy.trace.rows = rows
    copy.trace.first = board.trace.first
    copy.inbox = dict(board.inbox)
    copy.asked_at = dict(board.asked_at)
    copy.plans = board.plans.copied()
    copy.news = {"runs", "agents", "trace", "inbox", "branches"}
    return copy
