"""Pane 3: the tail of the log, one line a step, with a filter and three levels of detail.

The board keeps all rows; this list holds those that pass the filter and the level, with their
numbers beside them, so that a step's outcome finds its line by bisection.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, right
from workbench.tui.clock import brief_span, count, time_of_day
from workbench.tui.grades import danger_role, danger_word, state_role
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.trace_rows import EVERYTHING, STEPS, Trace, TraceRow

LEVELS = {1: "steps", 2: "results", 3: "everything"}


_BEGIN = (
    "nothing yet   {screen.command} to begin   {app.runs} earlier runs   new here: kaizen-tui tour"
)
_NO_ROW = "no row passes the filter ({screen.escape} clears it)"


class TracePane(Lines[TraceRow]):
    """The trace."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("trace")]
    BORDER_TITLE = "3 Trace"
    FOLLOWS: ClassVar[bool] = True

    class FilterWanted(Message):
        """The user wants to type a filter."""

    class JumpWanted(Message):
        """The user wants to go from a row to its approval or its checkpoint."""

        def __init__(self, row: TraceRow, *, to: str) -> None:
            super().__init__()
            self.row = row
            self.to = to

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.trace = Trace()
        self.level = STEPS
        self.filter_text = ""
        self.dropped = 0
        self.rate = 0
        self._keep: Callable[[TraceRow], bool] | None = None
        self._numbers: list[int] = []
        self._taken = 0

    def absorb(self, trace: Trace) -> None:
        """Take over what came and what changed since the last time."""
        if trace is not self.trace:
            self.trace = trace
            self._rebuild()
            return
        if self._numbers and self._numbers[0] < trace.first:
            gone = bisect_left(self._numbers, trace.first)
            del self._numbers[:gone]
            self.drop_head(gone)
        self._mend(trace)
        self._append(max(self._taken, trace.first))

    def _append(self, start: int) -> None:
        trace = self.trace
        fresh = trace.rows[start - trace.first :]
        if self._keep is None and self.level == EVERYTHING:
            numbers = list(range(start, trace.end))
        else:
            numbers = [start + i for i, row in enumerate(fresh) if self._shows(row)]
            fresh = [trace.rows[number - trace.first] for number in numbers]
        self._numbers += numbers
        self._taken = trace.end
        if fresh:
            self.extend(fresh)

    def _mend(self, trace: Trace) -> None:
        """Replace lines whose step has ended meanwhile; a filter may want them now, or no more."""
        changed, trace.changed = trace.changed, set()
        resort = False
        for number in changed:
            row = trace.at(number)
            if row is None or number >= self._taken:
                continue
            place = bisect_left(self._numbers, number)
            held = place < len(self._numbers) and self._numbers[place] == number
            shows = self._shows(row)
            if held and shows:
                self.rows[place] = row
            resort |= held != shows
        if resort:
            self._rebuild()
        elif changed:
            self.changed()

    def _rebuild(self) -> None:
        self.rows = []
        self._numbers = []
        self._append(self.trace.first)
        self.unseen = 0
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self._strips.clear()
        self.changed()

    def _shows(self, row: TraceRow) -> bool:
        if row.level > self.level:
            return False
        return self._keep is None or self._keep(row)

    def set_filter(self, text: str, keep: Callable[[TraceRow], bool] | None) -> None:
        """Show only rows that pass; None shows all."""
        self.filter_text = text
        self._keep = keep
        self._rebuild()

    def pick(self, run_id: str, seq: int) -> TraceRow | None:
        """Put the cursor on a row of the log, lifting what hides it; None if it is not held."""
        numbers = range(self.trace.end - 1, self.trace.first - 1, -1)
        rows = ((number, self.trace.at(number)) for number in numbers)
        where = (run_id, seq)
        found = next(((n, r) for n, r in rows if r and (r.run_id, r.seq) == where), None)
        if found is None:
            return None
        number, row = found
        if not self._shows(row):
            self.level = max(self.level, row.level)
            self.set_filter("", None)
        self.following = False
        self.move_to(bisect_left(self._numbers, number))
        return row

    def on_rows_painted(self) -> None:
        """The border tells follow mode, numbers, level and filter."""
        number = f"{len(self.rows):,}".replace(",", " ")
        parts = ["3 Trace", str(self.badge()), f"{number} rows", LEVELS[self.level]]
        if self.rate:
            parts.append(f"{self.rate}/s")
        if self.filter_text:
            parts.append("/" + one_line(self.filter_text)[:40])
        if self.dropped:
            parts.append(f"{self.dropped} not shown live")
        self.border_title = Content("  ".join(part for part in parts if part))

    def tell_rate(self, rows: int) -> None:
        """How many rows came in the last second."""
        if rows != self.rate:
            self.rate = rows
            self.on_rows_painted()

    def empty_line(self) -> Line:
        """Nothing happened yet, or nothing passes."""
        return ((keyed(_NO_ROW if self.filter_text else _BEGIN), "dim"),)

    def spans(self, row: TraceRow, width: int) -> Line:
        """Time, agent, kind, what, danger, state or duration, tokens: as there is room."""
        wide = width >= 90
        agent = fit(one_line(" " * min(row.depth, 3) + (row.agent or "-")), 11 if wide else 9)
        tail = _tail(row, wide=wide)
        moment = Plain(time_of_day(row.at)[: 12 if wide else 8])
        head: list[Span] = [
            (moment, "dim"),
            (Plain(" "), ""),
            (agent, "agent"),
            (Plain(" "), ""),
            (fit(one_line(row.kind), 12), "kind"),
            (Plain(" "), ""),
        ]
        used = sum(len(text) for text, _ in head) + sum(len(text) for text, _ in tail)
        what = one_line(row.what)
        if self.level > STEPS and row.result:
            what = Plain(f"{what} -> {one_line(row.result)}")
        return [*head, (fit(what, max(4, width - used)), ""), *tail]

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.post_message(self.FilterWanted())

    def action_level(self) -> None:
        """Steps, results, everything, and round again."""
        self.level = self.level % 3 + 1
        self._rebuild()

    def action_approval(self) -> None:
        """To what waits in this row."""
        if self.selected is not None:
            self.post_message(self.JumpWanted(self.selected, to="approval"))

    def action_checkpoint(self) -> None:
        """To this row's place in the tree."""
        if self.selected is not None:
            self.post_message(self.JumpWanted(self.selected, to="checkpoint"))


def _tail(row: TraceRow, *, wide: bool) -> list[Span]:
    took = brief_span(row.duration_s)
    state: Role = state_role(row.state)
    shown = took if row.state == "done" and took else one_line(row.state)
    tokens = Plain(f"{count(row.tokens)} tok") if row.tokens else Plain("")
    spans: list[Span] = [
        (Plain(" "), ""),
        (
            fit(danger_word(row.danger), 8) if wide or row.danger > 1 else Plain(""),
            danger_role(row.danger),
        ),
        (Plain(" "), ""),
        (right(shown, 9), "dim" if row.state == "done" else state),
    ]
    return [*spans, (right(tokens, 11), "dim")] if wide else spans
