"""Pane 2: the tree of branches: checkpoints, forks where they left, the end of each line.

A run can be forked at any of its lines. `d` marks a line; a second `d` compares another with it.
"""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from workbench.journal.family import roll_up
from workbench.journal.tree import TreeRow, tree
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, Role, Span, crop, width_of
from workbench.tui.clock import count, money
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.state import Board

_MARKS: dict[str, Role] = {"@": "accent", "o": "good", ".": "dim", "*": "strong"}

Wish: TypeAlias = Literal[
    "fork", "resume", "name", "diff", "compare", "files", "restore", "past", "trace", "approval"
]
"""What can be asked for at a line."""


class CheckpointsPane(Lines[TreeRow]):
    """The tree of the selected run's family."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("checkpoints")]
    BORDER_TITLE = "2 Checkpoints"

    class Wanted(Message):
        """The user asks for something at a line of the tree."""

        def __init__(
            self,
            what: Wish,
            row: TreeRow,
            other: TreeRow | None = None,
        ) -> None:
            super().__init__()
            self.what = what
            self.row = row
            self.other = other

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.marked: TreeRow | None = None
        self.shows_automatic = True
        self._status: dict[str, str] = {}
        self._board: Board | None = None
        self._run_id = ""

    def show(self, board: Board, run_id: str) -> None:
        """The tree around a run."""
        before = self.selected
        self._board, self._run_id = board, run_id
        self._status = {run.run_id: run.status for run in board.runs.values()}
        roll_up(board.branches)
        rows = tree(board.branches, run_id, all_marks=self.shows_automatic)
        rows = [row._replace(label=self._end(row)) if row.seq == -1 else row for row in rows]
        self.put(rows)
        if before is not None:
            key = before[:2]
            place = next((i for i, row in enumerate(rows) if row[:2] == key), self.cursor)
            self.cursor = max(0, min(place, len(rows) - 1))
        self.border_title = Content(self._title(rows))

    def _title(self, rows: list[TreeRow]) -> str:
        if not rows:
            return "2 Checkpoints"
        taken = sum(1 for row in rows if row.mark in ("o", "."))
        runs = sum(1 for row in rows if row.mark == "*")
        hidden = "" if self.shows_automatic else ", named only"
        forks = f"  {runs - 1} fork{'s' * (runs > 2)}" if runs > 1 else ""
        return f"2 Checkpoints  {taken}{hidden}{forks}"

    def pick(self, run_id: str, seq: int) -> None:
        """Put the cursor on the last line at or before a position."""
        here = [
            i for i, row in enumerate(self.rows) if row.run_id == run_id and 0 <= row.seq <= seq
        ]
        if here:
            self.move_to(here[-1])

    def empty_line(self) -> Line:
        """Before the first run."""
        return ((Plain("no run selected"), "dim"),)

    def spans(self, row: TreeRow, width: int) -> Line:
        """Branch lines, mark, name; tokens and cost of the branch at its head."""
        mark = "x" if row == self.marked else row.mark
        figures = _figures(row)
        room = width - width_of(Plain(row.stem)) - 2 - len(figures)
        label = crop(one_line(row.label), max(4, room))
        spans: list[Span] = [
            (Plain(row.stem), "dim"),
            (Plain(mark + " "), "warn" if mark == "x" else _MARKS.get(row.mark, "")),
            (label, "strong" if row.mark == "*" else ""),
        ]
        gap = room - width_of(label)
        return [*spans, (Plain(" " * max(0, gap)), ""), (Plain(figures), "dim")]

    def _end(self, row: TreeRow) -> str:
        status = self._status.get(row.run_id, row.label)
        return "now" if status in ("running", "waiting", "paused", "") else status

    def _ask(
        self,
        what: Wish,
    ) -> None:
        if self.selected is not None:
            self.post_message(self.Wanted(what, self.selected))

    def action_fork(self) -> None:
        """Fork at the line."""
        self._ask("fork")

    def action_resume(self) -> None:
        """Resume the line's run."""
        self._ask("resume")

    def action_name(self) -> None:
        """Set a named checkpoint."""
        self._ask("name")

    def action_files(self) -> None:
        """The files that were changed up to the line."""
        self._ask("files")

    def action_restore(self) -> None:
        """Put the files back as they were at the line."""
        self._ask("restore")

    def action_past(self) -> None:
        """Everything as it was at the line."""
        self._ask("past")

    def action_trace(self) -> None:
        """To its row."""
        self._ask("trace")

    def action_approval(self) -> None:
        """To what was asked next."""
        self._ask("approval")

    def action_compare(self) -> None:
        """All branches side by side."""
        self._ask("compare")

    def action_automatic(self) -> None:
        """Hide what the rule took, or show it again."""
        self.shows_automatic = not self.shows_automatic
        if self._board is not None:
            self.show(self._board, self._run_id)

    def action_diff(self) -> None:
        """Mark a line, or compare the line with the marked one."""
        row = self.selected
        if row is None:
            return
        if self.marked is None:
            self.marked = row
        else:
            first, self.marked = self.marked, None
            if first != row:
                self.post_message(self.Wanted("diff", first, row))
        self._strips.clear()
        self.refresh()


def _figures(row: TreeRow) -> str:
    """Tokens and cost of a branch, and in brackets with all its forks."""
    if not row.all_tokens:
        return ""
    own = f" {count(row.tokens)} {money(row.cost_usd)}"
    return own if row.all_tokens == row.tokens else f"{own} ({count(row.all_tokens)})"
