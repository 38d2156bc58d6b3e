"""Runs: everything this workspace has in its log, newest first; search, open, resume, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit, right
from workbench.tui.clock import count, day_and_time, money, span
from workbench.tui.grades import state_role
from workbench.tui.guard import Twice
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.shown import short_title
from workbench.tui.status import hint_line

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp
    from workbench.tui.front import Listed


class RunLine(NamedTuple):
    """One run in the list."""

    run_id: str
    title: str
    pattern: str
    status: str
    parent_id: str
    started_at: float
    took_s: float
    steps: int
    tokens: int
    cost_usd: float
    preview: str
    driver: str
    """The other process that drives it, and since when."""


def run_line(listed: Listed) -> RunLine:
    """From the store's row and what its lock says."""
    row, driver = listed.row, listed.driver
    driven = ""
    if driver is not None:
        since = f" since {day_and_time(driver.since)}" if driver.since else ""
        driven = f"driven by {driver.name}{since}{' (stopped)' if driver.is_stopped else ''}"
    started = float(row.started_at or 0)
    return RunLine(
        str(row.run_id),
        str(row.title or ""),
        str(row.pattern or ""),
        str(row.status or ""),
        str(row.parent_id or ""),
        started,
        float(row.ended_at or started) - started,
        int(row.steps or 0),
        int(row.input_tokens or 0) + int(row.output_tokens or 0),
        float(row.cost_usd or 0),
        str(row.result_preview or ""),
        driven,
    )


class RunsList(Lines[RunLine]):
    """The list."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("runs")]

    def empty_line(self) -> Line:
        """No run, or none that matches."""
        return ((Plain("no runs"), "dim"),)

    def spans(self, row: RunLine, width: int) -> Line:
        """Id, when, pattern, status, figures, and the beginning of the result."""
        fork = Plain(f"fork of {row.parent_id[:4]} " if row.parent_id else "")
        name = short_title(row.pattern, row.title) or row.pattern
        rest = width - 6 - 12 - 22 - 14 - 7 - 8 - 9 - 8
        return [
            (fit(one_line(row.run_id[:4]), 6), "accent"),
            (Plain(day_and_time(row.started_at) + " "), "dim"),
            (fit(one_line(name), 22), "strong"),
            (fit(one_line(f" {row.status}"), 14), state_role(row.status)),
            (right(span(row.took_s), 7), "dim"),
            (right(Plain(f"{row.steps} st"), 8), "dim"),
            (right(count(row.tokens), 9), "dim"),
            (right(money(row.cost_usd), 8), "dim"),
            (fit(Plain("  " + fork + one_line(row.driver or row.preview)), max(0, rest)), ""),
        ]

    def action_search(self) -> None:
        """To the search field."""
        self.screen.query_one("#runs-search", Input).focus()

    def action_resume(self) -> None:
        """Go on with the run."""
        if self.selected is not None and isinstance(self.screen, RunsScreen):
            self.screen.resume(self.selected.run_id)

    def action_past(self) -> None:
        """Look at it from its beginning on."""
        if self.selected is not None and isinstance(self.screen, RunsScreen):
            self.screen.replay(self.selected.run_id)

    def action_export(self) -> None:
        """Write its command."""
        if self.selected is not None and isinstance(self.screen, RunsScreen):
            self.screen.write(f"/export {self.selected.run_id} {self.selected.run_id}.jsonl")

    def action_import_run(self) -> None:
        """Write its command."""
        if isinstance(self.screen, RunsScreen):
            self.screen.write("/import ")

    def action_delete(self) -> None:
        """Delete, when pressed twice."""
        if self.selected is not None and isinstance(self.screen, RunsScreen):
            self.screen.delete(self.selected.run_id)


class RunsScreen(Screen[None]):
    """The screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#runs-list"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp) -> None:
        super().__init__()
        self.workbench = app
        self._deletes = Twice()

    def compose(self) -> ComposeResult:
        """Search, list, hints."""
        yield Input(id="runs-search", placeholder="search; enter", compact=True)
        yield RunsList(id="runs-list", classes="pane")
        yield OneLine(
            lambda width: hint_line({"runs", "overlay"}, self.workbench.notice, width), id="hints"
        )

    def on_mount(self) -> None:
        """Fill."""
        self.load("")

    def load(self, search: str) -> None:
        """Ask the log."""
        self.workbench.wishes.runs(search, self.show)

    def show(self, rows: list[Any]) -> None:
        """Take over what the log says."""
        found = self.query_one(RunsList)
        found.put([run_line(row) for row in rows])
        found.border_title = Content(f"Runs  {len(rows)}")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search."""
        self.load(event.value.strip())
        self.query_one(RunsList).focus()

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Open the run on the workbench screen."""
        if isinstance(message.row, RunLine):
            self.workbench.wishes.open_run(message.row.run_id)
            self.dismiss(None)

    def resume(self, run_id: str) -> None:
        """Go on with a run and look at it."""
        self.workbench.wishes.resume(run_id)
        self.dismiss(None)

    def replay(self, run_id: str) -> None:
        """Show the run from its first row on."""
        self.dismiss(None)
        self.workbench.wishes.places.past(run_id, 1)

    def write(self, command: str) -> None:
        """A command goes to the command line; the user has the last word."""
        self.dismiss(None)
        self.workbench.write_command(command)

    def delete(self, run_id: str) -> None:
        """Twice within three seconds, on the same run."""
        if self._deletes.press(run_id, self.workbench.clock.ticks()):
            self.workbench.wishes.delete_run(run_id, self.reload)
        else:
            self.workbench.say(f"{short('runs.delete')} again deletes run {run_id[:4]} for good")
        self.query_one("#hints").refresh()

    def reload(self) -> None:
        """The list changed."""
        self.load(self.query_one("#runs-search", Input).value.strip())

    def action_close(self) -> None:
        """Leave the search field first, then the screen."""
        if isinstance(self.focused, Input):
            self.query_one(RunsList).focus()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
