"""The files a run changed: who, when, and the difference each change made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.journal.files import FileChange
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, fit, right
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.detail import DetailPane
from workbench.tui.status import hint_line
from workbench.tui.written import change_lines, looks_like_change, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

_ROLES: dict[str, Role] = {"created": "good", "deleted": "bad", "changed": "", "mode": "dim"}


class FileLine(NamedTuple):
    """One change of one file."""

    change: FileChange
    """Last in nothing: it is what is shown below."""

    @property
    def before(self) -> int:
        """The row before the change: where one goes to take it back."""
        return max(1, self.change.seq - 1)


class FilesList(Lines[FileLine]):
    """The changes, in their order."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("files")]

    def empty_line(self) -> Line:
        """None."""
        return ((Plain("no file was changed, as far as rows tell"), "dim"),)

    def spans(self, row: FileLine, width: int) -> Line:
        """Row, deed, who, path, size."""
        change = row.change
        size = f"{change.size_bytes} B" if change.after is not None else "gone"
        note = "" if change.restorable else "  not kept"
        room = max(8, width - 7 - 9 - 14 - 11 - len(note))
        return [
            (right(Plain(f"#{change.seq}"), 6), "dim"),
            (Plain(" "), ""),
            (fit(Plain(change.deed), 9), _ROLES[change.deed]),
            (fit(one_line(change.agent or change.name), 14), "agent"),
            (fit(one_line(change.path), room), "strong"),
            (right(Plain(size), 11), "dim"),
            (Plain(note), "warn"),
        ]

    def action_restore(self) -> None:
        """Put the files back as they were before the change."""
        if self.selected is not None and isinstance(self.screen, FilesScreen):
            self.screen.restore(self.selected)


class FilesScreen(Screen[None]):
    """Opened from the tree; Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#files-list"
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self, app: KaizenApp, run_id: str, changes: Sequence[FileChange], notes: Sequence[str]
    ) -> None:
        super().__init__()
        self.workbench = app
        self._run_id, self._notes = run_id, notes
        self._rows = [FileLine(change) for change in changes]

    def compose(self) -> ComposeResult:
        """The changes, the difference of the one selected, the hints."""
        rows = FilesList(id="files-list", classes="pane")
        rows.rows = self._rows
        rows.border_title = Content(f"Files  run {self._run_id[:8]}  {len(self._rows)}   esc back")
        yield rows
        yield DetailPane(id="files-detail").add_class("pane")
        yield OneLine(
            lambda width: hint_line({"files", "overlay"}, self.workbench.notice, width), id="hints"
        )

    def on_mount(self) -> None:
        """Show the first change; what is not known stands where there is none."""
        if self._rows:
            self._show(self._rows[0])
        else:
            self._tell("Files", "\n".join(self._notes))

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """Show the change."""
        if isinstance(message.row, FileLine):
            self._show(message.row)

    def _show(self, row: FileLine) -> None:
        path = row.change.path
        self.workbench.wishes.places.file_diff(row.change, lambda text: self._tell(path, text))

    def _tell(self, title: str, text: str) -> None:
        notes = "".join(f"\nnot known: {note}" for note in self._notes)
        self.query_one(DetailPane).show(
            one_line(title),
            lambda width: (
                change_lines(text + notes, width)
                if looks_like_change(text)
                else text_lines(text + notes, width)
            ),
        )

    def restore(self, row: FileLine) -> None:
        """The plan to go back to before a change, over this screen."""
        self.workbench.wishes.places.plan_restore(self._run_id, row.before)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
