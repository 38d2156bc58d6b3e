"""Samples fit their schemas."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.models.samples import sample

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string", "minLength": 200},
    {"type": "string", "maxLength": 3},
    {"type": "string", "pattern": "^[A-Z][0-9]$"},
    {"type": "string", "format": "date"},
    {"enum": ["accept", "revise"]},
    {"const": 7},
    {"type": ["null", "integer"], "minimum": 4},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "exclusiveMaximum": 5},
    {"type": "integer", "multipleOf": 7, "maximum": 20},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "maxItems": 0},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
    {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}},
    {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"type": "integer"}}}]},
    {"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "number"}}}], "type": "object"},
    {
        "$defs": {"Hero": {"type": "object", "properties": {"hp": {"type": "integer"}}}},
        "type": "object",
        "properties": {"heroes": {"type": "array", "items": {"$ref": "#/$defs/Hero"}}},
        "required": ["heroes"],
    },
    {
        "$defs": {
            "Tree": {
                "type": "object",
                "properties": {
                    "left": {"anyOf": [{"$ref": "#/$defs/Tree"}, {"type": "null"}]},
                    "kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
                },
                "required": ["left"],
            }
        },
        "$ref": "#/$defs/Tree",
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_sample_fits_its_schema(schema: dict[str, Any]):
    jsonschema.validate(sample(schema, {"q": "why is it so"}, "critic"), schema)


Made = dict[str, Any]


def integers(low: int, more: int) -> Made:
    return {"type": "integer", "minimum": low, "maximum": low + more}


def numbers(low: float) -> Made:
    return {"type": "number", "minimum": low}


def strings(least: int) -> Made:
    return {"type": "string", "minLength": least}


def choices(names: list[str]) -> Made:
    return {"enum": names}


def objects(parts: Made) -> Made:
    closed = {"required": list(parts), "additionalProperties": False}
    return {"type": "object", "properties": parts, **closed}


def arrays(part: Made, least: int) -> Made:
    return {"type": "array", "items": part, "minItems": least}


def unions(parts: list[Made]) -> Made:
    return {"anyOf": parts}


plain = st.one_of(
    st.builds(integers, st.integers(-50, 50), st.integers(0, 9)),
    st.builds(numbers, st.floats(-9, 9)),
    st.builds(strings, st.integers(0, 30)),
    st.builds(choices, st.lists(st.text(max_size=5), min_size=1)),
)


def nested(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.one_of(
        st.builds(objects, st.dictionaries(st.text(max_size=4), inner, max_size=4)),
        st.builds(arrays, inner, st.integers(0, 3)),
        st.builds(unions, st.lists(inner, min_size=1, max_size=3)),
    )


@given(st.recursive(plain, nested, max_leaves=8))
def test_any_schema_of_ours_is_answered_and_always_alike(schema: dict[str, Any]):
    made = sample(schema, {"question": "why"})
    jsonschema.validate(made, schema)
    assert sample(schema, {"question": "why"}) == made


def test_an_output_named_like_an_input_repeats_it_and_loops_end():
    schema = {
        "type": "object",
        "properties": {
            "draft": {"type": "string", "title": "Draft"},
            "done": {"type": "boolean"},
            "score": {"type": "number", "minimum": 0, "maximum": 1},
            "verdict": {"enum": ["accept", "revise"]},
        },
    }
    made = sample(schema, {"draft": "Once upon", "done": "no boolean"}, "editor")
    assert made == {"draft": "Once upon", "done": True, "score": 1.0, "verdict": "accept"}
