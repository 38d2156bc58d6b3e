"""Pane 3: the tail of the log, one line a step, with a filter and three levels of detail.

The board keeps all rows; this list holds those that pass the filter and the level, with their
numbers beside them, so that a step's outcome finds its line by bisection.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, fit, right
from workbench.tui.clock import brief_span, count, grouped, time_of_day
from workbench.tui.grades import danger_role, danger_word, state_role
from workbench.tui.handing_out import HandOut, How, Text, joined
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.panes.falling import Falling
from workbench.tui.trace_rows import EVERYTHING, STEPS, Trace, TraceRow

_TEXT_WIDTH = 200
"""Cells of a row that is handed out as text."""

LEVELS = {1: "steps", 2: "results", 3: "everything"}


_BEGIN = (
    "nothing yet   {screen.command} to begin   {app.runs} earlier runs   new here: kaizen-tui tour"
)
_NO_ROW = "no row passes the filter ({screen.escape} clears it)"


class TracePane(Falling):
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

    class CopyWanted(Message):
        """The user wants a row in full in the clipboard."""

        def __init__(self, row: TraceRow) -> None:
            super().__init__()
            self.row = row

    class PastWanted(Message):
        """The user wants to see everything as it was at a row; 0 for the newest."""

        def __init__(self, run_id: str, seq: int) -> None:
            super().__init__()
            self.run_id = run_id
            self.seq = seq

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
            self.rebuild()
            return
        if self.fall is not None:
            self._absorb_fall()
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
            self.rebuild()
        elif changed:
            self.changed()

    def _absorb_fall(self) -> None:
        """The waterfall's rows; the cursor stays with its row, whatever comes above it."""
        fall, trace = self.fall, self.trace
        assert fall is not None
        before, number = len(self.rows), fall.number_at(self.cursor)
        changed, trace.changed = trace.changed, set()
        fall.absorb(trace, changed, self._shows)
        self.rows = fall.rows
        place = fall.place_of(trace, number) if number >= 0 else None
        self.cursor = max(0, min(place or self.cursor, len(self.rows) - 1))
        if not self.following:
            self.unseen += max(0, len(self.rows) - before)
        self.changed()

    def rebuild(self) -> None:
        """Take all rows in anew, in the order and through the filter of now."""
        if self.fall is not None:
            self.fall.clear()
            self._absorb_fall()
            self.unseen = 0
            return
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
        self.rebuild()

    def look_like(self, other: TracePane) -> None:
        """The same level, filter and form as another trace has."""
        self.level, self.filter_text, self._keep = other.level, other.filter_text, other._keep
        self.set_fall(on=other.fall is not None)
        self.rebuild()

    def pick(self, run_id: str, seq: int, *, nearest: bool = False) -> TraceRow | None:
        """Put the cursor on a row of the log, lifting what hides it; None if it is not held.

        Args:
            run_id: whose.
            seq: which.
            nearest: the line before will do, of a row that has none of its own.
        """
        found = -1
        for number in range(self.trace.end - 1, self.trace.first - 1, -1):
            row = self.trace.rows[number - self.trace.first]
            if row.run_id == run_id and (row.seq == seq or (nearest and 0 < row.seq < seq)):
                found = number
                break
        row = self.trace.at(found)
        if row is None:
            return None
        if not self._shows(row):
            self.level = max(self.level, row.level)
            self.set_filter("", None)
        self.following = False
        if self.fall is not None and self.fall.place_of(self.trace, found) is None:
            self.set_fall(on=False)
            self.rebuild()
        self.go_to_number(found)
        return row

    def on_rows_painted(self) -> None:
        """The border tells follow mode, numbers, level and filter."""
        number = grouped(len(self.rows))
        form = self.zoom_words if self.fall is not None else LEVELS[self.level]
        parts = ["3 Trace", str(self.badge()), f"{number} rows", form]
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
        if self.fall is not None:
            return self.no_bars()
        return ((keyed(_NO_ROW if self.filter_text else _BEGIN), "dim"),)

    def spans(self, row: TraceRow, width: int) -> Line:
        """Time, agent, kind, what, danger, state or duration, tokens: as there is room."""
        if self.fall is not None:
            return self.bar(row, width)
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
        self.rebuild()

    def action_waterfall(self) -> None:
        """Rows, or bars on the run's time; the cursor stays with its row."""
        number = self._number()
        self.set_fall(on=self.fall is None)
        self.rebuild()
        self.go_to_number(number)

    def _number(self) -> int:
        """The number in the trace of the row under the cursor, or -1."""
        if self.fall is not None:
            return self.fall.number_at(self.cursor)
        return self._numbers[self.cursor] if self.cursor < len(self._numbers) else -1

    def go_to_number(self, number: int) -> bool:
        """Put the cursor on a row of the trace, or the nearest before it; whether it is there."""
        if self.fall is not None:
            place = self.fall.place_of(self.trace, number)
        else:
            place = max(0, bisect_left(self._numbers, number + 1) - 1)
        if place is not None and self.rows and not self.following:
            self.move_to(place)
        return place is not None and self._number() == number

    def action_hand_out(self, how: How) -> None:
        """Copy the selected row; page or write all that are shown."""
        row = self.selected
        if how == "copy" and row is not None:
            self.post_message(self.CopyWanted(row))
        elif how != "copy" and self.rows:
            self.post_message(HandOut(how, self._text()))

    def _text(self) -> Text:
        """The rows shown, as wide as they need."""
        rows = [*self.rows]
        name = f"trace {self.fall.run_id[:4]}" if self.fall is not None else "trace"
        head = [self.head_line(_TEXT_WIDTH)] if self.head else []

        def lines() -> Iterator[str]:
            yield from joined(head)
            yield from joined([self.spans(row, _TEXT_WIDTH) for row in rows])

        return Text(name, lines, lambda: (json.dumps(row._asdict()) for row in rows))

    def action_past(self) -> None:
        """Everything as it was at this row."""
        row = self.selected
        if row is not None:
            self.post_message(self.PastWanted(row.run_id, 0 if self.following else row.seq))

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
