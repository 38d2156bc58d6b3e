"""What one can look at on the panes, whenever they show: select, open, filter, jump, zoom.

Nothing here asks the core for anything that changes anything. `workbench` adds what does for the
present; `past` shows a moment that is over.
"""

from __future__ import annotations

from typing import cast

from textual.widgets import Input

from workbench.journal.tree import TreeRow
from workbench.tui import front
from workbench.tui.filtering import read_filter
from workbench.tui.front import Found
from workbench.tui.handing_out import Text, copy
from workbench.tui.keymap import keyed
from workbench.tui.keys import Place
from workbench.tui.layout import PANES, PaneName
from workbench.tui.lines import Lines
from workbench.tui.panes.agents import AgentLine, AgentsPane
from workbench.tui.panes.detail import event_text, full_text, with_plan
from workbench.tui.panes.inbox_view import InboxView
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.workbench_view import WorkbenchView
from workbench.tui.trace_rows import TraceRow
from workbench.tui.under_way import event_at


class Looking(WorkbenchView):
    """A screen of panes with the keys and messages that only look."""

    @property
    def place(self) -> Place:
        """Whose keys the help shows first."""
        return cast("Place", self.focused_pane())

    def show_position(self, run_id: str, seq: int, where: str = "") -> None:
        """Show a row of the log in full."""
        raise NotImplementedError

    def agent_chosen(self, row: AgentLine) -> None:
        """Enter on an agent."""
        raise NotImplementedError

    def leave_innermost(self) -> bool:
        """Leave the innermost open thing; False when nothing is open."""
        area = self.area
        if area.inbox.back():
            return True
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
            return False
        return True

    def action_next_pane(self) -> None:
        """The next pane that is there."""
        # The inbox is no station on the way: one goes there on purpose.
        order = self.stations()
        here = self.focused_pane()
        place = order.index(here) if here in order else -1
        self.go_to(order[(place + 1) % len(order)])

    def stations(self) -> tuple[PaneName, ...]:
        """What one comes through with tab."""
        return tuple(
            name
            for name in PANES
            if name == "command" or (name != "inbox" and self.area.is_shown(name))
        )

    def action_zoom(self) -> None:
        """The pane alone, or with the others again."""
        name = self.focused_pane()
        zoomed = None if self.area.wanted.zoomed == name else name
        self._want(zoomed=zoomed)

    # Messages of the panes.

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """The cursor moved."""
        if isinstance(message.lines, AgentsPane) and message.lines.has_focus:
            row = cast("AgentLine", message.row)
            self._chosen = True
            self.select_run(row.run_id, row.name)
        elif isinstance(message.lines, TracePane) and message.lines.has_focus:
            self.show_row(cast("TraceRow", message.row))

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Enter on a row."""
        match message.row:
            case TraceRow():
                self.show_row(message.row)
                self.go_to("detail")
            case TreeRow():
                self.show_position(message.row.run_id, message.row.seq)
            case AgentLine():
                self.agent_chosen(message.row)
            case _:
                pass

    def show_row(self, row: TraceRow) -> None:
        """A row of the trace in the detail."""
        event = event_at(self.board, row.run_id, row.seq)
        if event is not None and row.state in ("", "running", "waiting"):
            write = event_text(event, where=row.line)
            plan = self.board.plans.at(row.run_id, event.key)
            self.area.detail.show(f"#{row.seq}", with_plan(write, plan))
        elif row.seq:
            self.show_position(row.run_id, row.seq, row.line)

    def set_filter(self, text: str) -> bool:
        """Show only rows that pass; a wrong filter is told and stays to be mended."""
        keep = read_filter(text, self.workbench.say)
        if keep is None and text:
            return False
        self.area.trace.set_filter(text, keep)
        self.command.put_back()
        self.go_to("trace")
        return True

    def on_trace_pane_filter_wanted(self) -> None:
        """`/` in the trace."""
        self.take_filter()

    def take_filter(self) -> None:
        """Have a filter typed."""
        self.command.take_up("filter")

    def take_export(self, text: Text) -> None:
        """Have the name of a file typed."""
        raise NotImplementedError

    def on_trace_pane_copy_wanted(self, message: TracePane.CopyWanted) -> None:
        """A row in full, with its step's outcome, as far as that is there."""
        row, upto = message.row, self.upto()
        title = f"row {row.seq}"

        def told(found: Found) -> None:
            write = event_text(found.event, outcome=found.outcome, where=row.line)
            self.workbench.say(copy(self.workbench, full_text(title, write)))

        if row.seq:
            self.workbench.ask_core(
                lambda bench: front.found(bench, row.run_id, row.seq, upto), told
            )
        else:
            self.workbench.say(
                keyed(
                    "this line is no row of the log:"
                    " {list.choose} shows it, there {detail.copy} copies"
                )
            )

    def upto(self) -> int | None:
        """The last row that is there; None for the newest."""
        return None

    def on_inbox_view_said(self, message: InboxView.Said) -> None:
        """Why a key did nothing."""
        self.workbench.say(message.text)

    def on_inbox_view_full(self) -> None:
        """The whole screen for the request, or back."""
        zoomed = self.area.wanted.zoomed
        self._want(zoomed=None if zoomed == "inbox" else "inbox")
