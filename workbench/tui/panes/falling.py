"""The trace's other form, a waterfall of one run: what of its time is in sight, and at what scale.

Which rows there are and in which order is `workbench.tui.waterfall`'s; here is the window on them:
it grows with the run, halves and doubles with the zoom, and follows the cursor.
"""

from __future__ import annotations

from collections.abc import Hashable

from workbench.tui.cells import Line
from workbench.tui.keymap import keyed
from workbench.tui.lines import Lines
from workbench.tui.shown import RunShown
from workbench.tui.time_axis import Window, deepest, whole, zoomed
from workbench.tui.trace_rows import TraceRow
from workbench.tui.waterfall import Scale, Waterfall, axis_spans, bar_spans, legend


class Falling(Lines[TraceRow]):
    """A list of trace rows that can be a waterfall."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.fall: Waterfall | None = None
        """The waterfall while it is shown."""
        self._watched = RunShown("")
        self._now = 0.0
        self._level = 0
        self._scale = Scale(Window(0.0, 0.0, 1.0), 0.0)

    def look_at(self, run: RunShown | None, now: float) -> None:
        """Whose waterfall it is, and until when what is under way has been going on."""
        run = run or RunShown("")
        other = run.run_id != self._watched.run_id
        self._watched, self._now = run, now
        if self.fall is None:
            return
        if other:
            self._level = 0
            self.fall = Waterfall(run.run_id)
            self.rebuild()
        self._fit()

    def rebuild(self) -> None:
        """Take all rows in anew, in the order and through the filter of now."""
        raise NotImplementedError

    def set_fall(self, *, on: bool) -> None:
        """Show the waterfall, or rows again."""
        self.fall = Waterfall(self._watched.run_id) if on else None
        self.head = 1 if on else 0
        self._strips.clear()

    def _fit(self) -> None:
        """The window for this moment and this cursor."""
        run = self._watched
        end = max(run.last_at, run.ended_at or self._now)
        all_of_it = whole(run.started_at, end, grows=not run.is_over)
        self._level = max(0, min(self._level, deepest(all_of_it)))
        row = self.selected
        at = row.at if row is not None and self._level else None
        window = zoomed(all_of_it, self._level, self._scale.window.left, at)
        scale = Scale(window, end)
        if scale != self._scale:
            self._scale = scale
            self.refresh()

    @property
    def zoom_words(self) -> str:
        """How far one has zoomed in, for the border."""
        return f"waterfall x{2**self._level}" if self._level else "waterfall"

    def aspect(self) -> Hashable:
        """A bar's picture depends on the scale."""
        return self._scale if self.fall is not None else None

    def head_line(self, width: int) -> Line:
        """The axis."""
        return axis_spans(self._watched.run_id, self._scale.window, width)

    def bar(self, row: TraceRow, width: int) -> Line:
        """A row of the waterfall."""
        return bar_spans(row, self._scale, width)

    def no_bars(self) -> Line:
        """What stands there while the run has no steps."""
        return ((keyed("no step of this run passes   {trace.waterfall} shows rows again"), "dim"),)

    def newest(self) -> int:
        """Following keeps the step that began last in sight, wherever it stands."""
        return self.fall.newest() if self.fall is not None else super().newest()

    def paint_now(self) -> None:
        """Rows came or changed, and the cursor with them."""
        super().paint_now()
        self.border_subtitle = legend(self.size.width) if self.fall is not None else ""
        if self.fall is not None:
            self._fit()

    def _move(self, place: int, *, scroll: bool) -> None:
        super()._move(place, scroll=scroll)
        if self.fall is not None:
            self._fit()

    def action_zoom_time(self, by: int) -> None:
        """Half or twice the time in sight."""
        if self.fall is not None:
            self._level += by
            self._fit()
            self.on_rows_painted()
