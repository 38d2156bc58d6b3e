"""The waterfall: steps of one run as bars on its time, each below the step it was begun in.

The order is that of a tree, children by when they began, kept by inserting: a step that comes
costs a search, however many there are. A bar is made when it is painted. What a bar's step has
come to is told by the bar's last cell, not by its colour alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from operator import itemgetter
from typing import NamedTuple, TypeAlias

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, right
from workbench.tui.clock import brief_span
from workbench.tui.grades import state_role
from workbench.tui.shown import SCOPES
from workbench.tui.time_axis import Window, ticks
from workbench.tui.trace_rows import Trace, TraceRow

Path: TypeAlias = tuple[int, ...]
"""Numbers of lines from the outermost step to one: sorted, they are the tree from top to bottom."""

ENDS: dict[str, Plain] = {
    "running": Plain(">"),
    "waiting": Plain("?"),
    "failed": Plain("x"),
    "denied": Plain("!"),
    "deny": Plain("!"),
    "cancelled": Plain("~"),
    "open": Plain("."),
}
"""The last cell of a bar whose step did not simply get done."""

LEGENDS = (
    "> running  ? waiting  x failed  ! denied  ~ cancelled  . end unknown  o checkpoint",
    "> running ? waiting x failed ! denied ~ cancelled . unknown",
)
"""What the last cells mean, the longer one where there is room."""

_GROWING = ("running", "waiting")


class Scale(NamedTuple):
    """What a bar's picture depends on besides its row."""

    window: Window
    now: float
    """Until when what is under way is drawn."""


class Waterfall:
    """The rows of one run that have a duration, in the order of the tree."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.rows: list[TraceRow] = []
        self._paths: list[Path] = []
        self._latest: Path = ()
        self._above: dict[int, Path] = {}
        """Paths of the steps in which others were begun."""
        self._taken = 0
        self._first = 0

    def absorb(self, trace: Trace, changed: set[int], shows: Callable[[TraceRow], bool]) -> None:
        """Take over what came, and what changed, since the last time."""
        if self._first != trace.first:
            self.clear()
        self._first = trace.first
        for number in changed:
            if number < self._taken and (row := trace.at(number)) is not None:
                self._mend(trace, number, row, shows)
        start = max(self._taken, trace.first)
        self._taken = trace.end
        fresh = [
            (self._path(trace, number, row), row)
            for number, row in enumerate(trace.rows[start - trace.first :], start)
            if self._wants(row) and shows(row)
        ]
        if fresh:
            self._latest = fresh[-1][0]
        self._insert(fresh)

    def clear(self) -> None:
        """Forget all, to be told all of it anew."""
        self.rows, self._paths, self._latest, self._taken = [], [], (), 0
        self._above.clear()

    def newest(self) -> int:
        """The place of the row that began last."""
        return min(bisect_left(self._paths, self._latest), max(len(self._paths) - 1, 0))

    def number_at(self, place: int) -> int:
        """The number in the trace of the row at a place, or -1."""
        return self._paths[place][-1] if 0 <= place < len(self._paths) else -1

    def place_of(self, trace: Trace, number: int) -> int | None:
        """Where a row of the trace stands here."""
        row = trace.at(number)
        if row is None:
            return None
        path = self._path(trace, number, row)
        place = bisect_left(self._paths, path)
        return place if self._paths[place : place + 1] == [path] else None

    def _wants(self, row: TraceRow) -> bool:
        if row.run_id != self.run_id:
            return False
        return row.duration_s >= 0 or row.state in (*_GROWING, "open") or row.kind == "checkpoint"

    def _path(self, trace: Trace, number: int, row: TraceRow) -> Path:
        # A line of before a gap was filled is no parent of one that came after it.
        if not 0 <= row.parent < number:
            return (number,)
        above = self._above.get(row.parent)
        if above is None:
            around = trace.at(row.parent)
            above = self._path(trace, row.parent, around) if around is not None else ()
            self._above[row.parent] = above
        return (*above, number)

    def _mend(
        self, trace: Trace, number: int, row: TraceRow, shows: Callable[[TraceRow], bool]
    ) -> None:
        path = self._path(trace, number, row)
        place = bisect_left(self._paths, path)
        held = self._paths[place : place + 1] == [path]
        wanted = self._wants(row) and shows(row)
        if held and wanted:
            self.rows[place] = row
        elif wanted:
            self._insert([(path, row)])
        elif held:
            del self.rows[place], self._paths[place]

    def _insert(self, fresh: list[tuple[Path, TraceRow]]) -> None:
        if len(fresh) > 64 and len(fresh) * 8 > len(self._paths):
            known = zip(self._paths, self.rows, strict=True)
            both = sorted([*known, *fresh], key=itemgetter(0))
            self._paths[:], self.rows[:] = [path for path, _ in both], [row for _, row in both]
            return
        for path, row in fresh:
            place = bisect_left(self._paths, path)
            self._paths.insert(place, path)
            self.rows.insert(place, row)


def legend(width: int) -> str:
    """What the last cells of bars mean, in so many cells; empty where there is no room."""
    return next((text for text in LEGENDS if len(text) + 6 <= width), "")


def cells_of(width: int) -> tuple[int, int, int]:
    """How a row is divided: the step's words, its bar, its duration or state."""
    words = min(46, max(22, width * 2 // 5))
    return words, max(8, width - words - 11), 9


def axis_spans(run_id: str, window: Window, width: int) -> Line:
    """The row of ticks above the bars."""
    words, cells, _ = cells_of(width)
    line = ""
    for cell, said in ticks(window, cells):
        if cell >= len(line) + (cell > 0) and cell + 1 + len(said) <= cells:
            line = line.ljust(cell) + "|" + said
    title = fit(one_line(f"run {run_id[:4]}, time since its start"), words)
    return [(title, "dim"), (Plain(" "), ""), (fit(Plain(line), cells), "dim")]


def bar_spans(row: TraceRow, scale: Scale, width: int) -> Line:
    """A step: kind and name, below its parent; its bar; how long it took, or its state."""
    words, cells, tail = cells_of(width)
    shown = brief_span(row.duration_s) if row.state in ("done", "") else one_line(row.state)
    name = Plain(" " * min(row.nest, 8) + one_line(f"{row.kind} {row.what}"))
    role = state_role(row.state)
    return [
        (fit(name, words), "agent" if row.kind in SCOPES else ""),
        (Plain(" "), ""),
        *_bar(row, scale, cells),
        (Plain(" "), ""),
        (right(shown, tail), "dim" if row.state == "done" else role),
    ]


def _bar(row: TraceRow, scale: Scale, cells: int) -> list[Span]:
    """Blanks, the bar, blanks: exactly ``cells`` wide; what is out of sight is pointed at."""
    took = max(scale.now - row.at, 0.0) if row.state in _GROWING else max(row.duration_s, 0.0)
    first = scale.window.cell(row.at, cells)
    last = max(first, scale.window.cell(row.at + took, cells))
    if last < 0:
        return [(fit(Plain("‹"), cells), "dim")]
    if first >= cells:
        return [(right(Plain("›"), cells), "dim")]
    start, end = max(first, 0), min(last, cells - 1)
    body = "o" if row.kind == "checkpoint" else _body(row) * (end - start + 1)
    mark = ENDS.get(row.state, Plain(""))
    if last >= cells:
        mark = Plain("›")
    if mark:
        body = body[:-1] + mark
    if first < 0 and len(body) > 1:
        body = "‹" + body[1:]
    return [
        (Plain(" " * start), ""),
        (Plain(body), _role(row)),
        (Plain(" " * (cells - start - len(body))), ""),
    ]


def _body(row: TraceRow) -> str:
    if row.kind in SCOPES:
        return "─"
    return "░" if row.kind in ("perm.asked", "question") else "█"


def _role(row: TraceRow) -> Role:
    role = state_role(row.state)
    if role in ("good", "") and row.kind in SCOPES:
        return "agent"
    return role or "good"
