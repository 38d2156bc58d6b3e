"""Tools made of functions, and tools that bring their schema."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from pydantic import Field

from tests.agent.generated import json_values
from tests.agent.shapes import Item, Mood, Point
from workbench.agent.tool import Tool, tool
from workbench.errors import InputError, SignatureError, UnknownName
from workbench.permission.danger import Danger
from workbench.workflow.effects import Repeat


@tool
def search(
    query: str,
    limit: int = 10,
    order: Literal["new", "old"] = "new",
    tags: list[str] | None = None,
    extra: Annotated[dict[str, float], "weights"] = {},  # noqa: B006 - read, never changed
) -> list[str]:
    """Search the archive.

    Args:
        query: Words to look for.
        limit: The most results.
    """
    return [f"{query} {limit} {order} {tags} {extra}"]


@tool(name="place", description="Put it there.", repeat="pure", danger="SAFE", timeout_s=5)
async def put(at: Point, items: list[Item], mood: Mood = Mood.CALM) -> Any:
    """Not told."""
    return at, items, mood


def test_a_typed_function_becomes_a_tool() -> None:
    assert search.name == "search"
    assert search.description == "Search the archive."
    assert search.repeat is Repeat.UNSAFE
    assert search.floor is Danger.MEDIUM
    assert search.parameters == {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "Words to look for."},
            "limit": {"type": "integer", "description": "The most results.", "default": 10},
            "order": {"type": "string", "enum": ["new", "old"], "default": "new"},
            "tags": {
                "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
                "default": None,
            },
            "extra": {
                "type": "object",
                "additionalProperties": {"type": "number"},
                "description": "weights",
                "default": {},
            },
        },
        "required": ["query"],
        "additionalProperties": False,
    }
    spec = search.spec()
    assert (spec.name, spec.parameters) == ("search", search.parameters)


def test_settings_of_a_tool() -> None:
    assert (put.name, put.description, put.timeout_s) == ("place", "Put it there.", 5)
    assert (put.repeat, put.floor) == (Repeat.PURE, Danger.SAFE)
    with pytest.raises(UnknownName, match=r"no danger level 'MEDUIM'\. Did you mean 'MEDIUM'"):
        tool(danger="MEDUIM")(_measure)
    with pytest.raises(UnknownName, match=r"no repeat class 'unsaef'\. Did you mean 'unsafe'"):
        tool(repeat="unsaef")(_measure)


def _measure(text: str) -> int:
    return len(text)


@tool
def grade(level: Annotated[int, Field(ge=1, le=5, description="how good")]) -> int:
    """Grade it."""
    return level


def test_constraints_of_a_parameter_are_kept() -> None:
    assert grade.read({"level": 5}) == {"level": 5}
    assert grade.parameters["properties"]["level"]["maximum"] == 5
    assert grade.parameters["properties"]["level"]["description"] == "how good"
    with pytest.raises(InputError, match="less than or equal to 5"):
        grade.read({"level": 6})


def test_arguments_are_checked_copied_and_completed() -> None:
    read = search.read({"query": "a", "limit": 3.0})
    assert read == {"query": "a", "limit": 3, "order": "new", "tags": None, "extra": {}}
    assert search.function
    assert search.function(**read) == ["a 3 new None {}"]


@pytest.mark.parametrize(
    ("arguments", "field", "said"),
    [
        ({"qery": "a"}, "qery", "argument 'qery' is unknown. Did you mean 'query'?"),
        ({}, "query", "argument 'query' is missing"),
        ({"query": "a", "limit": "3"}, "limit", "must be int, but is '3'"),
        ({"query": "a", "order": "mew"}, "order", "Did you mean 'new'?"),
        ({"query": "a", "tags": [1]}, "tags", "'tags[0]' must be str"),
        (["a"], "", "the arguments must be an object"),
    ],
)
def test_wrong_arguments_are_named(arguments: Any, field: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        search.read(arguments)
    assert said in str(caught.value)
    assert caught.value.data["field"] == field
    assert caught.value.data["tool"] == "search"


def test_records_travel_as_json_and_reach_the_function_as_their_types() -> None:
    read = put.read({"at": {"x": 1}, "items": [{"name": "a", "price": 1.0}], "mood": "loud"})
    assert read["at"] == {"x": 1.0, "y": 0.0, "tags": []}
    assert read["mood"] == "loud"
    assert put.function
    assert inspect.iscoroutinefunction(put.function)
    assert asyncio.run(put.function(**read)) == (
        Point(1.0),
        [Item(name="a", price=1.0)],
        Mood.LOUD,
    )
    with pytest.raises(InputError, match=r"'items\[0\]\.price' does not fit Item"):
        put.read({"at": {"x": 1}, "items": [{"name": "a", "price": -1.0}]})


def test_a_parameter_that_cannot_be_given_is_refused() -> None:
    def loose(*names: str, **more: str) -> None: ...
    def bare(name: Any) -> None: ...
    def by_place(name: str, /) -> None: ...

    del bare.__annotations__["name"]
    functions: list[tuple[Callable[..., Any], str]] = [
        (loose, "loose: parameter 'names' cannot be given by name"),
        (bare, "bare: parameter 'name' has no type"),
        (by_place, "by_place: parameter 'name' cannot be given by name"),
    ]
    for function, said in functions:
        with pytest.raises(SignatureError, match=said):
            tool(function)


FOREIGN = Tool(
    "remote",
    "Far away.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "mode": {"anyOf": [{"enum": ["r", "w"]}, {"type": "null"}]},
            "where": {"type": "object", "properties": {"line": {"type": "integer"}}},
        },
        "required": ["path"],
    },
)


def test_a_foreign_schema_is_checked_too() -> None:
    given = {"path": "a", "mode": None, "where": {"line": 1, "more": 2}}
    assert FOREIGN.read(given) == given
    assert FOREIGN.read(given) is not given
    for arguments, said in (
        ({"pth": "a"}, "'pth' is unknown. Did you mean 'path'"),
        ({"mode": "r"}, "'path' is missing"),
        ({"path": 1}, "'path' must be string"),
        ({"path": "a", "mode": "x"}, "'mode' must be"),
        ({"path": "a", "where": {"line": "1"}}, r"'where\.line' must be integer"),
    ):
        with pytest.raises(InputError, match=said):
            FOREIGN.read(arguments)


def test_a_schema_that_says_nothing_takes_anything() -> None:
    anything = Tool("any", "", {"type": "object"})
    assert anything.read({"x": [1]}) == {"x": [1]}
    opened = Tool("open", "", {"properties": {"a": {}}, "additionalProperties": True})
    assert opened.read({"b": 1}) == {"b": 1}
    with pytest.raises(InputError, match="must be a JSON value"):
        anything.read({"x": {1, 2}})


@given(json_values)
def test_any_arguments_are_read_or_an_input_error(arguments: Any) -> None:
    for one in (search, FOREIGN, put):
        try:
            one.read(arguments)
        except InputError as error:
            assert error.message  # noqa: PT017 - both ends are right


def test_the_digest_changes_with_what_a_model_is_told() -> None:
    same = Tool("remote", "Far away.", dict(FOREIGN.parameters), timeout_s=1)
    assert same.digest == FOREIGN.digest
    assert Tool("remote", "Far away!", FOREIGN.parameters).digest != FOREIGN.digest
