"""Foreign JSON schemas, checked as far as they say what fits where."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.generated import json_values
from workbench.agent.kinds import Misfit
from workbench.agent.schema import fit

NODE = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}},
    "required": ["name"],
}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, {"a": [1]}),
        (True, 1),
        ({"type": "string"}, "a"),
        ({"type": ["string", "null"]}, None),
        ({"type": "number"}, 1),
        ({"type": "integer"}, 1.0),
        ({"type": "strange"}, "a"),
        ({"enum": ["a", 1, None]}, None),
        ({"const": 5}, 5),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 2}, [1, 2]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 1),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "a"),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, "a"),
        ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, {"name": "a", "next": {"name": "b"}}),
        ({"$ref": "#/definitions/Node", "definitions": {"Node": {"type": "string"}}}, "a"),
        ({"$ref": "http://elsewhere/schema"}, 1),
    ],
)
def test_what_fits_is_returned(schema: Any, value: Any) -> None:
    assert fit(schema, value, "x") == value


@pytest.mark.parametrize(
    ("schema", "value", "place", "said"),
    [
        (False, 1, "x", "is not allowed"),
        ({"type": "string"}, 1, "x", "must be string, but is 1 (int)"),
        ({"type": "integer"}, True, "x", "must be integer"),
        ({"type": "integer"}, 1.5, "x", "must be integer"),
        ({"type": "integer"}, "1", "x", "must be integer"),
        ({"type": ["string", "null"]}, 1, "x", "must be string or null"),
        ({"enum": [1]}, True, "x", "must be one of 1"),
        ({"const": "a"}, "b", "x", "must be one of 'a'"),
        ({"minimum": 1}, 0, "x", "at least 1"),
        ({"maxLength": 2}, "abc", "x", "at most 2 characters"),
        ({"minItems": 1}, [], "x", "at least 1 items"),
        ({"items": {"type": "integer"}}, [1, "a"], "x[1]", "must be integer"),
        ({"properties": {"a": {"type": "string"}}}, {"a": 1}, "x.a", "must be string"),
        ({"properties": {}, "required": ["a"]}, {}, "x.a", "is missing"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, "x.b", "is unknown"),
        ({"anyOf": [{"type": "string"}, {"enum": [1]}]}, 2, "x", "must be string or [1]"),
        ({"$ref": "#/$defs/N", "$defs": {"N": NODE}}, {"next": {}}, "x.name", "is missing"),
        ({"$ref": "#"}, 1, "x", "nested too deep"),
    ],
)
def test_what_does_not_fit_is_named(schema: Any, value: Any, place: str, said: str) -> None:
    with pytest.raises(Misfit) as caught:
        fit(schema, value, "x")
    assert caught.value.place == place
    assert said in caught.value.problem


def test_a_schema_that_doubles_at_every_step_is_given_up() -> None:
    twice = {"anyOf": [{"properties": {"a": {"$ref": "#"}}}] * 2, "required": ["b"]}
    value: dict[str, Any] = {}
    for _ in range(60):
        value = {"a": value}
    with pytest.raises(Misfit, match="takes too long to check"):
        fit(twice, value, "x")
    with pytest.raises(Misfit, match="nested too deep"):
        fit({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1, "x")


WORDS = ["type", "properties", "items", "enum", "anyOf", "required", "additionalProperties", "$ref"]


@given(st.dictionaries(st.sampled_from(WORDS), json_values), json_values)
def test_no_schema_a_stranger_wrote_can_break_the_reading(schema: Any, value: Any) -> None:
    try:
        assert fit(schema, value, "x") == value
    except Misfit as misfit:
        assert misfit.problem  # noqa: PT017 - both ends are right
