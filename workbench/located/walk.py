"""A walk over the brackets, keys and values of a text: what TOML and JSON have in common.

Their parsers keep no positions. The text is known to be right when it is walked, so a walk needs
to know only where it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from workbench.located.value import Lines, Place


@dataclass(slots=True)
class Walk:
    """A walk over the marks of a text that is known to be right: TOML or JSON."""

    lines: Lines
    line: int = 1
    place: Place = ()
    """Of the value that comes next, or of the table when a key does."""
    table: Place = ()
    opened: list[tuple[Place, bool]] = field(default_factory=list[tuple[Place, bool]])
    """The brackets around: the place of each, and whether it is a list."""

    @property
    def around(self) -> Place:
        """The place of the table or list that is being filled."""
        return self.opened[-1][0] if self.opened else self.table

    def note(self) -> None:
        """Note that the value, or the table, begins here."""
        self.lines.note(self.place, self.line)

    def key(self, names: Iterable[str]) -> None:
        """Go where a key says, which may have several names."""
        self.place = self.around
        for name in names:
            self.place = (*self.place, name)
            self.note()

    def open(self, bracket: str) -> None:
        """Begin a list or a table."""
        self.note()
        self.opened.append((self.place, bracket == "["))
        if bracket == "[":
            self.place = (*self.place, 0)

    def close(self) -> None:
        """End the innermost list or table."""
        self.place, _ = self.opened.pop()

    def comma(self) -> None:
        """Go to the next item of the list, or back to the table."""
        around, in_list = self.opened[-1]
        self.place = (*around, int(self.place[len(around)]) + 1) if in_list else around
