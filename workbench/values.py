"""What may travel: JSON values, their one canonical form, and the digest of it.

Arguments and results are copied through this form on their way into a row, so a workflow gets
the same object live and replayed. Four things JSON cannot say have a defined form, an object
whose only key starts with ``$``: integers beyond 64 bits (``$int``), NaN and the infinities
(``$float``), text with lone surrogates such as undecodable file names (``$text``), and objects
that use such a key themselves (``$object``). Never pickle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePath
from types import NoneType
from typing import Any, TypeAlias, cast

import orjson

from workbench.errors import NotAValue

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_SUBCLASS
_MARKS = {"$int", "$float", "$text", "$object"}


def dumps(value: Any) -> bytes:
    """Encode canonically: sorted keys, no spaces. Raises NotAValue naming the place."""
    try:
        data = orjson.dumps(value, default=_plain, option=_SORTED)
    except (TypeError, RecursionError, UnicodeEncodeError):
        return orjson.dumps(_spell(value, "value", 0), option=orjson.OPT_SORT_KEYS)
    # orjson writes NaN as null without a word, and an object may use one of our marks.
    if b'"$' in data or (b"null" in data and _may_hold_nan(value)):
        return orjson.dumps(_spell(value, "value", 0), option=orjson.OPT_SORT_KEYS)
    return data


def loads(data: bytes | str) -> Any:
    """Decode what ``dumps`` wrote."""
    value = orjson.loads(data)
    mark = b'"$' if isinstance(data, bytes) else '"$'
    return _read(value) if mark in data else value  # type: ignore[operator]


def digest(data: bytes | str, size: int = 16) -> str:
    """A hex digest (blake2b) of bytes; ``size`` bytes, so twice as many characters."""
    return blake2b(data if isinstance(data, bytes) else data.encode(), digest_size=size).hexdigest()


def copied(value: Any) -> Any:
    """The value as it will be read back from a row."""
    return loads(dumps(value))


def _may_hold_nan(value: Any) -> bool:
    """Whether a float that is no number is in there, or something that cannot be looked into."""
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_may_hold_nan, cast("dict[str, Any]", value).values()))
    if isinstance(value, (list, tuple)):
        return any(map(_may_hold_nan, cast("list[Any]", value)))
    return not isinstance(value, (str, int, NoneType))


def _plain(value: Any) -> Any:
    """One step down for what orjson does not know: models, dataclasses, tuples' kin, paths."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in _field_names(type(value))}
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, Any]", value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return str(value)
    for kind in _PLAIN_KINDS:
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(type(value).__name__)


@lru_cache(maxsize=512)
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))


_PLAIN_KINDS: tuple[Any, ...] = (str, int, float, list, dict)
"""What a subclass of them is reduced to."""


def _spell(value: Any, place: str, depth: int) -> Any:  # noqa: PLR0911 - one return a type
    """The slow, exact way: every special form written out, every refusal with its place."""
    if depth > 200:
        raise NotAValue(f"{place} is nested deeper than 200 levels")
    match value:
        case None | bool():
            return value
        case int():
            small = -(2**63) <= value < 2**63
            return int(value) if small else {"$int": str(int(value))}
        case float():
            return float(value) if math.isfinite(value) else {"$float": repr(float(value))}
        case str():
            return _spell_text(value)
        case list() | tuple():
            items = cast("list[Any]", value)
            return [_spell(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(items)]
        case dict():
            return _spell_object(cast("dict[Any, Any]", value), place, depth)
        case _:
            pass
    try:
        return _spell(_plain(value), place, depth + 1)
    except TypeError:
        raise NotAValue(f"{place} is a {type(value).__name__}, which no row can carry") from None


def _spell_text(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"$text": text.encode("utf-8", "surrogatepass").hex()}
    return str(text)


def _spell_object(value: dict[Any, Any], place: str, depth: int) -> Any:
    pairs: list[tuple[Any, Any]] = []
    for key, item in value.items():
        if not isinstance(key, str):
            raise NotAValue(f"{place} has the key {key!r}; keys are text")
        pairs.append((_spell_text(key), _spell(item, f"{place}.{key}", depth + 1)))
    plain = all(isinstance(key, str) for key, _ in pairs)
    if not plain or (len(pairs) == 1 and pairs[0][0] in _MARKS):
        return {"$object": sorted(([key, item] for key, item in pairs), key=repr)}
    return dict(pairs)


def _read(value: Any) -> Any:  # noqa: PLR0911 - one return a form
    if isinstance(value, list):
        return [_read(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    if len(found) == 1:
        match next(iter(found.items())):
            case "$int", str(text):
                return int(text)
            case "$float", str(text):
                return float(text)
            case "$text", str(text):
                return bytes.fromhex(text).decode("utf-8", "surrogatepass")
            case "$object", list():
                pairs = cast("list[tuple[str, Any]]", found["$object"])
                return {_read(key): _read(item) for key, item in pairs}
            case _:
                pass
    return {key: _read(item) for key, item in found.items()}
