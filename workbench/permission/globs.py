"""Globs over plain text: ``*`` is any text, ``?`` one character, everything else itself.

Slashes are nothing special, so ``docs/*`` covers everything below ``docs``. Matching takes time in
proportion to the text: after the fixed beginning and end, each piece is looked for once, from
left to right, which is all that ``*`` needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Test: TypeAlias = Callable[[str], bool]

ANYTHING = "*"

_WILD = re.compile("[*?]")


def is_plain(pattern: str) -> bool:
    """Whether a glob has no wildcard, so that it means one text only."""
    return "*" not in pattern and "?" not in pattern


def needle(pattern: str) -> str:
    """The longest piece that every text has which fits; empty when there is none."""
    return max(_WILD.split(pattern), key=len)


def glob(pattern: str) -> Test:
    """A test for one glob, made once and used often."""
    if is_plain(pattern):
        return pattern.__eq__
    if "?" in pattern:
        return _general(pattern)
    first, *middle, last = pattern.split("*")
    middle = [piece for piece in middle if piece]
    if not middle:
        return _ends(first, last)
    if not first and not last and len(middle) == 1:
        return lambda text: middle[0] in text
    return _general(pattern)


def _ends(first: str, last: str) -> Test:
    if not first and not last:
        return lambda _: True
    if not last:
        return lambda text: text.startswith(first)
    if not first:
        return lambda text: text.endswith(last)
    least = len(first) + len(last)
    return lambda text: len(text) >= least and text.startswith(first) and text.endswith(last)


def _general(pattern: str) -> Test:
    """Pieces between stars as expressions without repetition, so none of them backtracks."""
    pieces = [
        re.compile("".join("." if char == "?" else re.escape(char) for char in piece), re.DOTALL)
        for piece in pattern.split("*")
    ]
    if len(pieces) == 1:
        return lambda text: pieces[0].fullmatch(text) is not None
    last_size = len(pattern) - pattern.rfind("*") - 1

    def test(text: str) -> bool:
        found = pieces[0].match(text)
        for piece in pieces[1:-1]:
            if found is None:
                return False
            found = piece.search(text, found.end())
        if found is None or len(text) - last_size < found.end():
            return False
        return pieces[-1].match(text, len(text) - last_size) is not None

    return test
