"""The one filter grammar: for the trace, `wait`, `expect`, triggers, hooks and rules.

    agent:coder kind:tool -state:ok          words of a field (globs), all of them must hold
    kind:tool,model                          any of several words
    danger>=HIGH duration>2s cost>0.01       levels and amounts; 150ms, 2s, 1.5m, 1h
    "free text"  word                        anywhere in a row, without case
    /rate.?limit/i  name:/^http_/            a regular expression, anywhere or in one field
    -term  !term                             the inverse
    a b | c (d | e)                          `|` is or and binds weakest; parentheses group

``str(filter)`` is the same filter in one canonical spelling. Mistakes name their column and, for
a field, the nearest right one. Expressions are searched in linear time (`permission/regex.py`),
so no filter hangs on any text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn, cast

from workbench.errors import UsageError, nearest
from workbench.permission.danger import Danger
from workbench.permission.regex_steps import BadRegex
from workbench.permission.terms import (
    FIELDS,
    ORDERED,
    And,
    Bound,
    Expression,
    Or,
    Row,
    Sign,
    Term,
    Test,
    Text,
    Word,
    compiled,
    inverted,
    joined,
)

LONGEST = 4_000
_DEEPEST = 40

_FIELD = re.compile(r"([A-Za-z_]+)(:|!=|>=|<=|=|>|<)")
_BARE = re.compile(r'[^\s()|"]+')
_VALUE = re.compile(r'[^\s()|",]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}
_DURATION = re.compile(r"([0-9.]+(?:e[+-]?[0-9]+)?)(ms|s|m|h|)")


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that was read; the empty one fits every row."""

    term: Term | None = None
    _test: Test = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        test = self.term.test() if self.term else _everything
        object.__setattr__(self, "_test", test)

    @staticmethod
    def parse(text: str) -> Filter:
        """Read a filter; UsageError names the column."""
        if len(text) > LONGEST:
            raise UsageError(f"the filter has {len(text)} characters, more than {LONGEST}")
        return Filter(_Reader(text).whole())

    def matches(self, row: Row) -> bool:
        """Whether a row fits."""
        return self._test(row)

    def __str__(self) -> str:
        return str(self.term) if self.term else ""


def _everything(row: Row) -> bool:
    del row
    return True


class _Reader:
    """Reads a filter from left to right; ``place`` is where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def whole(self) -> Term | None:
        if not self._next():
            return None
        term = self._either(0)
        if self._next():
            self._fail("a ) without its (")
        return term

    def _fail(self, why: str, hint: str = "", at: int | None = None) -> NoReturn:
        column = (self.place if at is None else at) + 1
        raise UsageError(f"filter, column {column}: {why}", hint=hint, column=column)

    def _next(self) -> str:
        """The next character that is no blank, or the empty string."""
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1
        return self.text[self.place : self.place + 1]

    def _either(self, depth: int) -> Term:
        if depth > _DEEPEST:
            self._fail("nested too deeply")
        terms = [self._all(depth)]
        while self._next() == "|":
            self.place += 1
            terms.append(self._all(depth))
        return joined(Or, terms)

    def _all(self, depth: int) -> Term:
        terms: list[Term] = []
        while self._next() not in {"", "|", ")"}:
            terms.append(self._one(depth))
        if not terms:
            self._fail("a term is missing here")
        return joined(And, terms)

    def _one(self, depth: int) -> Term:
        inverse = False
        while self.text[self.place : self.place + 1] in {"-", "!"}:
            inverse = not inverse
            self.place += 1
        term = self._plain(depth)
        return inverted(term) if inverse else term

    def _plain(self, depth: int) -> Term:
        char = self.text[self.place : self.place + 1]
        if char == "(":
            return self._group(depth)
        if char == '"':
            return Text(self._quoted())
        if char == "/":
            return self._expression("")
        found = _FIELD.match(self.text, self.place)
        if found:
            return self._field(found[1], found[2])
        bare = _BARE.match(self.text, self.place)
        if not bare:
            self._fail("a term is missing here")
        self.place = bare.end()
        return Text(bare[0])

    def _group(self, depth: int) -> Term:
        opened = self.place
        self.place += 1
        term = self._either(depth + 1)
        if self._next() != ")":
            self._fail("a ( without its )", at=opened)
        self.place += 1
        return term

    def _quoted(self) -> str:
        """The text of a quoted string; a backslash takes the next character as it is."""
        found = _QUOTED.match(self.text, self.place)
        if not found:
            self._fail("a quote without its end")
        self.place = found.end()
        return _ESCAPED.sub(r"\1", found[1])

    def _expression(self, name: str) -> Term:
        opened = self.place
        end = opened + 1
        while self.text[end : end + 1] not in {"", "/"}:
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            self._fail("a / without its end", 'To look for a slash, write "/"', at=opened)
        source = self.text[opened + 1 : end]
        flags = (_VALUE if name else _BARE).match(self.text, end + 1)
        self.place = flags.end() if flags else end + 1
        if flags and flags[0] != "i":
            hint = 'To look for a path, put it in quotes: "/tmp/x"'
            self._fail(f"{flags[0]!r} behind an expression", hint, at=end + 1)
        try:
            compiled(source, ignore_case=bool(flags))
        except BadRegex as error:
            why, index = cast("tuple[str, int]", error.args)
            self._fail(f"in the expression: {why}", at=opened + 1 + index)
        return Expression(source, bool(flags), name)

    def _field(self, name: str, sign: str) -> Term:
        if name.lower() not in FIELDS:
            self._unknown(name)
        name = name.lower()
        at = self.place
        self.place += len(name) + len(sign)
        inverse = sign == "!="
        sign = ":" if sign in {"=", "!="} else sign
        if name not in ORDERED and sign != ":":
            self._fail(f"{name} has no order, so {sign} means nothing", f"Write {name}:…", at)
        terms = self._values(name, cast("Sign", sign))
        term = joined(Or, terms)
        return inverted(term) if inverse else term

    def _unknown(self, name: str) -> NoReturn:
        guess = nearest(name.lower(), FIELDS)
        hint = f"Did you mean {guess!r}?" if guess else f"Fields: {', '.join(FIELDS)}"
        self._fail(f"no field {name!r}", f"{hint} Text with such a sign goes in quotes")

    def _values(self, name: str, sign: Sign) -> list[Term]:
        """One value, or several with commas between them."""
        terms: list[Term] = []
        while True:
            terms.append(self._value(name, sign))
            if self.text[self.place : self.place + 1] != ",":
                return terms
            self.place += 1

    def _value(self, name: str, sign: Sign) -> Term:
        char = self.text[self.place : self.place + 1]
        if char == "/" and name not in ORDERED:
            return self._expression(name)
        at = self.place
        if char == '"':
            value = self._quoted()
        else:
            found = _VALUE.match(self.text, at)
            if not found:
                self._fail(f"{name} needs a value")
            value = found[0]
            self.place = found.end()
        if name not in ORDERED:
            return Word(name, value)
        return Bound(name, sign, self._limit(name, value, at))

    def _limit(self, name: str, value: str, at: int) -> float:
        if name == "danger":
            if value.upper() in Danger.__members__:
                return Danger[value.upper()]
            self._fail(f"no danger level {value!r}", _levels(value, Danger.__members__), at)
        text = value.removeprefix("$") if name == "cost" else value
        found = _DURATION.fullmatch(text)
        try:
            amount = float(found[1]) * _UNITS[found[2]] if found else math.nan
        except ValueError:
            amount = math.nan
        if not math.isfinite(amount) or (name == "cost" and found and found[2]):
            example = "2s or 150ms" if name == "duration" else "0.01"
            self._fail(f"{value!r} is no {name}", f"Write it like {example}", at)
        return amount


def _levels(value: str, known: Iterable[str]) -> str:
    guess = nearest(value.upper(), known)
    return f"Did you mean {guess!r}?" if guess else f"Levels: {', '.join(known)}"
