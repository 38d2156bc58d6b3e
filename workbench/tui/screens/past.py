"""The past of a run: the same panes, showing how it stood at a moment; nothing can be done to it.

The screen stands over the workbench, on a board of its own that is folded from the log. The
present goes on behind it. There is no key here that decides, performs or writes anything, and no
message of a pane that would is listened to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.timer import Timer

from workbench.tui import front_past
from workbench.tui.handing_out import Text
from workbench.tui.keymap import keyed, short
from workbench.tui.keys import Place, bindings
from workbench.tui.layout import PaneName
from workbench.tui.lines import FRAME_S
from workbench.tui.panes.agents import AgentLine
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.command import CommandLine
from workbench.tui.panes.trace import TracePane
from workbench.tui.past import Extent
from workbench.tui.screens.past_view import PastView

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

_LOOKING = "agents checkpoints trace detail inbox command zoom next_pane help"
KEYS = tuple(f"screen.{name}" for name in _LOOKING.split())
"""Of the workbench screen those that only look."""


class PastScreen(PastView):
    """The screen of the past."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("screen", only=KEYS),
        *bindings("past", first=True),
    ]

    def __init__(self, app: KaizenApp, extent: Extent, goal: int) -> None:
        super().__init__(app, extent, goal)
        self._timer: Timer | None = None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the past come first, except while a filter is typed."""
        del parameters
        if action in ("step", "mark", "far", "first", "last", "play", "speed"):
            return self.focused_pane() != "command"
        return True

    @property
    def place(self) -> Place:
        """Its own keys come first in the help."""
        return "past"

    def action_step(self, by: int) -> None:
        """Rows on or back."""
        self.playing.stop()
        self.go(self.goal + by)

    def action_mark(self, direction: int) -> None:
        """To a checkpoint."""
        self.playing.stop()
        self.go(self.past.mark_beside(direction))

    def action_far(self, direction: int) -> None:
        """A tenth of the run."""
        self.action_step(direction * max(1, self.past.extent.last // 10))

    def action_first(self) -> None:
        """The first row."""
        self.playing.stop()
        self.go(1)

    def action_last(self) -> None:
        """The newest row, which may have come while one looked at older ones."""
        self.playing.stop()

        def told(extent: Extent) -> None:
            if self.is_running:
                self.past.grow(extent)
                self.go(extent.last)

        run_id = self.past.extent.run_id
        self.workbench.ask_core(lambda bench: front_past.extent(bench, run_id), told)

    def action_play(self) -> None:
        """Let time pass, or stop it."""
        if self.playing.on:
            self.playing.stop()
        elif self.past.at >= self.past.extent.last:
            newest = "this is the newest row that is recorded; {past.first} goes to the first"
            self.workbench.say(keyed(newest))
        else:
            self.playing.start(self.moment.at)
            self._timer = self._timer or self.set_interval(FRAME_S, self._play_on)
        self.refresh_bars()

    def action_speed(self, by: int) -> None:
        """Twice or half as fast."""
        self.playing.change_speed(by, self.moment.at)
        if not self.playing.on:
            self.workbench.say(f"plays at x{self.playing.speed}; {short('past.play')} plays")
        self.refresh_bars()

    def _play_on(self) -> None:
        """A frame of playing: the moment passes, and rows come when it is theirs."""
        if not self.playing.on:
            if self._timer is not None:
                self._timer.stop()
                self._timer = None
            return
        past = self.past
        if past.at < self.goal:
            return
        self.moment.at = self.playing.moment()
        goal = past.last_before(self.moment.at)
        if past.at >= past.extent.last:
            self.playing.stop()
            self.workbench.say("the end of what is recorded")
        elif goal > past.at or past.next_row() is None:
            self.go(max(goal, past.at + (past.next_row() is None)))
            return
        self.tick()

    def action_back(self) -> None:
        """Leave what is open, then the past."""
        if isinstance(self.focused, CommandLine) or self.focused_pane() == "command":
            self._end_filter()
        elif not self.leave_innermost():
            self.leave()

    def leave(self) -> None:
        """Back to the present; how much came meanwhile is told."""
        came = self.workbench.rows_in - self.came_before
        waiting = len(self.workbench.board.inbox)
        self.dismiss(None)
        parts = [f"{came} rows came meanwhile"] if came else []
        if waiting:
            parts.append(f"{waiting} waiting")
        self.workbench.say("the present" + (f": {', '.join(parts)}" if parts else ""))

    # Messages of the panes.

    def go_to(self, name: PaneName) -> None:
        """There is no command line in the past."""
        if name == "command":
            self.workbench.say(
                keyed("PAST: nobody hears here; {past.leave} leads back to the present")
            )
        elif name == "inbox" and not self.board.inbox:
            self.workbench.say(keyed("nothing waited then; {past.leave} leads back to the present"))
        else:
            super().go_to(name)

    def stations(self) -> tuple[PaneName, ...]:
        """No command line among them."""
        return tuple(name for name in super().stations() if name != "command")

    def agent_chosen(self, row: AgentLine) -> None:
        """Its run's checkpoints."""
        self.select_run(row.run_id)

    def take_filter(self) -> None:
        """The line for a filter shows up."""
        self.add_class("-filtering")
        super().take_filter()

    def take_export(self, text: Text) -> None:
        """Nothing is written from here."""
        keys = keyed("({past.leave}); {detail.copy} copies, {detail.pager} pages it here")
        self.workbench.say(f"{text.name} is written in the present {keys}")

    def _end_filter(self) -> None:
        self.remove_class("-filtering")
        self.command.put_back()
        self.go_to("trace")

    def on_command_line_given(self, message: CommandLine.Given) -> None:
        """A filter was entered."""
        if message.use == "filter" and self.set_filter(message.text):
            self._end_filter()

    def on_command_line_tab_out(self) -> None:
        """Tab leaves the filter."""
        self._end_filter()

    def on_trace_pane_past_wanted(self, message: TracePane.PastWanted) -> None:
        """To an earlier row."""
        if message.seq:
            self.action_step(message.seq - self.goal)

    def on_checkpoints_pane_wanted(self, message: CheckpointsPane.Wanted) -> None:
        """To a line of the tree; a fork is made in the present, from here."""
        row = message.row
        if message.what == "past":
            self.action_step((row.seq if row.seq > 0 else row.place or 1) - self.goal)
        elif message.what in ("trace", "approval"):
            self.jump_from(row, message.what)
        elif message.what == "fork":
            self.leave()
            self.workbench.open_fork(row.run_id, row.place or self.past.at)
        else:
            self.workbench.say(
                f"{message.what}: not in the past; esc leads back to the present, where it works"
            )
