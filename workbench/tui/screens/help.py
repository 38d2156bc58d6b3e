"""Help: every key with its sentence, the focused pane's first. Made from the key table."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import ModalScreen

from workbench.plain import Plain
from workbench.tui.cells import Line, fit, wrap
from workbench.tui.keymap import keyed, shown
from workbench.tui.keys import KEYS, TITLES, Place, bindings
from workbench.tui.lines import Lines
from workbench.tui.written import BLANK, Written


def help_lines(first: Place, width: int) -> Iterator[Written]:
    """The table as text: the place one is in, then the others in order."""
    for place in sorted(TITLES, key=lambda place: place != first):
        yield ((Plain(TITLES[place]), "strong"),)
        for key in KEYS:
            if key.place != place:
                continue
            heads = _heads(shown(key))
            lines = wrap(Plain(key.help), max(20, width - 19))
            for head, line in zip_longest(heads, lines, fillvalue=Plain("")):
                yield (Plain("  "), ""), (fit(head, _HEAD), "accent"), (Plain(" "), ""), (line, "")
        yield BLANK


def _heads(keys: str) -> list[Plain]:
    """The keys of an action in lines of 16 cells: one, or one for each key."""
    if len(keys) <= _HEAD:
        return [Plain(keys)]
    first, *others = keys.split(" or ")
    return [Plain(first), *(Plain(f"or {other}") for other in others)]


_HEAD = 16


class HelpLines(Lines[Written]):
    """The text of the help, scrolled like any list."""

    CURSOR: ClassVar[bool] = False

    def __init__(self, first: Place) -> None:
        super().__init__(id="help-lines")
        self._place: Place = first

    def on_resize(self) -> None:
        """Wrap to the width."""
        super().on_resize()
        self.put(list(help_lines(self._place, self.size.width)))

    def spans(self, row: Written, width: int) -> Line:
        """Made to measure already."""
        del width
        return row


class HelpScreen(ModalScreen[None]):
    """Opened by the user, closed by Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]

    def __init__(self, first: Place) -> None:
        super().__init__()
        self._place: Place = first

    def compose(self) -> ComposeResult:
        """One list."""
        lines = HelpLines(self._place)
        lines.border_title = Content(keyed("Keys   {overlay.close} closes"))
        yield lines

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """There is nothing to send."""
        self.dismiss(None)
