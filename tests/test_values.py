from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workbench.errors import NotAValue
from workbench.values import copied, digest, dumps, loads

any_text = st.text(st.characters(codec=None, exclude_categories=()))
"""Lone surrogates included."""
keys = any_text | st.sampled_from(["$int", "$float", "$text", "$object", "$agent", ""])
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=True, allow_infinity=True)
    | any_text
)
values = st.recursive(
    leaves,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(keys, inside, max_size=4),
    max_leaves=20,
)


def _same(left: Any, right: Any) -> bool:
    """Equal, of the same types, and NaN equals NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        items = cast("list[Any]", left)
        return len(items) == len(right) and all(map(_same, items, right))
    if isinstance(left, dict):
        named = cast("dict[str, Any]", left)
        return named.keys() == right.keys() and all(_same(named[k], right[k]) for k in named)
    return bool(left == right)


@given(values)
@example({"\ud800": None})
@example({"\ud800": None, "a": {"$text": 1}})
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    assert _same(loads(dumps(value)), value)


@given(values)
def test_text_and_bytes_are_read_alike(value: Any) -> None:
    assert _same(loads(dumps(value).decode()), loads(dumps(value)))


@given(values)
def test_writing_is_canonical_so_a_copy_is_written_alike(value: Any) -> None:
    assert dumps(copied(value)) == dumps(value)


@given(st.dictionaries(keys, leaves, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], dice: Any) -> None:
    shuffled = list(value.items())
    dice.shuffle(shuffled)
    assert dumps(dict(shuffled)) == dumps(value)


@given(st.lists(values, min_size=2, max_size=2))
def test_different_values_are_written_differently(pair: list[Any]) -> None:
    left, right = pair
    assert (dumps(left) == dumps(right)) == _same(left, right)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        (2**64, b'{"$int":"18446744073709551616"}'),
        (-(2**63), b"-9223372036854775808"),
        (math.inf, b'{"$float":"inf"}'),
        (math.nan, b'{"$float":"nan"}'),
        ("\udc80", b'{"$text":"edb280"}'),
        ({"$int": 1}, b'{"$object":[["$int",1]]}'),
        ({"$object": {"$text": "x"}}, b'{"$object":[["$object",{"$object":[["$text","x"]]}]]}'),
        ({"$agent": {"name": "a"}}, b'{"$agent":{"name":"a"}}'),
    ],
)
def test_special_values_have_the_form_that_is_written_down(value: Any, written: bytes) -> None:
    assert dumps(value) == written
    assert _same(loads(written), value)


class Colour(Enum):
    RED = "red"


class Name(str):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: tuple[int, ...]


def test_what_is_more_than_json_is_written_as_what_it_holds() -> None:
    given_value = {
        "colour": Colour.RED,
        "point": Point(1, (2, 3)),
        "path": PurePosixPath("a/b"),
        "name": Name("n"),
        "deep": {"nan": math.nan, "point": Point(4, ())},
    }
    read = copied(given_value)
    assert math.isnan(read["deep"].pop("nan"))
    assert read == {
        "colour": "red",
        "point": {"x": 1, "y": [2, 3]},
        "path": "a/b",
        "name": "n",
        "deep": {"point": {"x": 4, "y": []}},
    }


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (threading.Lock(), "value is a lock"),
        ({"a": [1, {"b": object()}]}, r"value\.a\[1\]\.b is a object"),
        ({"a": {3: "x"}}, r"value\.a has the key 3; keys are text"),
        ([{"f": print}], r"value\[0\]\.f is a builtin_function_or_method"),
        ({"s": {1, 2}}, r"value\.s is a set"),
        ([b"bytes"], r"value\[0\] is a bytes"),
    ],
)
def test_what_no_row_can_carry_is_refused_naming_the_place(value: Any, place: str) -> None:
    with pytest.raises(NotAValue, match=place):
        dumps(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(NotAValue, match="nested deeper than 200 levels"):
        dumps(circle)


def test_a_copy_shares_nothing_with_what_was_copied() -> None:
    inner = [1]
    copy = copied({"a": inner})
    inner.append(2)
    assert copy == {"a": [1]}


def test_a_digest_does_not_change_between_releases() -> None:
    """Digests stand in logs: this one was written down with the first release."""
    assert digest(dumps({"b": [1, None, "x"], "a": 2**70}), 8) == "d4c69dfa082f4a4b"
    assert digest("text") == digest(b"text")
    assert len(digest(b"", 12)) == 24
