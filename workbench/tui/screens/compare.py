"""Branches side by side: how each ended, what it used, where it parts from the one it left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.journal.tree import TreeRow
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit, right
from workbench.tui.clock import count, money, span
from workbench.tui.grades import state_role
from workbench.tui.keymap import keyed
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.status import hint_line
from workbench.tui.trace_rows import brief

if TYPE_CHECKING:
    from workbench.script.compare import Compared
    from workbench.tui.app import KaizenApp

WIDE = 110
"""From so many columns on, steps, time and files are shown too."""


class BranchLine(NamedTuple):
    """One branch."""

    run_id: str
    parts_at: int
    status: str
    steps: int
    tokens: int
    cost_usd: float
    took_s: float
    files: int
    what: str
    """What it does otherwise and what it came to."""


def branch_line(one: Compared) -> BranchLine:
    """From what is known of a branch."""
    changed = f"({one.overlay}) " if one.overlay else ""
    result: Any = one.result
    return BranchLine(
        one.run_id,
        one.parts_at if one.parent else 0,
        one.status,
        one.used.steps,
        one.used.tokens,
        one.used.cost_usd,
        one.duration_s,
        len(one.files),
        changed + brief(result, 400),
    )


class BranchesList(Lines[BranchLine]):
    """The branches."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("compare")]

    def __init__(self, rows: list[BranchLine]) -> None:
        super().__init__(id="compare-list", classes="pane")
        self.marked: BranchLine | None = None
        self.rows = rows

    def spans(self, row: BranchLine, width: int) -> Line:
        """Mark, run, where it parts, how it ended, figures, and what it says."""
        more = width >= WIDE
        parts = f"at {row.parts_at}" if row.parts_at else "root"
        found: Line = [
            (Plain("x " if row == self.marked else "  "), "warn"),
            (fit(one_line(row.run_id[:8]), 9), "accent"),
            (fit(Plain(parts), 9), "dim"),
            (fit(one_line(row.status), 13), state_role(row.status)),
            *([(right(Plain(f"{row.steps} st"), 8), "dim")] if more else []),
            (right(Plain(f"{count(row.tokens)} tok"), 11), "dim"),
            (right(money(row.cost_usd), 8), "dim"),
            *([(right(span(row.took_s), 8), "dim")] if more else []),
            *([(right(Plain(f"{row.files} files"), 9), "dim")] if more else []),
        ]
        rest = width - sum(len(text) for text, _ in found)
        return [*found, (fit(Plain("  " + one_line(row.what)), max(0, rest)), "")]

    def action_diff(self) -> None:
        """Mark a branch, or compare the branch with the marked one."""
        row = self.selected
        if row is None or not isinstance(self.screen, CompareScreen):
            return
        first, self.marked = self.marked, row if self.marked is None else None
        if first is not None and first != row:
            self.screen.diff(first, row)
        self._strips.clear()
        self.refresh()


class CompareScreen(Screen[None]):
    """Opened from the tree; enter opens a branch, Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#compare-list"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp, found: Sequence[Compared]) -> None:
        super().__init__()
        self.workbench = app
        self._rows = [branch_line(one) for one in found]

    def compose(self) -> ComposeResult:
        """The branches and the hints."""
        rows = BranchesList(self._rows)
        rows.border_title = Content(
            keyed(f"Branches  {len(self._rows)}   {{list.choose}} opens, {{overlay.close}} back")
        )
        yield rows
        yield OneLine(
            lambda width: hint_line({"compare", "overlay"}, self.workbench.notice, width),
            id="hints",
        )

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Open the run on the workbench screen."""
        if isinstance(message.row, BranchLine):
            self.workbench.wishes.open_run(message.row.run_id)
            self.dismiss(None)

    def diff(self, one: BranchLine, other: BranchLine) -> None:
        """The difference of two branches, over this screen."""
        rows = (TreeRow(line.run_id, -1, "", "@", "") for line in (one, other))
        self.workbench.wishes.places.diff(*rows)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
