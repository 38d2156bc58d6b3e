"""The types of the signature language, as values that read, print and describe themselves.

A kind does three things: it reads a value (or says precisely why it cannot), prints itself in
the text form, and describes itself as a JSON schema. Reading is strict. Nothing is guessed:
``"5"`` is not a number and ``True`` is not an int. Two conversions lose nothing and are made:
an int where a float is wanted, and, only in what a model wrote, ``1.0`` where an int is wanted.
Written by hand and small, so that a signature costs microseconds and no import of pydantic.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from workbench.errors import NotAValue, nearest
from workbench.values import copied

Care: TypeAlias = Literal["exact", "given", "replied"]
"""How to read: with no conversion at all, as given by a program, or as a model replied."""

Schema: TypeAlias = dict[str, Any]


class Misfit(Exception):
    """A value that does not fit; the edges turn it into InputError, ReplyError and the like."""

    def __init__(
        self, place: str, problem: str, *, expected: str = "", got: str = "", hint: str = ""
    ) -> None:
        super().__init__(f"{place} {problem}")
        self.place = place
        """The path to the value, beginning with its field: ``others[2].name``."""
        self.problem = problem
        """What is wrong, as the rest of a sentence: ``must be int, but is 'five' (str)``."""
        self.expected = expected
        self.got = got
        self.hint = hint

    @classmethod
    def wrong(cls, place: str, expected: str, value: Any, hint: str = "") -> Misfit:
        """The misfit of a value that is there and is not what it must be."""
        got = shown(value)
        return cls(
            place, f"must be {expected}, but is {got}", expected=expected, got=got, hint=hint
        )

    @classmethod
    def unknown(cls, before: str, name: str, known: list[str]) -> Misfit:
        """The misfit of a name that nothing carries; ``before`` is the path to its object."""
        place = before + (name or "''")
        guess = nearest(name, known)
        hint = f"Did you mean {guess!r}?" if guess else f"Known: {', '.join(known) or 'none'}"
        return cls(place, "is unknown", expected=", ".join(known), got=repr(name), hint=hint)

    @property
    def field(self) -> str:
        """The field that the place lies in."""
        return self.place.split(".", 1)[0].split("[", 1)[0]


def shown(value: Any) -> str:
    """A value in a few words, for a message: ``'five' (str)``, ``a list of 3``."""
    match value:
        case None | bool():
            return str(value)
        case Mapping():
            keys = [str(key) for key in cast("Mapping[Any, Any]", value)]
            more = ", …" if len(keys) > 5 else ""
            return f"an object with {', '.join(keys[:5])}{more}" if keys else "an empty object"
        case list() | tuple():
            count = len(cast("list[Any]", value))
            return f"a list of {count}" if count else "an empty list"
        case _:
            text = _repr(value)
            return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"


def _repr(value: Any) -> str:
    # Python refuses to spell an int of more than 4,300 digits.
    too_long = isinstance(value, int) and value.bit_length() > 10_000
    return "a huge number" if too_long else repr(value)


class Kind(ABC):
    """What a value may be. All kinds are frozen values themselves."""

    __slots__ = ()

    @abstractmethod
    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Return a typed copy of the value, or raise `Misfit` naming the place."""

    @abstractmethod
    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """Return the JSON schema; named types are put into ``definitions`` and referred to."""

    @abstractmethod
    def __str__(self) -> str:
        """Return the text form, which parses back to an equal kind."""

    def parts(self) -> tuple[Kind, ...]:
        """The kinds this one is made of."""
        return ()


_JSON_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


@dataclass(frozen=True, slots=True)
class Scalar(Kind):
    """``str``, ``int``, ``float``, ``bool``, ``None``, or ``object``: any JSON value."""

    name: Literal["str", "int", "float", "bool", "None", "object"]

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take exactly this type; see the module for the two conversions."""
        match self.name:
            case "object":
                return plain(value, place)
            case "None" if value is None:
                return None
            case "str" if isinstance(value, str):
                return value
            case "bool" if isinstance(value, bool):
                return value
            case "int" | "float" if isinstance(value, int | float) and not isinstance(value, bool):
                return self._number(value, place, care)
            case _:
                raise Misfit.wrong(place, self.name, value)

    def _number(self, value: int | float, place: str, care: Care) -> int | float:
        is_int = isinstance(value, int)
        if is_int is (self.name == "int"):
            return value
        if self.name == "float" and care != "exact" and value.bit_length() <= 1023:  # type: ignore[union-attr]
            return float(value)
        if not is_int and self.name == "int" and care == "replied" and value.is_integer():
            return int(value)
        raise Misfit.wrong(place, self.name, value)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """One JSON type; nothing for ``object``."""
        if self.name == "object":
            return {}
        return {"type": _JSON_TYPES.get(self.name, "null")}

    def __str__(self) -> str:
        return self.name


def plain(value: Any, place: str, expected: str = "object") -> Any:
    """A copy of a value that a row can carry, or the `Misfit` that says why none can."""
    try:
        return copied(value)
    except NotAValue as error:
        problem = f"must be a JSON value, but {error.message}"
    except TypeError:
        # Not text: half of a character, as a key.
        problem = "must be a JSON value, but has a key that is not text"
    raise Misfit(place, problem, expected=expected, got=shown(value))


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """``list[item]``; a tuple is read as a list, as everywhere in the log."""

    item: Kind

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take a list item by item."""
        if not isinstance(value, list | tuple):
            raise Misfit.wrong(place, str(self), value)
        items = cast("list[Any]", value)
        return [self.item.read(item, f"{place}[{i}]", care) for i, item in enumerate(items)]

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An array."""
        return {"type": "array", "items": self.item.schema(definitions)}

    def parts(self) -> tuple[Kind, ...]:
        """The item."""
        return (self.item,)

    def __str__(self) -> str:
        return f"list[{self.item}]"


@dataclass(frozen=True, slots=True)
class DictOf(Kind):
    """``dict[str, value]``: JSON objects have text for keys."""

    value: Kind

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take an object value by value."""
        if not isinstance(value, Mapping):
            raise Misfit.wrong(place, str(self), value)
        found: dict[str, Any] = {}
        for key, item in cast("Mapping[Any, Any]", value).items():
            if not isinstance(key, str) or not _is_text(key):
                raise Misfit(
                    place,
                    f"has the key {shown(key)}; keys are text",
                    expected=str(self),
                    got=shown(key),
                )
            found[key] = self.value.read(item, f"{place}.{key}", care)
        return found

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An object open to any key."""
        return {"type": "object", "additionalProperties": self.value.schema(definitions)}

    def parts(self) -> tuple[Kind, ...]:
        """The value."""
        return (self.value,)

    def __str__(self) -> str:
        return f"dict[str, {self.value}]"


def _is_text(key: str) -> bool:
    """Whether it can be encoded: a lone surrogate, half of a character, cannot."""
    return key.isascii() or not any("\ud800" <= character <= "\udfff" for character in key)


@dataclass(frozen=True, slots=True)
class OneOf(Kind):
    """``Literal[...]``: one of a few texts, ints, booleans or None, and nothing like them."""

    values: tuple[str | int | bool | None, ...]

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take one of the values, of the same type."""
        for known in self.values:
            if type(known) is type(value) and known == value:
                return known
        texts = [known for known in self.values if isinstance(known, str)]
        guess = nearest(value, texts) if isinstance(value, str) else None
        hint = f"Did you mean {guess!r}?" if guess else ""
        expected = ("one of " if len(self.values) > 1 else "") + ", ".join(map(repr, self.values))
        raise Misfit.wrong(place, expected, value, hint)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An enum."""
        kinds = {type(value).__name__ for value in self.values}
        only = _JSON_TYPES.get(kinds.pop()) if len(kinds) == 1 else None
        return {"type": only, "enum": list(self.values)} if only else {"enum": list(self.values)}

    def __str__(self) -> str:
        spelled = (
            json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
            for value in self.values
        )
        return f"Literal[{', '.join(spelled)}]"


@dataclass(frozen=True, slots=True)
class Either(Kind):
    """``a | b``: made by `either`, so never nested, never with an option twice."""

    options: tuple[Kind, ...]

    def read(self, value: Any, place: str, care: Care = "given") -> Any:
        """Take what the first fitting option takes, preferring no conversion."""
        deepest: Misfit | None = None
        # First without conversions: 1 is an int where `float | int` is wanted. Inside such an
        # attempt there is no second one, or each level of a nested value would double the work.
        attempts: tuple[Care, ...] = ("exact",) if care == "exact" else ("exact", care)
        for attempt in attempts:
            for option in self.options:
                try:
                    return option.read(value, place, attempt)
                except Misfit as misfit:
                    if deepest is None or len(misfit.place) > len(deepest.place):
                        deepest = misfit
        if deepest and len(deepest.place) > len(place):
            raise deepest
        raise Misfit.wrong(place, str(self), value)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """Any of the options."""
        return {"anyOf": [option.schema(definitions) for option in self.options]}

    def parts(self) -> tuple[Kind, ...]:
        """The options."""
        return self.options

    def __str__(self) -> str:
        return " | ".join(map(str, self.options))


def either(*options: Kind) -> Kind:
    """Join kinds into one that accepts any of them."""
    flat: list[Kind] = []
    for option in options:
        for part in option.options if isinstance(option, Either) else (option,):
            if part not in flat:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Either(tuple(flat))


def accepts(wanted: Kind, offered: Kind) -> bool:
    """Whether every value of one kind is one of the other, so that fields may be joined."""
    if wanted in (offered, OBJECT):
        return True
    if isinstance(offered, Either):
        return all(accepts(wanted, option) for option in offered.options)
    match wanted, offered:
        case Either(options), _:
            return any(accepts(option, offered) for option in options)
        case (ListOf(inner), ListOf(other)) | (DictOf(inner), DictOf(other)):
            return accepts(inner, other)
        case (OneOf() | Scalar(), OneOf(values)):
            return all(_takes(wanted, value) for value in values)
        case _:
            return (wanted, offered) == (FLOAT, INT)


def _takes(kind: Kind, value: Any) -> bool:
    try:
        kind.read(value, "")
    except Misfit:
        return False
    return True


def walk(kind: Kind) -> Iterator[Kind]:
    """The kind and all kinds inside it."""
    yield kind
    for part in kind.parts():
        yield from walk(part)


STR = Scalar("str")
INT = Scalar("int")
FLOAT = Scalar("float")
BOOL = Scalar("bool")
NONE = Scalar("None")
OBJECT = Scalar("object")
