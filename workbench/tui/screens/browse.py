"""A screen of one list with the selected thing in full beside or below it, and hints.

What opens over the workbench to look at things is one of these; a subclass says what is listed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from workbench.plain import Plain, one_line
from workbench.tui.cells import Line
from workbench.tui.keymap import short
from workbench.tui.keys import Place, bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.detail import DetailPane, Write
from workbench.tui.status import hint_line

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


class FullPane(DetailPane):
    """The selected thing in full."""

    BORDER_TITLE = "Detail"
    TITLE: ClassVar[str] = "Detail"

    def show(self, title: str, write: Write) -> None:
        """Show something; what is shown already stays where it was scrolled to."""
        if title == self._title:
            self.rewrite(write)
        else:
            super().show(title, write)

    def empty_line(self) -> Line:
        """Nothing is selected."""
        return ((Plain("nothing is selected"), "dim"),)


class BrowseScreen(Screen[None]):
    """The screen; Esc leaves the search first, then the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    HORIZONTAL_BREAKPOINTS = [(0, "-tall"), (120, "-wide")]  # noqa: RUF012 - as Screen declares it
    AUTO_FOCUS = ".browse-list"
    ESCAPE_TO_MINIMIZE = False
    PLACE: ClassVar[Place]
    """Whose keys the hints show."""
    SEARCH: ClassVar[str] = ""
    """What stands in the empty search field; without it there is none."""

    def __init__(self, app: KaizenApp, rows: Lines[Any]) -> None:
        super().__init__()
        self.workbench = app
        self.rows = rows.add_class("pane", "browse-list")
        self.full = FullPane(id=f"{self.PLACE}-detail").add_class("pane")

    def compose(self) -> ComposeResult:
        """Search, list and detail, hints."""
        if self.SEARCH:
            yield Input(id="browse-search", placeholder=self.SEARCH, compact=True)
        with Container(classes="browse"):
            yield self.rows
            yield self.full
        yield OneLine(self._hints, id="hints")

    def _hints(self, width: int) -> Line:
        notice = self.workbench.notice
        return hint_line(
            {self.PLACE, "overlay"}, notice, width, lead=(short("overlay.close"), "back")
        )

    def entitle(self, text: str) -> None:
        """What stands above the list."""
        self.rows.border_title = Content(one_line(text))

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """Show it in full."""
        if message.lines is self.rows:
            self.selected(message.row)

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Enter on a row."""
        self.chosen(message.row)

    def selected(self, row: Any) -> None:
        """The cursor came to a row."""

    def chosen(self, row: Any) -> None:
        """Enter was pressed on a row."""

    def detail(self, title: str, write: Write) -> None:
        """Show something in full."""
        self.full.show(title, write)

    def to_search(self) -> None:
        """To the search field."""
        self.query_one("#browse-search", Input).focus()

    def on_input_submitted(self) -> None:
        """Back to the list, which shows what was found."""
        self.rows.focus()

    def action_close(self) -> None:
        """Leave the search field first, then the screen."""
        if isinstance(self.focused, Input):
            self.rows.focus()
        else:
            self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
