"""The workbench screen: what its keys and the messages of its panes do.

The screen only looks at the board and asks the app for everything that is done in the core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType
from textual.widgets import Input

from workbench.journal.tree import TreeRow
from workbench.tui.filtering import read_filter
from workbench.tui.guard import Presses
from workbench.tui.keys import bindings
from workbench.tui.layout import PANES, PaneName
from workbench.tui.lines import Lines
from workbench.tui.panes.agents import AgentLine, AgentsPane
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.command import CommandLine
from workbench.tui.panes.detail import event_text
from workbench.tui.panes.inbox import InboxPane
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.workbench_view import WorkbenchView
from workbench.tui.trace_rows import TraceRow
from workbench.tui.under_way import event_at, open_key

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class WorkbenchScreen(WorkbenchView):
    """The screen one works in."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screen")]

    def __init__(self, app: KaizenApp) -> None:
        super().__init__(app)
        self._escapes = Presses()

    def action_next_pane(self) -> None:
        """The next pane that is there."""
        # The inbox is no station on the way: one goes there on purpose.
        order: list[PaneName] = [
            name
            for name in PANES
            if name == "command" or (name != "inbox" and self.area.is_shown(name))
        ]
        here = self.focused_pane()
        place = order.index(here) if here in order else -1
        self.go_to(order[(place + 1) % len(order)])

    def action_zoom(self) -> None:
        """The pane alone, or with the others again."""
        name = self.focused_pane()
        zoomed = None if self.area.wanted.zoomed == name else name
        self._want(zoomed=zoomed)

    def action_back(self) -> None:
        """Leave the innermost open thing; in a pane with nothing open: interrupt."""
        area = self.area
        if area.inbox.back():
            return
        if isinstance(self.focused, Input):
            self.command.put_back()
            self.go_to(self._last_pane)
        elif area.wanted.zoomed is not None:
            self._want(zoomed=None)
        elif self.focused_pane() == "inbox":
            self.go_to(self._last_pane)
        elif area.trace.filter_text and self.focused_pane() == "trace":
            area.trace.set_filter("", None)
        else:
            self._interrupt()

    def _interrupt(self) -> None:
        run = self.workbench.board.runs.get(self.run_id)
        if run is None or run.is_over:
            self.workbench.say("no run is selected that could be interrupted")
            return
        presses = self._escapes.press(self.workbench.clock.ticks())
        self.workbench.wishes.interrupt(self.run_id, "immediate" if presses > 1 else "graceful")

    # The run.

    def action_pause(self) -> None:
        """Pause or go on."""
        self.workbench.wishes.pause(self.run_id)

    def action_cycle_mode(self) -> None:
        """The next mode."""
        self.workbench.wishes.next_mode()

    def action_cancel_call(self) -> None:
        """Cancel the selected call."""
        board = self.workbench.board
        target = ("", "")
        if self.focused_pane() == "trace" and self.area.trace.selected is not None:
            row = self.area.trace.selected
            target = row.run_id, open_key(board, row.run_id, seq=row.seq)
        elif self.focused_pane() == "inbox" and self.area.inbox.state.selected is not None:
            asked = self.area.inbox.state.selected
            target = asked.run_id, asked.key
        elif self.agent:
            target = self.run_id, open_key(board, self.run_id, agent=self.agent)
        if target[1]:
            self.workbench.wishes.cancel_call(*target)
        else:
            self.workbench.say("select a call that is under way: in the trace, or its agent")

    def action_command_slash(self) -> None:
        """The command line with a slash."""
        self.command.take_up("command", "/")

    # Messages of the panes.

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """The cursor moved."""
        if isinstance(message.lines, AgentsPane) and message.lines.has_focus:
            row = cast("AgentLine", message.row)
            self._chosen = True
            self.select_run(row.run_id, row.name)
        elif isinstance(message.lines, TracePane) and message.lines.has_focus:
            self._show_row(cast("TraceRow", message.row))

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Enter on a row."""
        match message.row:
            case TraceRow():
                self._show_row(message.row)
                self.go_to("detail")
            case TreeRow():
                self.workbench.wishes.show_position(message.row.run_id, message.row.seq)
            case AgentLine():
                self.select_run(message.row.run_id, message.row.name)
                self.go_to("command")
            case _:
                pass

    def _show_row(self, row: TraceRow) -> None:
        event = event_at(self.workbench.board, row.run_id, row.seq)
        if event is not None and row.state in ("", "running", "waiting"):
            self.area.detail.show(f"#{row.seq}", event_text(event))
        elif row.seq:
            self.workbench.wishes.show_position(row.run_id, row.seq)

    def go_to_row(self, run_id: str, seq: int) -> bool:
        """Go to a row in the trace; when it is older than what is held, to the detail."""
        self.select_run(run_id)
        found = self.area.trace.pick(run_id, seq)
        self.go_to("trace" if found is not None else "detail")
        if found is not None:
            self._show_row(found)
        else:
            self.workbench.say(f"#{seq} is older than the rows that are held here: see Detail")
        return found is not None

    def on_command_line_given(self, message: CommandLine.Given) -> None:
        """A line was entered."""
        match message.use:
            case "filter":
                self._set_filter(message.text)
            case "name":
                self.command.put_back()
                self.go_to("checkpoints")
                row = self.area.checkpoints.selected
                place = row.seq if row is not None and row.run_id == self.run_id else 0
                self.workbench.wishes.places.name(self.run_id, place, message.text)
            case _ if message.text.startswith("/"):
                self.workbench.wishes.execute(message.text)
            case _:
                self.workbench.wishes.steer(
                    self.run_id, self.agent, message.text, queued=message.queued
                )

    def _set_filter(self, text: str) -> None:
        keep = read_filter(text, self.workbench.say)
        if keep is not None or not text:
            self.area.trace.set_filter(text, keep)
            self.command.put_back()
            self.go_to("trace")

    def on_command_line_completion_wanted(self, message: CommandLine.CompletionWanted) -> None:
        """Tab on a command."""
        self.workbench.wishes.complete(message.text)

    def on_command_line_tab_out(self) -> None:
        """Tab on an empty line."""
        self.action_next_pane()

    def on_trace_pane_filter_wanted(self) -> None:
        """`/` in the trace."""
        self.command.take_up("filter")

    def on_trace_pane_jump_wanted(self, message: TracePane.JumpWanted) -> None:
        """From a row to its approval or checkpoint."""
        row = message.row
        if message.to == "checkpoint":
            self.select_run(row.run_id)
            self.go_to("checkpoints")
            self.area.checkpoints.pick(row.run_id, row.seq)
        elif self.workbench.board.inbox:
            self.go_to("inbox")
        else:
            self.workbench.say("nothing waits in this row")

    def on_checkpoints_pane_wanted(self, message: CheckpointsPane.Wanted) -> None:
        """Fork, resume, name, diff."""
        row = message.row
        match message.what:
            case "fork":
                self.workbench.open_fork(row.run_id, row.place)
            case "resume":
                self.workbench.wishes.resume(row.run_id)
            case "name":
                self.select_run(row.run_id)
                self.command.take_up("name")
            case "diff" if message.other is not None:
                self.workbench.wishes.places.diff(row, message.other)
            case "compare":
                self.workbench.wishes.places.compare([row.run_id])
            case "files":
                self.workbench.wishes.places.files(row.run_id, row.place)
            case "restore":
                self.workbench.wishes.places.plan_restore(row.run_id, row.place)
            case _:
                pass

    def on_inbox_view_decided(self, message: InboxPane.Decided) -> None:
        """The user decided."""
        self.workbench.wishes.answer(message.given)

    def on_inbox_view_grants_wanted(self, message: InboxPane.GrantsWanted) -> None:
        """The scope step shows what the core says."""
        self.workbench.wishes.learn_grants(message.subject)

    def on_inbox_view_said(self, message: InboxPane.Said) -> None:
        """Why a key did nothing."""
        self.workbench.say(message.text)

    def on_inbox_view_full(self) -> None:
        """The whole screen for the request, or back."""
        zoomed = self.area.wanted.zoomed
        self._want(zoomed=None if zoomed == "inbox" else "inbox")
