"""The files a run changed: who, when, and the difference each change made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.journal.files import FileChange
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, fit, right
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.detail import DetailPane
from workbench.tui.status import hint_line
from workbench.tui.written import change_lines, looks_like_change, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

_ROLES: dict[str, Role] = {"created": "good", "deleted": "bad", "changed": "", "mode": "dim"}


class FilesList(Lines[FileChange]):
    """The changes, in their order."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("files")]

    def empty_line(self) -> Line:
        """None."""
        return ((Plain("no file was changed, as far as rows tell"), "dim"),)

    def spans(self, row: FileChange, width: int) -> Line:
        """Row, deed, who, path, size."""
        size = f"{row.size_bytes} B" if row.after is not None else "gone"
        note = "" if row.restorable else "  not kept"
        room = max(8, width - 7 - 9 - 14 - 11 - len(note))
        return [
            (right(Plain(f"#{row.seq}"), 6), "dim"),
            (Plain(" "), ""),
            (fit(Plain(row.deed), 9), _ROLES[row.deed]),
            (fit(one_line(row.agent or row.name), 14), "agent"),
            (fit(one_line(row.path), room), "strong"),
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
        self._rows = list(changes)

    def compose(self) -> ComposeResult:
        """The changes, the difference of the one selected, the hints."""
        rows = FilesList(id="files-list", classes="pane")
        rows.rows = self._rows
        rows.border_title = Content(
            f"Files  run {self._run_id[:8]}  {len(self._rows)}   {short('overlay.close')} back"
        )
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
        if isinstance(message.row, FileChange):
            self._show(message.row)

    def _show(self, change: FileChange) -> None:
        self.workbench.wishes.places.file_diff(change, lambda text: self._tell(change.path, text))

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

    def restore(self, change: FileChange) -> None:
        """The plan to go back to before a change, over this screen."""
        before = max(1, change.seq - 1)
        self.workbench.wishes.places.plan_restore(self._run_id, before)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
