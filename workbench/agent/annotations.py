"""Python annotations as kinds: what a type means in a signature, and which types mean nothing."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from enum import Enum
from functools import lru_cache, partial
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from workbench.agent.fields import LEFT_OUT, REQUIRED, Field
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
from workbench.agent.media import OF_CLASS
from workbench.agent.named import Choice, Model, Named, Record, SchemaType
from workbench.errors import SignatureError
from workbench.values import digest

_PLAIN: dict[Any, Kind] = {
    **OF_CLASS,
    str: STR,
    int: INT,
    float: FLOAT,
    bool: BOOL,
    None: NONE,
    NoneType: NONE,
    object: OBJECT,
    Any: OBJECT,
    list: ListOf(OBJECT),
    dict: DictOf(OBJECT),
}


def kind_of(annotation: Any, where: str = "") -> Kind:
    """The kind that an annotation means.

    Args:
        annotation: A resolved annotation (not text).
        where: Whose it is, for the message: ``parameter 'city'``.

    Raises:
        SignatureError: the type has no meaning in a signature.
    """
    if isinstance(annotation, Kind):
        return annotation
    try:
        plain = _PLAIN.get(annotation)
    except TypeError:
        plain = None
    if plain is not None:
        return plain
    origin = get_origin(annotation)
    found = _class(annotation) if origin is None else _generic(annotation, origin, where)
    if found is None:
        raise SignatureError(
            f"{where + ': ' if where else ''}{_spelled(annotation)} has no meaning in a signature",
            hint="Use str, int, float, bool, object, list, dict[str, …], Literal, X | None, "
            "a dataclass, a TypedDict, an Enum or a pydantic model",
        )
    return found


def _generic(annotation: Any, origin: Any, where: str) -> Kind | None:
    arguments = get_args(annotation)
    if origin is Annotated:
        name = f"{getattr(arguments[0], '__name__', 'type')}_{digest(_spelled(annotation), 3)}"
        return _constrained(name, annotation) or kind_of(arguments[0], where)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, UnionType):
        return either(*(kind_of(option, where) for option in arguments))
    if origin in (list, Sequence):
        return ListOf(kind_of(arguments[0], where))
    if origin in (dict, Mapping):
        return DictOf(kind_of(arguments[1], where)) if arguments[0] is str else None
    return None


def _literal(values: tuple[Any, ...]) -> Kind | None:
    plain = all(value is None or type(value) in (str, int, bool) for value in values)
    return OneOf(values) if plain else None


def _class(annotation: Any) -> Kind | None:
    return named(annotation.__name__, annotation) if isinstance(annotation, type) else None


def named(name: str, subject: Any) -> Named | None:
    """The kind of a Python type or JSON schema under a name, or None when it is neither."""
    if isinstance(subject, Mapping):
        return _schema_type(name, dict(cast("Mapping[str, Any]", subject)))
    if get_origin(subject) is Annotated:
        return _constrained(name, subject)
    # pydantic's own mark: its models and its dataclasses have it, and looking imports nothing.
    if hasattr(subject, "__pydantic_validator__"):
        return Model(name, subject)
    if is_record(subject):
        return Record(name, subject, partial(members_of, subject))
    return _choice(name, subject)


def _choice(name: str, subject: Any) -> Choice | None:
    if not isinstance(subject, type) or not issubclass(subject, Enum):
        return None
    plain = all(type(member.value) in (str, int, float, bool) for member in subject)
    return Choice(name, subject) if plain else None


def _constrained(name: str, annotation: Any) -> Model | None:
    """A type with constraints beside it, which are pydantic's to check; None if it has none."""
    extras = get_args(annotation)[1:]
    return None if all(isinstance(extra, str) for extra in extras) else Model(name, annotation)


def is_record(subject: Any) -> bool:
    """Whether this is the type of a dataclass or a TypedDict."""
    known = dataclasses.is_dataclass(subject) or is_typeddict(subject)
    return known and isinstance(subject, type)


def _schema_type(name: str, schema: dict[str, Any]) -> SchemaType:
    if "definitions" in schema:
        raise SignatureError(
            f"type {name!r} keeps its inner types under 'definitions'", hint="Use '$defs'"
        )
    return SchemaType(name, schema)


@lru_cache(maxsize=512)
def members_of(subject: type) -> tuple[Field, ...]:
    """The fields of a dataclass or TypedDict."""
    try:
        hints = get_type_hints(subject, include_extras=True)
    except NameError as error:
        raise SignatureError(
            f"type {subject.__name__!r}: {error}", hint="Define that type at module level"
        ) from None
    if not is_typeddict(subject):
        return tuple(
            Field(f.name, kind_of(hints[f.name], f"{subject.__name__}.{f.name}"),
                  described(hints[f.name]), _default(f))
            for f in dataclasses.fields(cast("Any", subject))
            if f.init
        )  # fmt: skip
    return tuple(
        Field(
            name,
            kind_of(_bare(hint), f"{subject.__name__}.{name}"),
            described(_bare(hint)),
            REQUIRED if _is_required(subject, name, hint) else LEFT_OUT,
        )
        for name, hint in hints.items()
    )


def _is_required(subject: Any, name: str, hint: Any) -> bool:
    # Python knows the keys only of annotations that were not text when the class was made.
    stated = get_origin(hint)
    return stated is Required or (stated is not NotRequired and name in subject.__required_keys__)


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint


def _default(found: dataclasses.Field[Any]) -> Any:
    if found.default_factory is not dataclasses.MISSING:
        return LEFT_OUT
    return REQUIRED if found.default is dataclasses.MISSING else found.default


def described(annotation: Any) -> str:
    """The text in ``Annotated[type, "text"]`` or in its pydantic Field; else the empty string."""
    if get_origin(annotation) is not Annotated:
        return ""
    for extra in get_args(annotation)[1:]:
        text = extra if isinstance(extra, str) else getattr(extra, "description", None)
        if isinstance(text, str):
            return text
    return ""


def _spelled(annotation: Any) -> str:
    return inspect.formatannotation(annotation)
