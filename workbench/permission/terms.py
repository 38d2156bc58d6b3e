"""The terms of a filter: small values that test a row and print as they were written.

A row is any mapping with some of the fields; a field that is missing fits nothing, so only the
inverse of a term about it holds. Words are compared without case, levels and amounts by order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import eq, ge, gt, le, lt
from typing import Any, Literal, TypeAlias

from workbench.permission.danger import Danger
from workbench.permission.globs import glob, is_plain
from workbench.permission.regex import Regex

Row: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Row], bool]
Sign: TypeAlias = Literal[":", ">=", "<=", ">", "<"]

WORDED = ("agent", "kind", "name", "state", "key", "run", "text")
ORDERED = ("danger", "duration", "cost")
FIELDS = (*WORDED, *ORDERED)
"""What a filter can ask about."""

_COLUMNS = {"run": "run_id", "duration": "duration_s", "cost": "cost_usd"}
"""How rows of the log call a field that a person calls shorter; both are looked for."""

_SEARCHED = ("text", "name", "agent", "kind", "state", "key")
_OPERATORS = {":": eq, ">=": ge, "<=": le, ">": gt, "<": lt}
_SAFE = re.compile(r"[A-Za-z0-9_.*?@+~#%][A-Za-z0-9_.*?@+~#%:/=-]*")
_SAFE_TEXT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Text:
    """Free text: anywhere in what a row says, without case."""

    text: str

    def test(self) -> Test:
        """The test for rows."""
        wanted = self.text.casefold()

        def test(row: Row) -> bool:
            for said in _said(row):  # noqa: SIM110 - a generator costs twice
                if wanted in said.casefold():
                    return True
            return False

        return test

    def __str__(self) -> str:
        return self.text if _SAFE_TEXT.fullmatch(self.text) else quoted(self.text)


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression, in one field or anywhere."""

    source: str
    """As written between the slashes."""
    ignore_case: bool = False
    field: str = ""

    def test(self) -> Test:
        """The test for rows; compiling was tried when the filter was read."""
        search = compiled(self.source, ignore_case=self.ignore_case).search
        if not self.field:
            return lambda row: any(map(search, _said(row)))
        name = self.field
        return lambda row: any(map(search, _words(row, name)))

    def __str__(self) -> str:
        where = f"{self.field}:" if self.field else ""
        return f"{where}/{self.source}/{'i' if self.ignore_case else ''}"


@dataclass(frozen=True, slots=True)
class Word:
    """A field of words that fits a glob."""

    field: str
    value: str

    def test(self) -> Test:
        """The test for rows."""
        fits, name = _fits(self.field, self.value.casefold()), self.field
        return lambda row: any(fits(word.casefold()) for word in _words(row, name))

    def __str__(self) -> str:
        value = self.value if _SAFE.fullmatch(self.value) else quoted(self.value)
        return f"{self.field}:{value}"


@dataclass(frozen=True, slots=True)
class Bound:
    """A level or an amount on one side of a limit."""

    field: str
    sign: Sign
    limit: float

    def test(self) -> Test:
        """The test for rows; an unknown amount fits no bound."""
        holds, name, limit = _OPERATORS[self.sign], self.field, self.limit

        def test(row: Row) -> bool:
            amount = _amount(row, name)
            return amount is not None and holds(amount, limit)

        return test

    def __str__(self) -> str:
        if self.field == "danger":
            limit = Danger(int(self.limit)).name
        else:
            limit = repr(self.limit).removesuffix(".0") + ("s" if self.field == "duration" else "")
        return f"{self.field}{self.sign}{limit}"


@dataclass(frozen=True, slots=True)
class Not:
    """The inverse."""

    term: Term

    def test(self) -> Test:
        """The test for rows."""
        inner = self.term.test()
        return lambda row: not inner(row)

    def __str__(self) -> str:
        return f"-{grouped(self.term)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of several; written side by side."""

    terms: tuple[Term, ...]

    def test(self) -> Test:
        """The test for rows."""
        tests = tuple(term.test() for term in self.terms)
        return lambda row: all(test(row) for test in tests)

    def __str__(self) -> str:
        return " ".join(str(t) if not isinstance(t, Or) else f"({t})" for t in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    """Any of several; ``|`` binds weakest."""

    terms: tuple[Term, ...]

    def test(self) -> Test:
        """The test for rows."""
        tests = tuple(term.test() for term in self.terms)
        return lambda row: any(test(row) for test in tests)

    def __str__(self) -> str:
        return " | ".join(map(str, self.terms))


Term: TypeAlias = Text | Expression | Word | Bound | Not | And | Or


def inverted(term: Term) -> Term:
    """The inverse, without doubling it."""
    return term.term if isinstance(term, Not) else Not(term)


def joined(kind: type[And | Or], terms: list[Term]) -> Term:
    """Several terms as one, groups of the same kind opened."""
    flat: list[Term] = []
    for term in terms:
        flat += term.terms if isinstance(term, kind) else (term,)
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def grouped(term: Term) -> str:
    """A term's text, in parentheses when it has parts."""
    return f"({term})" if isinstance(term, And | Or) else str(term)


def quoted(text: str) -> str:
    """Text between quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=64)
def compiled(source: str, *, ignore_case: bool) -> Regex:
    """The expression, compiled once. Raises BadRegex."""
    return Regex(source, ignore_case=ignore_case)


def _get(row: Row, name: str) -> Any:
    value = row.get(name)
    return row.get(_COLUMNS[name]) if value is None and name in _COLUMNS else value


def _words(row: Row, name: str) -> list[str]:
    value = _get(row, name)
    return [] if value is None else [value if isinstance(value, str) else str(value)]


def _said(row: Row) -> list[str]:
    values = [row.get(name) for name in _SEARCHED]
    return [v if isinstance(v, str) else str(v) for v in values if v is not None]


def _amount(row: Row, name: str) -> float | None:
    """A number, or None while it is unknown (missing, negative)."""
    value = _get(row, name)
    if name == "danger" and isinstance(value, str):
        value = Danger.__members__.get(value.upper())
    return value if isinstance(value, int | float) and value >= 0 else None


def _fits(field: str, value: str) -> Callable[[str], bool]:
    """How a word of a field fits: a path or kind covers what is below it, a run its beginning."""
    test = glob(value)
    if not is_plain(value):
        return glob(f"*{value}*") if field == "text" else test
    match field:
        case "text":
            return lambda word: value in word
        case "run":
            return lambda word: word.startswith(value)
        case "key":
            return lambda word: word == value or word.startswith(value + "/")
        case "kind":
            return lambda word: word == value or word.startswith(value + ".")
        case _:
            return test
