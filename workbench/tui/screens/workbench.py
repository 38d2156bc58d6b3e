"""The workbench screen: what its keys and the messages of its panes do.

The screen only looks at the board and asks the app for everything that is done in the core.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from workbench.tui.guard import Presses
from workbench.tui.handing_out import Text
from workbench.tui.keys import bindings
from workbench.tui.panes.agents import AgentLine
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.command import CommandLine
from workbench.tui.panes.inbox import InboxPane
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.jumping import Jumping
from workbench.tui.under_way import open_key

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class WorkbenchScreen(Jumping):
    """The screen one works in."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screen")]

    def __init__(self, app: KaizenApp) -> None:
        super().__init__(app)
        self._escapes = Presses()
        self._exports: Text | None = None
        """What the file will hold whose name is being typed."""

    def action_back(self) -> None:
        """Leave the innermost open thing; in a pane with nothing open: interrupt."""
        if not self.leave_innermost():
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

    def show_position(self, run_id: str, seq: int, where: str = "") -> None:
        """A row of the log in full, with its step's outcome."""
        self.workbench.wishes.show_position(run_id, seq, where)

    def agent_chosen(self, row: AgentLine) -> None:
        """What is typed next is for it."""
        self.select_run(row.run_id, row.name)
        self.go_to("command")

    def on_command_line_given(self, message: CommandLine.Given) -> None:
        """A line was entered."""
        match message.use:
            case "filter":
                self.set_filter(message.text)
            case "name":
                self.command.put_back()
                self.go_to("checkpoints")
                row = self.area.checkpoints.selected
                place = row.seq if row is not None and row.run_id == self.run_id else 0
                self.workbench.wishes.places.name(self.run_id, place, message.text)
            case "export":
                self.command.put_back()
                self.go_to(self._last_pane)
                self.workbench.wishes.write_out(message.text, self._exports)
            case _ if message.text.startswith("/"):
                self.workbench.wishes.execute(message.text)
            case _:
                self.workbench.wishes.steer(
                    self.run_id, self.agent, message.text, queued=message.queued
                )

    def take_export(self, text: Text) -> None:
        """Have the name of a file typed; one is proposed."""
        self._exports = text
        stem = text.name.replace(" ", "-").replace("#", f"{self.run_id[:4]}-")
        self.command.take_up("export", f"{stem}.txt")

    def on_command_line_completion_wanted(self, message: CommandLine.CompletionWanted) -> None:
        """Tab on a command."""
        self.workbench.wishes.complete(message.text)

    def on_command_line_tab_out(self) -> None:
        """Tab on an empty line."""
        self.action_next_pane()

    def on_trace_pane_past_wanted(self, message: TracePane.PastWanted) -> None:
        """As everything was at a row."""
        self.workbench.wishes.places.past(message.run_id, message.seq)

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
            case "trace" | "approval":
                self.jump_from(row, message.what)
            case "past":
                self.workbench.wishes.places.past(row.run_id, row.seq)
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
