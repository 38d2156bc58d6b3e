"""The difference of two places: side by side where there is room, else one below the other.

Lines are wrapped, never cut: what differs may stand at the end of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.plain import Plain, one_line
from workbench.script.differing import DiffLine, unified
from workbench.tui.cells import Line, Role, fit, wrap
from workbench.tui.keymap import short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.status import hint_line
from workbench.tui.written import Written

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

SIDE_BY_SIDE = 120
"""From so many columns on, left and right stand beside each other."""

_ROLES: dict[str, Role] = {"-": "bad", "+": "good"}


def beside(line: DiffLine, width: int) -> Iterator[Written]:
    """A line in two columns of a screen; what both have goes over both."""
    if line.kind in ("head", "both", "gap"):
        role: Role = {"head": "strong", "gap": "dim"}.get(line.kind, "")  # type: ignore[assignment]
        text = f"… {line.left}" if line.kind == "gap" else line.left
        for part in wrap(one_line(text), width):
            yield ((part, role),)
        return
    half = (width - 3) // 2
    left = wrap(one_line(line.left), half - 2) if line.kind != "right" else []
    right = wrap(one_line(line.right), half - 2) if line.kind != "left" else []
    for number, (one, other) in enumerate(zip_longest(left, right, fillvalue=Plain(""))):
        # The sign stands beside the colour, which is never alone.
        minus = "- " if number < len(left) else "  "
        plus = "+ " if number < len(right) else "  "
        yield (
            (fit(Plain(minus + one), half), "bad"),
            (Plain(" | "), "dim"),
            (Plain(plus + other), "good"),
        )


def below(line: DiffLine, width: int) -> Iterator[Written]:
    """A line for a narrow screen."""
    for text in unified(line):
        sign = text[:2]
        role: Role = "strong" if line.kind == "head" else _ROLES.get(sign[0], "")
        if line.kind == "gap":
            role = "dim"
        head = "" if line.kind == "head" else sign
        for part in wrap(one_line(text[len(head) :]), max(8, width - len(head))):
            yield ((Plain(head + part), role),)


class DiffLines(Lines[Written]):
    """The lines, made to the width at hand."""

    CURSOR: ClassVar[bool] = False

    def __init__(self, lines: Sequence[DiffLine]) -> None:
        super().__init__(id="diff-lines", classes="pane")
        self._lines = lines

    def on_resize(self) -> None:
        """Lay out anew."""
        super().on_resize()
        width = max(20, self.scrollable_content_region.width)
        lay = beside if width + 2 >= SIDE_BY_SIDE else below
        self.put([row for line in self._lines for row in lay(line, width)])

    def spans(self, row: Written, width: int) -> Line:
        """Made to measure already."""
        del width
        return row


class DiffScreen(Screen[None]):
    """Opened from the tree; Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#diff-lines"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp, title: str, lines: Sequence[DiffLine]) -> None:
        super().__init__()
        self.workbench = app
        self._title, self._lines = title, lines

    def compose(self) -> ComposeResult:
        """The lines and the hints."""
        lines = DiffLines(self._lines)
        lines.border_title = Content(f"Diff  {self._title}   {short('overlay.close')} back")
        yield lines
        yield OneLine(
            lambda width: hint_line({"list", "overlay"}, self.workbench.notice, width), id="hints"
        )

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """Nothing to send."""
