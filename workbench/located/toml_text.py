"""TOML with the line of every key, table and list item."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field

from workbench.located.value import Lines, Located, Place, refusal
from workbench.located.walk import Walk

# Without possessive repeats, which Python 3.11.0 to 3.11.2 gets wrong: no two parts that follow
# each other can begin alike, so that nothing is tried twice.
_MARK = re.compile(
    r'''
      """[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*""""{0,2}  # several lines, which may end in quotes
    | \'\'\'[^']*(?:'(?!\'\')[^']*)*\'\'\''{0,2}
    | "[^"\\]*(?:\\.[^"\\]*)*" | '[^']*'
    | \#[^\n]*
    | ^[ \t]*\[\[?                         # a table's heading, unless a list is open
    | [{}\[\],=\n]
    | [A-Za-z0-9_+:-]+                     # a bare key, or a number or date as far as its point
    ''',
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)


def read_toml(text: str, where: str) -> Located:
    """Read TOML text. Raises ConfigError naming file and line."""
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, at = str(error).partition(" (at ")
        stated = re.match(r"line (\d+)", at)
        line = int(stated[1]) if stated else text.count("\n") + 1
        raise refusal(where, line, f"this is not TOML: {said}") from None
    except (RecursionError, ValueError):
        message = "the file is nested too deep or has a number too long"
        raise refusal(where, None, message) from None
    return Located(where, value, _TomlWalk(Walk(Lines(where))).noted(text))


@dataclass(slots=True)
class _TomlWalk:
    """The walk through TOML: headings between the keys, and keys of several words."""

    walk: Walk
    words: list[str] = field(default_factory=list[str])
    """Seen since the last sign: a key, or a value."""
    heading: int = 0
    """How many brackets the heading has that is being read."""
    counts: dict[Place, int] = field(default_factory=dict[Place, int])
    """The newest item of each list of tables."""

    def noted(self, text: str) -> dict[Place, int]:
        self.walk.note()
        for mark in _MARK.findall(text):
            self.take(mark)
            self.walk.line += mark.count("\n")
        return self.walk.lines.noted

    def take(self, mark: str) -> None:
        match mark.lstrip(" \t")[0]:
            case "\n":
                self.end_line()
            case "[" | "{" as bracket:
                self.open(bracket, mark.count(bracket))
            case "]" | "}":
                self.close()
            case ",":
                self.walk.comma()
            case "=":
                self.walk.key(_names(self.words))
            case "#":
                return
            case _:
                self.words.append(mark)
                self.walk.note()
                return
        self.words = []

    def end_line(self) -> None:
        if not self.walk.opened:
            self.walk.place = self.walk.table

    def open(self, bracket: str, count: int) -> None:
        # Where a key could stand a bracket is a heading's.
        if not self.walk.opened and self.walk.place == self.walk.table:
            self.heading = count
            return
        for _ in range(count):
            self.walk.open(bracket)

    def close(self) -> None:
        if self.walk.opened:
            self.walk.close()
        elif self.words:  # a heading's first bracket
            self.begin_table()

    def begin_table(self) -> None:
        """Go where a heading says; below a list of tables that is its newest item."""
        walk = self.walk
        walk.place = ()
        names = _names(self.words)
        for position, name in enumerate(names, 1):
            walk.place = (*walk.place, name)
            walk.note()
            if position == len(names) and self.heading == 2:
                self.counts[walk.place] = self.counts.get(walk.place, -1) + 1
            if walk.place in self.counts:
                walk.place = (*walk.place, self.counts[walk.place])
                walk.note()
        walk.table = walk.place


def _names(words: list[str]) -> list[str]:
    """Keys as they are meant: bare, or in quotes with everything that TOML knows in them."""
    return [tomllib.loads(f"name = {w}")["name"] if w[0] in "\"'" else w for w in words]
