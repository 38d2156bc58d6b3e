"""The text form of signatures: ``question: str, others: list[str] -> argument: str``.

    signature   = [fields] "->" fields
    fields      = field {"," field}
    field       = name [":" type] ["=" JSON] ['"' description '"']
    type        = option {"|" option}
    option      = "str" | "int" | "float" | "bool" | "object" | "None" | "list" ["[" type "]"]
                | "Image" | "Audio" | "Document"
                | "dict" ["[" "str" "," type "]"] | "Literal" "[" literal {"," literal} "]"
                | "Optional" "[" type "]" | a name given in ``types``

A field without a type is text. Description and default may stand in either order. Line breaks
are spaces. `spelled` writes the one form that parses back to the same fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, NoReturn

from workbench.agent import media
from workbench.agent.annotations import kind_of, named
from workbench.agent.fields import REQUIRED, Absent, Field
from workbench.agent.kinds import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    DictOf,
    Kind,
    ListOf,
    OneOf,
    either,
)
from workbench.errors import SignatureError
from workbench.values import copied

_TOKEN = re.compile(r"->|[A-Za-z_]\w*|-?\d+(?![\w.])|\S")
_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[^\W\d]\w*")
_QUOTED = re.compile(r"'((?:[^'\\\n]|\\['\\])*)'")

_SIMPLE: dict[str, Kind] = {
    **media.KINDS,
    "str": STR,
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "object": OBJECT,
    "None": NONE,
}
_BUILT = ("list", "dict", "Literal", "Optional")
_CONSTANTS = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}
_DEPTH = 50

_ADVICE = {
    "Any": "Write object: any JSON value",
    "any": "Write object: any JSON value",
    "Union": "Write the options with | between them",
    "string": "Write str",
    "number": "Write float, or int",
    "integer": "Write int",
    "boolean": "Write bool",
    "array": "Write list[…]",
    "tuple": "Write list[…]",
}


def parse(text: str, types: Mapping[str, Any]) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    """Read a signature's text; returns inputs and outputs.

    Raises:
        SignatureError: naming the field and, with a caret, the place.
    """
    reader = _Reader(text, types)
    inputs = () if reader.at("->") else reader.fields()
    if not reader.take("->"):
        reader.fail("there is no '->' between inputs and outputs", "Write: inputs -> outputs")
    outputs = reader.fields()
    if reader.peek():
        reader.fail(f"nothing may follow here, but {reader.peek()!r} does")
    return inputs, outputs


def parse_type(text: str, types: Mapping[str, Any] | None = None) -> Kind:
    """Read one type: ``list[str] | None``."""
    reader = _Reader(text, types or {})
    kind = reader.type()
    if reader.peek():
        reader.fail(f"nothing may follow the type, but {reader.peek()!r} does")
    return kind


def spelled(inputs: Sequence[Field], outputs: Sequence[Field]) -> str:
    """The text form of a signature's fields."""
    sides = (", ".join(map(_spelled_field, side)) for side in (inputs, outputs))
    return " -> ".join(sides).strip()


def _spelled_field(field: Field) -> str:
    text = f"{field.name}: {field.type}"
    if not isinstance(field.default, Absent):
        text += f" = {json.dumps(copied(field.default), ensure_ascii=False)}"
    return f"{text} {_quoted(field.description)}" if field.description else text


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class _Reader:
    """One pass over one text: where it stands, and in which field."""

    def __init__(self, text: str, types: Mapping[str, Any]) -> None:
        self.text = text
        self.types = types
        self.place = 0
        self.field_name = ""
        self.depth = 0
        self._skip()

    def peek(self) -> str:
        """The token that stands next, or the empty string at the end."""
        found = _TOKEN.match(self.text, self.place)
        return found[0] if found else ""

    def at(self, token: str) -> bool:
        return self.text.startswith(token, self.place)

    def take(self, token: str) -> bool:
        """Step over a token if it stands next."""
        if self.peek() != token:
            return False
        self._step(len(token))
        return True

    def fields(self) -> tuple[Field, ...]:
        found = [self._field(set())]
        while self.take(","):
            found.append(self._field({field.name for field in found}))
        return tuple(found)

    def _field(self, used: set[str]) -> Field:
        start = self.place
        name = self._name(used)
        self.field_name = name
        kind = self.type() if self.take(":") else STR
        description = ""
        default: Any = REQUIRED
        for _ in range(2):
            if self.at('"') and not description:
                description = self._text()
            elif default is REQUIRED and self.take("="):
                default = self._json("a default")
        if self.peek() not in ("", ",", "->"):
            self.fail(f"{self.peek()!r} is not expected here")
        field = self._made(start, name, kind, description, default)
        self.field_name = ""
        return field

    def _made(self, start: int, name: str, kind: Kind, description: str, default: Any) -> Field:
        try:
            return Field(name, kind, description, default)
        except SignatureError as error:
            self.place = start
            return self.fail(error.message.partition(": ")[2], error.hint)

    def _name(self, used: set[str]) -> str:
        found = _NAME.match(self.text, self.place)
        if not found:
            self._unexpected("a field's name")
        name = found[0]
        if name in used:
            self.fail(f"the name {name!r} stands twice on this side")
        if iskeyword(name) or name.startswith("_"):
            self.fail(f"{name!r} cannot be an attribute's name")
        self._step(len(name))
        return name

    def _unexpected(self, what: str) -> NoReturn:
        found = self.peek()
        self.fail(f"{what} is expected here" + (f", not {found!r}" if found else ""))

    def type(self) -> Kind:
        """One type with its options."""
        self.depth += 1
        if self.depth > _DEPTH:
            self.fail("the type is nested too deep")
        options = [self._option()]
        while self.take("|"):
            options.append(self._option())
        self.depth -= 1
        return either(*options)

    def _option(self) -> Kind:
        start, token = self.place, self.peek()
        if not _NAME.fullmatch(token):
            self._unexpected("a type")
        self._step(len(token))
        if token in self.types:
            return self._given(token)
        if token in _SIMPLE:
            return _SIMPLE[token]
        match token:
            case "list":
                return ListOf(self._inner() if self.at("[") else OBJECT)
            case "dict":
                return DictOf(self._dict_values() if self.at("[") else OBJECT)
            case "Literal":
                return self._literals()
            case _:
                return self._optional(start, token)

    def _optional(self, start: int, token: str) -> Kind:
        if token == "Optional":  # noqa: S105 - a token of the grammar
            return either(self._inner(), NONE)
        self.place = start
        return self._no_type(token)

    def _given(self, name: str) -> Kind:
        subject = self.types[name]
        return named(name, subject) or kind_of(subject, f"type {name!r}")

    def _no_type(self, name: str) -> NoReturn:
        guess = get_close_matches(name, [*_SIMPLE, *_BUILT, *self.types], 1, 0.6)
        advice = _ADVICE.get(name) or (f"Did you mean {guess[0]!r}?" if guess else "")
        self.fail(f"there is no type {name!r}", advice or f"Give it: types={{{name!r}: {name}}}")

    def _inner(self) -> Kind:
        self._need("[")
        kind = self.type()
        self._need("]")
        return kind

    def _dict_values(self) -> Kind:
        self._need("[")
        if not self.take("str"):
            self.fail("a dict's keys are str", "Write dict[str, …]")
        self._need(",")
        kind = self.type()
        self._need("]")
        return kind

    def _literals(self) -> Kind:
        self._need("[")
        values = [self._literal()]
        while self.take(","):
            values.append(self._literal())
        self._need("]")
        # By type too: 1 and True are equal and not the same.
        return OneOf(tuple({(type(value), value): value for value in values}.values()))

    def _literal(self) -> str | int | bool | None:
        start, token = self.place, self.peek()
        if token in _CONSTANTS:
            self._step(len(token))
            return _CONSTANTS[token]
        if token.startswith("'"):
            found = _QUOTED.match(self.text, self.place)
            if not found:
                return self.fail("this text does not end")
            self._step(len(found[0]))
            return re.sub(r"\\(['\\])", r"\1", found[1])
        value = self._json("a text, an int, a boolean or None")
        if not isinstance(value, str | int):
            self.place = start
            self.fail(f"Literal takes texts, ints, booleans and None, not {value!r}")
        return value

    def _text(self) -> str:
        return str(self._json("a text"))

    def _json(self, what: str) -> Any:
        try:
            value, end = _DECODER.raw_decode(self.text, self.place)
        except (ValueError, RecursionError):
            token = self.peek()
            advice = {"None": "Write null", "True": "Write true", "False": "Write false"}.get(
                token, ""
            )
            self.fail(f"{what} is expected here, as JSON", advice)
        self._step(end - self.place)
        return value

    def _need(self, token: str) -> None:
        if not self.take(token):
            self._unexpected(repr(token))

    def _step(self, length: int) -> None:
        self.place += length
        self._skip()

    def _skip(self) -> None:
        space = _SPACE.match(self.text, self.place)
        self.place = space.end() if space else self.place

    def fail(self, problem: str, advice: str = "") -> NoReturn:
        """Raise for the place where the reader stands."""
        whose = f"field {self.field_name!r}: " if self.field_name else "signature: "
        line = self.text.count("\n", 0, self.place) + 1
        raise SignatureError(
            whose + problem,
            hint=f"{advice or 'The place:'}\n{pointed(self.text, self.place)}",
            field=self.field_name,
            position=self.place,
            line=line,
        )


def pointed(text: str, place: int) -> str:
    """The line of a text that a place lies in, with a caret beneath the place."""
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", place)
    line = text[start : len(text) if end < 0 else end]
    column = place - start
    if column > 60:
        cut = column - 40
        line, column = "…" + line[cut:], 41
    if len(line) > column + 40:
        line = line[: column + 39] + "…"
    # A tab would move the caret away from its place.
    return f"    {line.replace(chr(9), ' ')}\n    {' ' * column}^"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
