"""Reading values strictly, and saying precisely what does not fit."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.generated import json_values, kinds, values_of
from workbench.agent.grammar import parse_type
from workbench.agent.kinds import Kind, Misfit, accepts, shown
from workbench.values import copied, dumps


@given(st.data(), kinds)
def test_a_value_of_a_kind_is_read_as_itself_and_again_from_its_row(
    data: st.DataObject, kind: Kind
) -> None:
    value = data.draw(values_of(kind))
    read = kind.read(value, "x", "replied")
    assert kind.read(copied(read), "x", "replied") == read
    assert dumps(read) == dumps(kind.read(value, "x"))


@given(kinds, json_values)
def test_any_value_is_read_or_a_misfit_that_names_its_place(kind: Kind, value: Any) -> None:
    outcome = _read(kind, value)
    if isinstance(outcome, Misfit):
        assert outcome.field == "x"
        assert outcome.problem
    else:
        assert kind.read(outcome, "x") == outcome


def _read(kind: Kind, value: Any) -> Any:
    try:
        return kind.read(value, "x", "replied")
    except Misfit as misfit:
        return misfit


@given(kinds, kinds, st.data())
def test_what_one_kind_accepts_of_another_it_reads(
    wanted: Kind, offered: Kind, data: st.DataObject
) -> None:
    if accepts(wanted, offered):
        wanted.read(data.draw(values_of(offered)), "x")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "5"),
        ("int", True),
        ("int", 1.0),
        ("int", 1.5),
        ("float", "1"),
        ("float", True),
        ("float", 10**400),
        ("bool", 1),
        ("bool", "true"),
        ("str", 5),
        ("str", None),
        ("None", False),
        ("list[int]", "12"),
        ("list[int]", {"0": 1}),
        ("dict[str, int]", [1]),
        ("dict[str, int]", {1: 1}),
        ("dict[str, int]", {"\ud800": 1}),
        ("Literal[1]", True),
        ("Literal[True]", 1),
        ("Literal['a']", "A"),
        ("object", {1, 2}),
        ("object", {1: 2}),
    ],
)
def test_nothing_is_guessed(kind: str, value: Any) -> None:
    with pytest.raises(Misfit) as caught:
        parse_type(kind).read(value, "x")
    assert caught.value.place == "x"


def test_two_conversions_lose_nothing_and_are_made() -> None:
    read = parse_type("float").read(1, "x")
    assert (read, type(read)) == (1.0, float)
    read = parse_type("int").read(1.0, "x", "replied")
    assert (read, type(read)) == (1, int)
    with pytest.raises(Misfit, match=r"must be int, but is 1\.5"):
        parse_type("int").read(1.5, "x", "replied")
    with pytest.raises(Misfit):
        parse_type("int").read(math.inf, "x", "replied")


def test_a_union_prefers_what_needs_no_conversion() -> None:
    for text in ("float | int", "int | float"):
        for value in (1, 1.0):
            read = parse_type(text).read(value, "x", "replied")
            assert type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "value", "place", "said"),
    [
        ("list[dict[str, int]]", [{}, {"a": "b"}], "x[1].a", "must be int, but is 'b' (str)"),
        ("list[int] | None", [1, "2"], "x[1]", "must be int"),
        ("list[int] | None", "no", "x", "must be list[int] | None, but is 'no' (str)"),
        ("Literal['good', 'bad']", "goood", "x", "must be one of 'good', 'bad'"),
        ("str", ["a"], "x", "but is a list of 1"),
        ("str", {"a": 1}, "x", "but is an object with a"),
        ("str", b"x" * 90, "x", "…"),
    ],
)
def test_a_misfit_names_place_expected_and_got(
    kind: str, value: Any, place: str, said: str
) -> None:
    with pytest.raises(Misfit) as caught:
        parse_type(kind).read(value, "x")
    assert caught.value.place == place
    assert said in caught.value.problem
    assert caught.value.expected
    assert caught.value.got


def test_a_near_literal_is_named() -> None:
    with pytest.raises(Misfit) as caught:
        parse_type("Literal['good', 'bad']").read("goood", "x")
    assert caught.value.hint == "Did you mean 'good'?"


def test_read_values_are_copies() -> None:
    given_value = [[1]]
    read = parse_type("list[list[int]]").read(given_value, "x")
    read[0].append(2)
    assert given_value == [[1]]


def test_a_tuple_is_a_list_as_everywhere_in_the_log() -> None:
    assert parse_type("list[int]").read((1, 2), "x") == [1, 2]


def test_a_huge_number_can_be_spoken_of() -> None:
    assert shown(10**5000) == "a huge number (int)"
