"""One word of a shell command, read without a shell: what bash would make of its quotes.

A word is *literal* when bash would pass exactly the text found here, whatever the environment,
the folder and the options are. Anything else (expansions, globs, tildes, ANSI quotes, a
backslash before a line's end) has no literal and is named by the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import category

_EXPANDS = {
    "$": "expansion",
    "`": "substitution",
    "*": "glob",
    "?": "glob",
    "[": "glob",
    "]": "glob",
}
_BREAKS = frozenset(" \t\n|&;()<>")
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0")


class NotLiteral(ValueError):
    """Why a word is more than its text; ``args[0]`` is the reason in one or two words."""


def literal(source: str) -> str:
    """The text bash makes of one word. Raises NotLiteral with the reason."""
    if source in {"{}", "{"}:
        return source
    characters = iter(source)
    return "".join(_pieces(source, characters))


def _pieces(source: str, characters: Iterator[str]) -> Iterator[str]:
    for index, char in enumerate(characters):
        if char == "'":
            yield _single(characters)
        elif char == '"':
            yield _double(characters)
        elif char == "\\":
            yield _escaped(characters)
        else:
            yield _bare(source, index, char)


def _bare(source: str, index: int, char: str) -> str:
    """A character outside quotes, if it stands for itself there."""
    if char in _EXPANDS:
        raise NotLiteral(_EXPANDS[char])
    if char in _BREAKS:
        raise NotLiteral("operator")
    if char == "{":
        raise NotLiteral("brace expansion")
    if char == "~" and (index == 0 or source[index - 1] in ":="):
        raise NotLiteral("tilde expansion")
    if char == "#" and index == 0:
        raise NotLiteral("comment")
    return char


def _single(characters: Iterator[str]) -> str:
    text: list[str] = []
    for char in characters:
        if char == "'":
            return "".join(text)
        text.append(char)
    raise NotLiteral("open quote")


def _double(characters: Iterator[str]) -> str:
    text: list[str] = []
    for char in characters:
        if char == '"':
            return "".join(text)
        if char in "$`":
            raise NotLiteral(_EXPANDS[char])
        text.append(_in_double(characters) if char == "\\" else char)
    raise NotLiteral("open quote")


def _in_double(characters: Iterator[str]) -> str:
    """Behind a backslash between double quotes: four characters lose it, a line's end goes."""
    char = next(characters, "")
    if char == "\n":
        raise NotLiteral("joined lines")
    if not char:
        raise NotLiteral("open quote")
    return char if char in '$`"\\' else "\\" + char


def _escaped(characters: Iterator[str]) -> str:
    char = next(characters, "")
    if not char:
        raise NotLiteral("backslash at the end")
    if char == "\n":
        raise NotLiteral("joined lines")
    return char


def hidden(text: str) -> str | None:
    """The first character that a reader cannot see or that a terminal obeys, spelled out.

    Newline and tab are left to the caller, who knows whether they stand between quotes.
    """
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        if char in "\n\t" or (char.isprintable() and not _takes_no_room(char)):
            continue
        return f"U+{ord(char):04X}"
    return None


def _takes_no_room(char: str) -> bool:
    """Variation selectors and fillers: printable by name, invisible on a screen."""
    if char in _FILLERS:
        return True
    return category(char) == "Mn" and ("\ufe00" <= char <= "\ufe0f" or char >= "\U000e0100")
