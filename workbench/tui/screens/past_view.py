"""A run as it stood at a moment, on the panes of the workbench: folded from the log, and shown.

The screen has a board of its own. What has to be read is asked of the core and never waited for;
long stretches are folded a piece at a time, so that keys are answered meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from workbench.journal.events import Event
from workbench.tui import front, front_past
from workbench.tui.calls import line_of
from workbench.tui.cells import Line
from workbench.tui.clock import Clock
from workbench.tui.front import Found
from workbench.tui.keys import Place
from workbench.tui.painting import OneLine
from workbench.tui.panes.area import PaneArea
from workbench.tui.panes.command import CommandLine
from workbench.tui.panes.detail import event_text
from workbench.tui.panes.inbox_past import PastInbox
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.past import Extent, Past
from workbench.tui.past_bar import Place as Where
from workbench.tui.past_bar import past_status, slider
from workbench.tui.playing import Playing
from workbench.tui.screens.jumping import Jumping
from workbench.tui.state import Board

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

FOLD_S = 0.02
"""How long to fold before the screen has its turn again."""


class Moment:
    """The clock of the past: it stands at a row, or passes while it is played."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at = 0.0

    def now(self) -> float:
        """The moment that is shown."""
        return self.at

    def ticks(self) -> float:
        """Real seconds."""
        return self._clock.ticks()


class PastView(Jumping):
    """A run at a moment, as it is shown; `PastScreen` adds the keys."""

    def __init__(self, app: KaizenApp, extent: Extent, goal: int) -> None:
        self.moment = Moment(app.clock)
        self.past = Past(extent)
        super().__init__(app)
        self.run_id = extent.run_id
        self.goal = self.past.clamp(goal)
        self._asked = False
        """Whether rows are on their way."""
        self.came_before = app.rows_in
        self.playing = Playing(app.clock)

    # What is shown.

    @property
    def board(self) -> Board:
        """The run as it was."""
        return self.past.board

    @property
    def clock(self) -> Clock:
        """The moment."""
        return self.moment

    def inbox_pane(self) -> InboxView:
        """An inbox without keys that decide."""
        return PastInbox(self.moment, id="inbox")

    def compose(self) -> ComposeResult:
        """Top to bottom; the line for a filter is there only while one is typed."""
        yield OneLine(self._status, id="status")
        yield PaneArea(self.board, self.inbox_pane(), id="area")
        yield CommandLine(id="command")
        yield OneLine(self._slider, id="slider")
        yield OneLine(self._hints, id="hints")
        yield OneLine(self._too_small, id="too-small")

    def on_mount(self) -> None:
        """Go to where one wanted to."""
        self.playing.stop()
        self.set_interval(1.0, self._tick_past)
        self.area.trace.look_like(self.workbench.main.area.trace)
        self.call_after_refresh(self._advance)

    def select_run(self, run_id: str, agent: str = "") -> None:
        """Whose checkpoints and waterfall are shown: the run's, or one that it was forked from."""
        del agent
        self.run_id = run_id
        self.area.checkpoints.show(self.board, run_id)
        self.area.trace.look_at(self.board.runs.get(run_id), self.clock.now())
        self.refresh_bars()

    def _follow_newest(self) -> None:
        """It is this run's past, whatever is newer."""

    def refresh_bars(self) -> None:
        """The slider too."""
        super().refresh_bars()
        for found in self.query("#slider"):
            found.refresh()

    def _tick_past(self) -> None:
        """The present has gone on, and what was said grows old."""
        for found in self.query("#status, #hints"):
            found.refresh()

    def _status(self, width: int) -> Line:
        app = self.workbench
        missed = (app.rows_in - self.came_before, len(app.board.inbox))
        return past_status(self.board, self.past.extent.run_id, self.clock.now(), missed, width)

    def _slider(self, width: int) -> Line:
        past = self.past
        run = self.board.runs.get(past.extent.run_id)
        upcoming = past.next_row()
        place = Where(
            past.at,
            past.extent.last,
            self.goal,
            self.moment.at,
            run.started_at if run is not None else self.moment.at,
            self.playing.speed if self.playing.on else 0,
            self.playing.real(upcoming.at - self.moment.at) if upcoming else 0.0,
            past.extent.marks,
        )
        return slider(place, width)

    def _places(self) -> set[Place]:
        return {"past"}

    def upto(self) -> int:
        """Nothing later than the moment is looked up."""
        return self.past.at

    # Going to a moment.

    def go(self, goal: int) -> None:
        """Show the run as it was right after a row."""
        self.goal = self.past.clamp(goal)
        self._advance()

    def _advance(self) -> None:
        """Fold towards the goal; what has to be read for it is asked for, never waited for."""
        past, ticks = self.past, self.workbench.clock.ticks
        past.stand_before(self.goal)
        until = ticks() + FOLD_S
        while past.at < self.goal and not self._asked:
            wanted = past.wanted(self.goal)
            if wanted is not None:
                self._read(wanted)
            else:
                past.fold(self.goal)
                if ticks() > until:
                    self.set_timer(0.001, self._advance)
                    break
        if past.at == self.goal:
            self._show_moment()
        self.refresh_bars()

    def _read(self, wanted: tuple[int, int]) -> None:
        self._asked = True
        run_id, (after, upto) = self.past.extent.run_id, wanted

        def told(rows: list[Event]) -> None:
            self._asked = False
            if self.is_running:
                self.past.read(after, rows)
                self._advance()

        def failed(text: str) -> None:
            self._asked = False
            self.goal = self.past.at
            self.workbench.say(text)
            if self.is_running:
                self._show_moment()

        job = self.workbench.ask_core
        job(lambda bench: front_past.page(bench, run_id, after, upto), told, failed)

    def _show_moment(self) -> None:
        """Everything as it was; the detail shows the row that was the newest."""
        self.moment.at = max(self.past.moment, self.moment.at if self.playing.on else 0.0)
        if not self.is_ready:
            return
        self.area.board = self.board
        self.show({"agents", "runs", "trace", "branches", "inbox"})
        row = self.past.row
        if row is not None and self.area.trace.following:
            run = self.board.runs.get(row.run_id)
            where = line_of(run, self.board.trace, row.key)
            self.area.detail.show(f"#{row.seq}", event_text(row, where=where))

    def show_position(self, run_id: str, seq: int, where: str = "") -> None:
        """A row in full, and what had become of its step by then."""
        upto = self.past.at

        def told(found: Found) -> None:
            if self.is_running:
                write = event_text(found.event, outcome=found.outcome, where=where)
                self.area.detail.show(f"#{seq}", write)

        if 0 < seq <= upto:
            self.workbench.ask_core(lambda bench: front.found(bench, run_id, seq, upto), told)
