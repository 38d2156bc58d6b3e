"""What the user can have done: one method for each wish, each a job for the core.

A method returns at once; when the core has answered, the board, the detail pane or the hint line
says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.journal.events import Event
from workbench.tui import front
from workbench.tui import front_elsewhere as elsewhere
from workbench.tui.asked import Asked
from workbench.tui.commands import Commands
from workbench.tui.deciding import Given, Grant
from workbench.tui.front import Found, How
from workbench.tui.handing_out import Text, write
from workbench.tui.keymap import keyed
from workbench.tui.panes.detail import event_text, with_plan
from workbench.tui.places import Places

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp
    from workbench.tui.overviews import Overviews


LIVE_OR_RESTING = (*elsewhere.LIVE, "suspended")


class Wishes:
    """The user's wishes, carried to the core and their results to the screen."""

    def __init__(self, app: KaizenApp) -> None:
        self._app = app
        self._queued: list[tuple[str, str, str]] = []
        """Run, agent, text: said to the agent when it rests."""
        self._loading: set[str] = set()
        self.places = Places(app, self._look_at)
        """Wishes about places and branches."""
        self._commands = Commands(lambda text: app.later(lambda: app.say(text)))

    @property
    def overviews(self) -> Overviews:
        """Wishes about what was asked, what holds, who is there."""
        from workbench.tui.overviews import Overviews  # noqa: PLC0415 - with the first overview

        return Overviews(self._app)

    # Runs.

    def interrupt(self, run_id: str, how: How) -> None:
        """Stop one run, or with no id all of them."""
        again = (
            keyed("{screen.escape} again within a second stops it now")
            if run_id
            else keyed("{app.interrupt} again: save and quit")
        )
        words = f"stopping at the next step; {again}" if how == "graceful" else "stopping now"

        def told(number: int) -> None:
            self._app.say(
                words if number else keyed("nothing is running; {app.interrupt} again: quit")
            )

        self._app.ask_core(lambda bench: front.interrupt(bench, run_id, how), told)

    def pause(self, run_id: str) -> None:
        """Pause a run, or let it go on."""

        def told(paused: bool) -> None:
            self._app.board.pause(run_id, paused=paused)
            self._app.say(keyed("paused: {screen.pause} goes on") if paused else "going on")
            self._app.show_news()

        run = self._app.board.runs.get(run_id)
        is_paused = run is not None and run.status == "paused"
        self._app.ask_core(lambda bench: front.pause(bench, run_id, paused=is_paused), told)

    def cancel_call(self, run_id: str, key: str) -> None:
        """Cancel one call."""
        call = key.rpartition("/")[2]

        def told(cancelled: bool) -> None:
            self._app.say(f"cancelling {call}" if cancelled else f"{call} has ended already")

        self._app.ask_core(lambda bench: front.cancel_call(bench, run_id, key), told)

    def next_mode(self) -> None:
        """The next permission mode."""
        self._app.ask_core(front.set_next_mode, self._app.show_around)

    def resume(self, run_id: str) -> None:
        """Go on with a run and look at it; what is known of it comes first."""

        def go_on() -> None:
            self._app.ask_core(lambda bench: elsewhere.resume(bench, run_id), resumed)

        def resumed(_run_id: str) -> None:
            self._app.board.runs[run_id].driver = ""
            self._look_at(run_id)

        self.open_run(run_id, go_on)

    def drop(self, run_id: str) -> None:
        """End a resting run for good."""

        def told(_done: object) -> None:
            self._app.say(f"run {run_id[:4]} is given up; its rows stay, and it can be forked")

        self._app.ask_core(lambda bench: front.drop(bench, run_id), told)

    def _look_at(self, run_id: str) -> None:
        self._app.main.select_run(run_id)
        self._app.main.area.agents.pick(run_id)

    # Words for agents and commands.

    def steer(self, run_id: str, agent: str, text: str, *, queued: bool) -> None:
        """Say something to the selected agent, at its next step or after its turn."""
        if not agent:
            self._app.say("select an agent first (1), or give a command after a slash")
            return
        if queued:
            self._queued.append((run_id, agent, text))
            self._app.say(f"queued for {agent}: said when it rests")
            self.send_due()
            return
        self._app.ask_core(
            lambda bench: front.steer(bench, run_id, agent, text),
            lambda told: self._app.say(told or f"{agent} hears it with its next step"),
        )

    def send_due(self) -> None:
        """Say what was queued for agents that rest now."""
        board = self._app.board
        due = [(run, agent, text) for run, agent, text in self._queued if _rests(board, run, agent)]
        for item in due:
            self._queued.remove(item)
            self.steer(*item, queued=False)

    def execute(self, line: str) -> None:
        """Carry out a command; a long answer goes to the detail pane."""

        def told(answer: str) -> None:
            if "\n" in answer.strip() or len(answer) > 100:
                self._app.main.show_answer(line, answer)
            else:
                self._app.say(answer.strip() or f"{line.partition(' ')[0]}: done")
            self._app.ask_core(front.around, self._app.show_around)  # a line may change them

        self._app.ask_core(
            lambda bench: self._commands.execute(bench, line, run_id=self._app.main.run_id), told
        )

    def play(self, script: Path | None) -> None:
        """Play a script (the tour when none is named); its ``approve`` rules only preselect."""
        self._app.ask_core(lambda bench: self._commands.play(bench, script), self._app.say)

    def complete(self, text: str) -> None:
        """Complete the command line."""

        def found(lines: list[str]) -> None:
            command = self._app.main.command
            if command.field.value != text or not lines:
                return
            command.take_up("command", _common(lines))
            if len(lines) > 1:
                self._app.say("  ".join(line.rpartition(" ")[2] for line in lines[:20]))

        self._app.ask_core(lambda bench: self._commands.complete(bench, text), found)

    # What waits.

    def answer(self, given: Given) -> None:
        """Send a decision."""

        def told(text: str) -> None:
            if text:
                self._app.say(text)

        self._app.ask_core(lambda bench: front.answer(bench, given), told)

    def learn_grants(self, waiting_id: str) -> None:
        """Learn what each scope would grant for a waiting request."""

        def told(grants: Mapping[str, Grant]) -> None:
            inbox = self._app.main.area.inbox
            inbox.state.grants = {waiting_id: grants}
            inbox.refresh_rows()

        self._app.ask_core(lambda bench: front.grants(bench, waiting_id), told)

    def complete_inbox(self) -> None:
        """Learn what only the core knows of waiting things: facts, changes, preselected answers."""

        def found(waiting: list[Asked]) -> None:
            for asked in waiting:
                run = self._app.board.runs.get(asked.run_id)
                # What another process asks is there already, or has been answered meanwhile.
                if asked.id in self._app.board.inbox or (run is not None and not run.driver):
                    self._app.board.complete(asked)
            self._app.show_news()

        self._app.ask_core(front.waiting, found)

    # The log.

    def open_run(self, run_id: str, then: Callable[[], None] = lambda: None) -> None:
        """Show a run from the log, unless it is there; a finished one stands in the same panes."""
        if run_id in self._app.board.runs:
            self._look_at(run_id)
            self._follow(run_id)
            then()
            return

        def taken_in(rows: list[Event]) -> None:
            shared = dict.fromkeys(row.run_id for row in rows)

            def loaded() -> None:
                self._look_at(run_id)
                self._app.ask_core(lambda bench: front.records_of(bench, shared), self._complete)
                self._follow(run_id)
                then()

            self._app.load(rows, loaded)

        self._app.ask_core(lambda bench: front.rows_of(bench, run_id), taken_in)

    def _complete(self, records: list[Any]) -> None:
        """Runs of which only the newest rows were taken in, or only those that a fork shares."""
        for record in records:
            shown = self._app.board.runs.get(record.run_id)
            if shown is None:
                continue
            if record.steps > shown.steps:
                shown.steps, shown.cost_usd = record.steps, record.cost_usd
                shown.tokens = record.input_tokens + record.output_tokens
            if record.last_seq > shown.last_seq:
                shown.status, shown.rests = record.status, record.rests
                shown.ended_at = record.ended_at
        self._app.board.news |= {"runs", "agents", "branches"}
        self._app.show_news()

    def _follow(self, run_id: str) -> None:
        """See what comes of a run that goes on, or will go on, in another process."""
        run = self._app.board.runs.get(run_id)
        if run is not None and run.status in LIVE_OR_RESTING:
            after = run.last_seq
            self._app.ask_core(lambda bench: elsewhere.follow(bench, run_id, after))

    def show(self, reference: str) -> None:
        """Show a run by the beginning of its id: what the screen was opened for."""
        self._app.ask_core(lambda bench: front.find_run(bench, reference), self.open_run)

    def go_to_row(self, run_id: str, seq: int) -> None:
        """Show a run with the cursor on one of its rows."""

        def there() -> None:
            self._app.show_news()
            self._app.main.go_to_row(run_id, seq)

        self.open_run(run_id, there)

    def fill_gaps(self) -> None:
        """Read runs anew of which rows were let go; the trace begins again with them."""
        board = self._app.board
        gaps, board.gaps = board.gaps - self._loading, set()
        for run_id in gaps:
            self._loading.add(run_id)
            self._app.ask_core(lambda bench, it=run_id: front.rows_of(bench, it), self._refill)

    def _refill(self, rows: list[Event]) -> None:
        if not rows:
            return
        run_id = rows[-1].run_id
        self._loading.discard(run_id)
        self._app.board.forget(run_id)
        self._app.board.trace.clear()
        self._app.load(rows, lambda: None)

    def show_position(self, run_id: str, seq: int, where: str = "") -> None:
        """Show a row of the log in full, with its step's outcome."""
        if seq <= 0:
            return

        def told(found: Found) -> None:
            write = event_text(found.event, outcome=found.outcome, where=where)
            plan = self._app.board.plans.at(run_id, found.event.key)
            self._app.main.area.detail.show(f"#{seq}", with_plan(write, plan))

        self._app.ask_core(lambda bench: front.found(bench, run_id, seq), told)

    def write_out(self, path: str, text: Text | None) -> None:
        """Write what is to be exported to a new file."""

        def told(written: tuple[Path, int]) -> None:
            self._app.say(f"wrote {written[1]} lines to {written[0]}")

        if text is not None:
            self._app.ask_core(lambda _bench: asyncio.to_thread(write, path, text), told)

    def runs(self, search: str, then: Callable[[list[Any]], None]) -> None:
        """The list of runs."""
        self._app.ask_core(lambda bench: front.run_list(bench, search), then)

    def patterns(self, then: Callable[[list[Any]], None]) -> None:
        """The patterns."""
        self._app.ask_core(front.pattern_list, then)

    def delete_run(self, run_id: str, then: Callable[[], None]) -> None:
        """Delete a run."""

        def told(_answer: object) -> None:
            self._app.board.forget(run_id)
            then()

        self._app.ask_core(lambda bench: front.delete_run(bench, run_id), told)


def _rests(board: Any, run_id: str, agent: str) -> bool:
    run = board.runs.get(run_id)
    shown = run.agents.get(agent) if run is not None else None
    return shown is not None and not shown.busy and not shown.waiting


def _common(lines: list[str]) -> str:
    """What all the lines begin with."""
    first, last = min(lines), max(lines)
    place = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[: place if place is not None else min(len(first), len(last))]
