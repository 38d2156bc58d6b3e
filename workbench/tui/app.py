"""The screen as a program: takes events in, gives work to the core, shows what came of it.

`KaizenApp` owns the board, the clock and the core's thread. Nothing here waits for the core:
every request is a future whose result is shown when it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FuturesTimeoutError
from contextlib import AbstractAsyncContextManager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

from textual import events
from textual.binding import BindingType
from textual.screen import Screen

from workbench.config import Config
from workbench.errors import Diverged, WorkbenchError
from workbench.journal.events import Event
from workbench.plain import one_line
from workbench.tui import front, keymap
from workbench.tui.clock import Clock, WallClock
from workbench.tui.core_thread import CoreThread
from workbench.tui.driver import TerminalDriver, is_job
from workbench.tui.feed import Feed
from workbench.tui.guard import Presses
from workbench.tui.handing_out import HandOut, hand_out
from workbench.tui.intake import FRAME_S, Intake
from workbench.tui.keymap import short
from workbench.tui.keys import Key, bindings
from workbench.tui.layout import PaneName
from workbench.tui.palette import KeyProvider
from workbench.tui.screens.looking import Looking
from workbench.tui.screens.workbench import WorkbenchScreen
from workbench.tui.state import Board
from workbench.tui.status import Around
from workbench.tui.themed import ThemedApp
from workbench.tui.wishes import Wishes

if TYPE_CHECKING:
    from workbench.run.interrupt import Order
    from workbench.tui.past import Extent

T = TypeVar("T")

NOTICE_S = 6.0
LEAVE_S = 9.0
"""The longest that leaving takes, whatever does not stop."""


class KaizenApp(ThemedApp):
    """The workbench in a terminal."""

    TITLE = "kaizen"
    CSS_PATH = "workbench.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("app")]
    COMMANDS: ClassVar[set[Any]] = {KeyProvider}
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        open_bench: Callable[[], AbstractAsyncContextManager[Any]],
        *,
        clock: Clock | None = None,
        plays: Path | Literal["tour"] | None = None,
        shows: str = "",
        config: Config | None = None,
    ) -> None:
        super().__init__(config or Config(), driver_class=TerminalDriver)
        keymap.use(moved := keymap.checked(self.config))
        self.set_keymap(dict(moved))
        self.clock: Clock = clock or WallClock()
        self.board = Board()
        self.around = Around()
        self.began = self.around
        """What it was when the workbench was opened."""
        self.notice = ""
        self.feed = Feed(self._wake)
        self.intake = Intake(self.board, self.feed)
        self.core: CoreThread[Any] = CoreThread(open_bench, self.feed)
        self.wishes = Wishes(self)
        self.main = WorkbenchScreen(self)
        self._plays: Path | Literal["tour"] | None = plays
        self._shows = shows
        """The run to show at first, or empty."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drained_at = self._notice_until = 0.0
        self._stops = Presses()
        self._leaving = False
        self.code = 0
        """What the process ends with."""
        self.fault: BaseException | None = None
        """What ended the core without anybody asking for it."""
        self._rung = 0
        """How many things waited when the bell was last considered."""
        self._came = 0
        """Rows since the last second began."""
        self.rows_in = 0
        """Rows taken in so far."""

    # Beginning and end.

    def get_default_screen(self) -> Screen[Any]:
        """The workbench."""
        return self.main

    def on_mount(self) -> None:
        """Start the core behind the first frame; what it says is shown when it comes."""
        self._loop = asyncio.get_running_loop()
        if self.code:
            self.exit(self.code, return_code=self.code)
            return
        # Its imports would hold the interpreter; jobs given meanwhile wait for it.
        self.call_after_refresh(self.core.start)
        self.core.ended.add_done_callback(lambda _done: self.later(self._core_ended))
        self.ask_core(front.around, self.show_around)
        self.ask_core(lambda bench: front.hear_alarms(bench, self.feed.say))
        if self._plays is not None:
            self.wishes.play(None if self._plays == "tour" else self._plays)
        if self._shows:
            self.wishes.show(self._shows)
        self.set_interval(1.0, self._tick, name="seconds")

    def show_around(self, around: Around) -> None:
        """Show mode, model and sandbox."""
        if not self.began.mode:
            self.began = around
        self.around = around
        self.main.refresh_bars()

    def action_leave(self) -> None:
        """Save and quit: the workbench suspends what runs before it closes."""
        self._leave()

    def _leave(self, first: Callable[[Any], Awaitable[None]] | None = None) -> None:
        if self._leaving:
            return
        self._leaving = True
        self.around = Around(self.around.mode, self.around.model, self.around.sandbox, True)
        self.main.refresh_bars()
        self.core.stop(first)
        self.set_timer(LEAVE_S, lambda: self.exit(self.code, return_code=self.code))

    def leave_soon(self, code: int, order: Order) -> None:
        """Leave because of a signal, from its handler; the runs get an order first."""
        self.code = code
        # Before the first frame there is nothing to leave yet: `on_mount` sees the code.
        self.later(lambda: self._leave(lambda bench: front.come_to_rest(bench, order)))

    def came_back(self) -> None:
        """The process was stopped and goes on: nobody could answer meanwhile."""
        seen = self.wishes.complete_inbox
        self.later(lambda: self.ask_core(front.count_afresh, lambda _: seen()))

    def close_core(self, limit_s: float) -> None:
        """After the screen: have the core closed if it is not, and take in its last rows."""
        with suppress(FuturesTimeoutError, WorkbenchError):
            if self.core.is_started:
                self.core.stop().result(limit_s)
        self.intake.finish()

    def _core_ended(self) -> None:
        """The core is closed: take in its last rows and leave; what broke it is raised outside."""
        error = self.core.ended.exception()
        if error is not None and not self._leaving:
            self.fault = error
        self.intake.finish()
        self.exit(self.code, return_code=self.code)

    def action_suspend_process(self) -> None:
        """To the shell, where one waits for that."""
        if is_job():
            super().action_suspend_process()
        else:
            self.say(f"no shell has started this: nothing to go to. {short('app.quit')} leaves")

    def action_interrupt_all(self, code: int = 0) -> None:
        """Once: stop all runs. Twice within a second: save and quit. More: nothing.

        Args:
            code: what the process ends with then.
        """
        presses = self._stops.press(self.clock.ticks())
        if presses == 1:
            self.wishes.interrupt("", "graceful")
        elif presses == 2:
            self.code = code
            self._leave()

    # Work for the core.

    def ask_core(
        self,
        job: Callable[[Any], Awaitable[T]],
        then: Callable[[T], None] | None = None,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        """Have the core do something; ``then`` gets the result.

        An error becomes a notice, unless ``failed`` takes it.
        """
        future = self.core.call(job)
        tell = failed or self.say
        future.add_done_callback(lambda done: self.later(lambda: self._answered(done, then, tell)))

    def _answered(
        self, done: Future[T], then: Callable[[T], None] | None, failed: Callable[[str], None]
    ) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            failed(str(error) or type(error).__name__)
            if isinstance(error, Diverged) and "choices" in error.data:
                self.push_screen(_screen("diverged").DivergedScreen(self, error.data))
        elif then is not None:
            then(done.result())

    def later(self, act: Callable[[], None]) -> None:
        """Have the screen's own loop do something; from any thread, never waiting."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.call_later, act)

    # Events.

    def _wake(self) -> None:
        self.later(self._drain)

    def _drain(self) -> None:
        """Take in what came, at most 30 times a second."""
        now = asyncio.get_running_loop().time()
        wait = self._drained_at + FRAME_S - now
        if wait > 0:
            self.set_timer(wait, self._drain)
            return
        self._drained_at = now
        looked = self.intake.look()
        self._came += looked.rows
        self.rows_in += looked.rows
        if looked.again_s is not None:
            self.set_timer(looked.again_s, self._drain)
        if looked.gaps:
            self.wishes.fill_gaps()
        if looked.asks:
            self.wishes.complete_inbox()
        self.show_news()

    def load(self, rows: list[Event], then: Callable[[], None]) -> None:
        """Take in rows of the log, a portion a frame; ``then`` is called after the last."""
        self.intake.load(rows, then)
        self._drain()

    def show_news(self) -> None:
        """Hand the screen what changed on the board."""
        if not self.main.is_ready:
            return
        news, self.board.news = self.board.news, set()
        if news or self.board.trace.changed:
            self.wishes.send_due()
            self.main.show(news)
        while self.board.said:
            self.say(self.board.said.popleft())
        if len(self.board.inbox) > self._rung and self.config.bell:
            self.bell()
        self._rung = len(self.board.inbox)

    def _tick(self) -> None:
        """Once a second; does nothing while nothing is going on."""
        if not self.main.is_ready:
            return
        self.main.area.trace.tell_rate(self._came)
        self._came = 0
        self._drain()  # should a wake-up ever get lost, it costs a second and no more
        if self.notice and self.clock.ticks() > self._notice_until:
            self.notice = ""
            self.main.refresh_bars()
        if self.board.inbox or any(not run.is_over for run in self.board.runs.values()):
            self.main.tick()

    # Saying things.

    def say(self, text: str) -> None:
        """Show a sentence in the hint line for a while."""
        self.notice = one_line(text)
        self._notice_until = self.clock.ticks() + NOTICE_S
        for found in self.screen.query("#hints"):
            found.refresh()

    async def on_event(self, event: events.Event) -> None:
        """Every key press is noted for the guards before anything acts on it."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            self.main.note_key(self.clock.ticks())
        await super().on_event(event)

    # Actions that work everywhere.

    def action_help(self) -> None:
        """All keys, those of the focused pane first."""
        place = self.screen.place if isinstance(self.screen, Looking) else "overlay"
        self.push_screen(_screen("help").HelpScreen(place))

    def action_overview(self, name: str) -> None:
        """What there is of something: each on a screen of its own."""
        self._open(getattr(_screen(name), f"{name.title()}Screen")(self))

    def open_fork(self, run_id: str, seq: int) -> None:
        """The fork form."""
        self.push_screen(_screen("fork").ForkScreen(self, run_id, seq))

    def open_past(self, extent: Extent, goal: int) -> None:
        """A run as it was at a row."""
        self._open(_screen("past").PastScreen(self, extent, goal))

    def open_diff(self, title: str, lines: Sequence[Any]) -> None:
        """The difference of two places."""
        self.push_screen(_screen("diff").DiffScreen(self, title, lines))

    def open_compare(self, found: Sequence[Any]) -> None:
        """Branches side by side."""
        self._open(_screen("compare").CompareScreen(self, found))

    def open_files(self, run_id: str, changes: Sequence[Any], notes: Sequence[str]) -> None:
        """The files a run changed."""
        self._open(_screen("files").FilesScreen(self, run_id, changes, notes))

    def open_restore(self, made: Any) -> None:
        """A plan to put files back."""
        self.push_screen(_screen("restore").RestoreScreen(self, made))

    def _open(self, screen: Screen[Any]) -> None:
        """Open a screen over the workbench, instead of whatever was open there."""
        while self.screen is not self.main and len(self.screen_stack) > 1:
            self.pop_screen()
        self.push_screen(screen)

    def on_hand_out(self, message: HandOut) -> None:
        """A text is to leave the screen; a file's name is typed on the workbench."""
        if message.how == "export":
            self._back_to_panes().take_export(message.text)
        else:
            self.say(hand_out(self, message))

    def write_command(self, text: str) -> None:
        """Put a text into the command line for the user to go on with."""
        self.main.command.take_up("command", text)

    def action_pane(self, name: PaneName) -> None:
        """Go to a pane, of the past if that is open, leaving whatever is open over it."""
        self._back_to_panes().go_to(name)

    def _back_to_panes(self) -> Looking:
        while not isinstance(self.screen, Looking) and len(self.screen_stack) > 1:
            self.pop_screen()
        return cast("Looking", self.screen)

    def do(self, key: Key) -> None:
        """Carry out an action by its table entry, as its key would where it works."""
        place = key.place
        if place in ("agents", "checkpoints", "trace", "detail", "inbox", "command"):
            self.action_pane(place)
        self.call_after_refresh(self._run_key, key)

    async def _run_key(self, key: Key) -> None:
        node = self.screen.focused or self.screen
        for owner in (*node.ancestors_with_self,):
            bound = getattr(owner, "BINDINGS", ())
            if any(getattr(binding, "id", "") == key.id for binding in bound):
                await self.run_action(key.action, owner)
                return
        self.say(f"{key.title} does not work here")


def _screen(name: str) -> Any:
    """The module of a screen that opens over the workbench, loaded when it is first opened."""
    return import_module(f"workbench.tui.screens.{name}")


def run_app(
    *,
    workspace: Path | None,
    config: Any,
    tour: bool = False,
    script: Path | None = None,
    shows: str = "",
) -> int:
    """Run the screen until the user leaves. Returns the exit code."""
    from workbench.tui.leaving import run_on_terminal  # noqa: PLC0415 - needs the bench, which is heavy

    return run_on_terminal(
        workspace=workspace, config=config, tour=tour, script=script, shows=shows
    )
