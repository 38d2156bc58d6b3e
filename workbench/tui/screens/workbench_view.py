"""What the workbench screen looks like: status bar, panes, command line, hints; who has the keys.

What its keys do is in `workbench`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.screen import Screen

from workbench.plain import Plain
from workbench.tui.cells import Line, crop
from workbench.tui.clock import Clock
from workbench.tui.keys import Place
from workbench.tui.layout import MINIMUM, PANES, PaneName, mode_of
from workbench.tui.painting import OneLine
from workbench.tui.panes.area import PaneArea
from workbench.tui.panes.command import CommandLine
from workbench.tui.panes.detail import answer_text
from workbench.tui.panes.inbox import InboxPane
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.state import Board
from workbench.tui.status import hint_line, status_line

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


_PANES = 5


class WorkbenchView(Screen[None]):
    """Panes between two bars, on a board; `Looking` and `WorkbenchScreen` add the keys."""

    AUTO_FOCUS = "#trace"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp) -> None:
        super().__init__()
        self.workbench = app
        self.run_id = ""
        self.agent = ""
        self._has_panes = False
        self._known: set[str] = set()
        self._chosen = False
        """Whether the user selected the run."""
        self._last_pane: PaneName = "trace"

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield OneLine(self._status, id="status")
        yield PaneArea(self.board, self.inbox_pane(), id="area")
        yield CommandLine(id="command")
        yield OneLine(self._hints, id="hints")
        yield OneLine(self._too_small, id="too-small")

    @property
    def board(self) -> Board:
        """What is shown."""
        return self.workbench.board

    @property
    def clock(self) -> Clock:
        """What is now."""
        return self.workbench.clock

    def inbox_pane(self) -> InboxView:
        """The inbox, made once."""
        return InboxPane(self.clock, id="inbox")

    @property
    def is_ready(self) -> bool:
        """Whether the panes are there: news may come before them, and once more after them."""
        return self._has_panes and len(self.query("PaneArea > .pane")) == _PANES

    @property
    def area(self) -> PaneArea:
        """The panes."""
        return self.query_one(PaneArea)

    @property
    def command(self) -> CommandLine:
        """The command line."""
        return self.query_one(CommandLine)

    # Showing.

    def on_mount(self) -> None:
        """From now on there are panes to show things in."""
        self._has_panes = True
        self.workbench.show_news()

    def on_resize(self) -> None:
        """Below the minimum a sentence stands for the screen."""
        self.set_class(mode_of(*self.size) == "small", "-small")

    def show(self, news: set[str]) -> None:
        """Bring the panes up to date with what changed on the board."""
        board, clock = self.board, self.clock
        self._follow_newest()
        area = self.area
        if news & {"agents", "runs"}:
            area.agents.show(board, clock.now())
        area.trace.look_at(board.runs.get(self.run_id), clock.now())
        if "trace" in news or board.trace.changed:
            area.trace.dropped = board.dropped
            area.trace.absorb(board.trace)
        if news & {"branches", "runs"}:
            area.checkpoints.show(board, self.run_id)
        if "plans" in news:
            area.detail.write_anew()
        if "inbox" in news:
            area.inbox.show(board)
            waiting = len(area.inbox.state.rows)
            self._want(waiting=waiting)
        self.refresh_bars()

    def _follow_newest(self) -> None:
        """Look at the newest run, unless the user chose one that is still going on."""
        runs = self.board.runs
        newest = next(reversed(runs), "")
        chosen = runs.get(self.run_id)
        if newest in self._known or (self._chosen and chosen is not None and not chosen.is_over):
            return
        self._known = set(runs)
        self._chosen = False
        self.select_run(newest)

    def note_key(self, ticks: float) -> None:
        """A key was pressed somewhere; the inbox's guard wants to know."""
        for inbox in self.query(InboxPane):
            inbox.state.guard.key(ticks)

    def tick(self) -> None:
        """A second has passed: ages and countdowns."""
        area, now = self.area, self.clock.now()
        area.agents.show(self.board, now)
        area.trace.look_at(self.board.runs.get(self.run_id), now)
        if area.inbox.state.rows:
            area.inbox.refresh_rows()
        self.refresh_bars()

    def refresh_bars(self) -> None:
        """Status bar, tabs and hints."""
        for found in self.query("#status, #tabs, #hints"):
            found.refresh()

    def _status(self, width: int) -> Line:
        app = self.workbench
        return status_line(app.board, self.run_id, app.around, app.clock.now(), width)

    def _hints(self, width: int) -> Line:
        return hint_line(self._places(), self.workbench.notice, width)

    def _too_small(self, width: int) -> Line:
        columns, rows = MINIMUM
        size = self.size
        text = f"{columns}x{rows} is the least size; this is {size.width}x{size.height}."
        waiting = len(self.workbench.board.inbox)
        head = f"! {waiting} waiting  " if waiting else ""
        return ((crop(Plain(head + text), width), "warn"),)

    def _places(self) -> set[Place]:
        """Where the focus is, for the hint line."""
        name = self.focused_pane()
        if name == "command":
            return {"command", "app"}
        if name == "inbox":
            return {"screen", "app"}
        return {cast("Place", name), "screen", "app"}

    # Focus.

    def focused_pane(self) -> PaneName:
        """The pane that has the keys."""
        focus = self.focused
        while focus is not None and focus.id not in PANES:
            focus = focus.parent  # pyright: ignore[reportAssignmentType]
        return cast("PaneName", focus.id) if focus is not None else self._last_pane

    def go_to(self, name: PaneName) -> None:
        """Give a pane the keys, bringing it in sight first."""
        if name == "command":
            self.command.take_up("command")
        elif name == "inbox":
            self._enter_inbox()
        else:
            zoomed = self.area.wanted.zoomed
            self._want(shown=name, inbox_open=False, zoomed=name if zoomed else None)
            self._last_pane = name
            self.area.query_one(f"#{name}").focus()
        self.refresh_bars()

    def _enter_inbox(self) -> None:
        if not self.board.inbox:
            self.workbench.say("nothing is waiting")
            return
        self._want(inbox_open=True)
        self.area.query_one("#inbox-list").focus()

    def _want(self, **changes: object) -> None:
        self.area.rearrange(self.area.wanted._replace(**changes))  # pyright: ignore[reportArgumentType]

    def on_descendant_focus(self) -> None:
        """Hints depend on the focus; the inbox is open only while it has it."""
        name = self.focused_pane()
        if name not in ("command", "inbox"):
            self._last_pane = name
        if name != "inbox" and self.area.wanted.inbox_open:
            zoomed = self.area.wanted.zoomed
            self._want(inbox_open=False, zoomed=None if zoomed == "inbox" else zoomed)
        self.refresh_bars()

    def select_run(self, run_id: str, agent: str = "") -> None:
        """Make a run (and an agent of it) the one that keys and words are for."""
        if run_id != self.run_id:
            self.run_id = run_id
            self.area.checkpoints.show(self.board, run_id)
            self.area.trace.look_at(self.board.runs.get(run_id), self.clock.now())
            self.workbench.wishes.places.family(run_id)
        self.agent = agent
        self.command.address(agent)
        self.refresh_bars()

    def show_answer(self, title: str, text: str) -> None:
        """A long answer belongs into the detail pane."""
        self._want(shown="detail")
        self.area.detail.show(title, answer_text(text))

    def on_inbox_view_left(self) -> None:
        """Nothing is left to decide: back to where the user was."""
        self.go_to(self._last_pane)

    def on_pane_area_rearranged(self) -> None:
        """The inbox's text wraps to its new width."""
        self.call_after_refresh(self.area.inbox.refresh_rows)

    def on_pane_area_tab_picked(self, message: PaneArea.TabPicked) -> None:
        """A tab was clicked."""
        self.go_to(message.pane)
