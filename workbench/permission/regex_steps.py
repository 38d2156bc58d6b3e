r"""Reads the source of a regular expression into steps that `permission.regex` can walk.

Steps hold relative jumps, so pieces are joined by writing them one behind the other; that is all
the compiler does. What could only be had by backtracking is refused with its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

Reads: TypeAlias = Callable[[str], bool]

MOST_STEPS = 400
"""Size of a compiled expression; ``a{1000}`` is too large."""
_DEEPEST = 40


class BadRegex(ValueError):
    """An expression that is not one of ours: ``args`` are why and the index in the source."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: read a character, go on in two places, hold a condition, or be done."""

    do: Literal["read", "split", "assert", "done"]
    reads: Reads | None = None
    condition: str = ""
    to: tuple[int, ...] = ()


def is_word(char: str) -> bool:
    r"""Whether a character is part of a word, as ``\w`` and ``\b`` see it."""
    return char.isalnum() or char == "_"


_CLASSES: dict[str, Reads] = {
    "d": str.isdecimal,
    "w": is_word,
    "s": str.isspace,
    "D": lambda char: not char.isdecimal(),
    "W": lambda char: not is_word(char),
    "S": lambda char: not char.isspace(),
}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}


class Compiler:
    """Reads a source from left to right and writes steps as it goes."""

    def __init__(self, source: str, *, ignore_case: bool) -> None:
        self.source = source
        self.place = 0
        self.ignore_case = ignore_case

    def compile(self) -> list[Step]:
        """All steps, the last one being done."""
        steps = self._either(0)
        if self.place < len(self.source):
            self._fail("a ) without its (")
        return [*steps, Step("done")]

    def _fail(self, why: str, back: int = 0) -> NoReturn:
        raise BadRegex(why, max(0, min(self.place - back, len(self.source))))

    def _peek(self) -> str:
        return self.source[self.place : self.place + 1]

    def _take(self) -> str:
        char = self._peek()
        self.place += 1
        return char

    def _either(self, depth: int) -> list[Step]:
        if depth > _DEEPEST:
            self._fail("groups nested too deeply")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self.place += 1
            branches.append(self._sequence(depth))
        steps = branches.pop()
        for branch in reversed(branches):
            steps = self._sized(_fork(branch, steps))
        return steps

    def _sequence(self, depth: int) -> list[Step]:
        steps: list[Step] = []
        while self._peek() not in {"", "|", ")"}:
            steps += self._repeated(self._atom(depth))
            self._sized(steps)
        return steps

    def _sized(self, steps: list[Step]) -> list[Step]:
        if len(steps) > MOST_STEPS:
            self._fail("the expression is too large")
        return steps

    def _atom(self, depth: int) -> list[Step]:
        char = self._take()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return [Step("read", self._set())]
        if char in "^$":
            return [Step("assert", condition=char)]
        if char in "*+?{":
            self._fail(f"nothing stands before {char} that could be repeated", 1)
        if char == "\\":
            return [self._escape()]
        if char == ".":
            return [Step("read", lambda c: c != "\n")]
        return [Step("read", self._cased(char.__eq__))]

    def _group(self, depth: int) -> list[Step]:
        if self._peek() == "?":
            if self.source[self.place : self.place + 2] != "?:":
                self._fail("of the groups with ?, only (?: is known")
            self.place += 2
        steps = self._either(depth + 1)
        if self._take() != ")":
            self._fail("a ( without its )", 1)
        return steps

    def _escape(self) -> Step:
        char = self._take()
        if char in {"b", "B"}:
            return Step("assert", condition=char)
        return Step("read", self._escaped(char))

    def _escaped(self, char: str) -> Reads:
        """What an escape reads, in a set or outside."""
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _ESCAPES:
            return _ESCAPES[char].__eq__
        if not char or char.isalnum():
            self._fail(f"the escape \\{char} is not known", 1)
        return char.__eq__

    def _cased(self, reads: Reads) -> Reads:
        if not self.ignore_case:
            return reads
        return lambda char: any(reads(c) for c in (char, char.lower(), char.upper()) if len(c) == 1)

    def _set(self) -> Reads:
        negated = self._peek() == "^"
        self.place += negated
        items: list[Reads] = []
        while self._peek() != "]" or not items:
            if not self._peek():
                self._fail("a [ without its ]")
            items.append(self._item())
        self.place += 1
        reads = self._cased(lambda char: any(item(char) for item in items))
        return (lambda char: not reads(char)) if negated else reads

    def _item(self) -> Reads:
        """One entry of a set: a character, an escape, or a range."""
        low = self._take()
        if low == "\\":
            escaped = self._take()
            if escaped in _CLASSES:
                return _CLASSES[escaped]
            reads, low = self._escaped(escaped), _ESCAPES.get(escaped, escaped)
        else:
            reads = low.__eq__
        if self._peek() != "-" or self.source[self.place + 1 : self.place + 2] in {"]", ""}:
            return reads
        self.place += 1
        high = self._take()
        if high == "\\":
            high = self._take()
            self._escaped(high)
            high = _ESCAPES.get(high, high)
        if high < low or (high in _CLASSES and self.source[self.place - 2] == "\\"):
            self._fail("a range that goes backwards", 1)
        return lambda char: low <= char <= high

    def _repeated(self, steps: list[Step]) -> list[Step]:
        bounds = self._bounds()
        if bounds is None:
            return steps
        least, most = bounds
        if self._peek() == "?":
            self.place += 1
        if self._peek() in {"*", "+", "?", "{"}:
            self._fail("a repetition of a repetition")
        return self._times(steps, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        """A repetition's bounds, or None where no repetition stands."""
        char = self._peek()
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(char)
        if simple:
            self.place += 1
            return simple
        if char != "{":
            return None
        inner, brace, _ = self.source[self.place + 1 :].partition("}")
        low, comma, high = inner.partition(",")
        digits = [text for text in (low, high) if text]
        if not brace or not digits or not all(d.isdecimal() and len(d) < 5 for d in digits):
            self._fail("a { that is no repetition; write \\{")
        self.place += len(inner) + 2
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if most is not None and most < least:
            self._fail("a repetition that goes backwards", 1)
        return least, most

    def _times(self, steps: list[Step], least: int, most: int | None) -> list[Step]:
        copies = least if most is None else most
        if (len(steps) + 1) * copies > MOST_STEPS:
            self._fail("the expression is too large", 1)
        written = _copied(steps, least)
        if most is None:
            size = len(steps)
            return [
                *written,
                Step("split", to=(1, size + 2)),
                *steps,
                Step("split", to=(-size - 1,)),
            ]
        for _ in range(most - least):
            written += [Step("split", to=(1, len(steps) + 1)), *steps]
        return written


def _copied(steps: list[Step], times: int) -> list[Step]:
    return [step for _ in range(times) for step in steps]


def _fork(left: list[Step], right: list[Step]) -> list[Step]:
    """Either of two; jumps are relative, so pieces can be joined as they are."""
    return [
        Step("split", to=(1, len(left) + 2)),
        *left,
        Step("split", to=(len(right) + 1,)),
        *right,
    ]
