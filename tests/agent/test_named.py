"""Records, choices, pydantic models and types given as schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agent.shapes import (
    TYPES,
    Aliased,
    Checked,
    Item,
    Mood,
    Node,
    Order,
    Point,
    Positive,
    Tree,
)
from workbench.agent.schema import fit
from workbench.agent.signature import Signature
from workbench.errors import InputError, ReplyError, SignatureError
from workbench.values import copied

LEAF = {"name": "b"}


def _signature(kind: str) -> Signature:
    return Signature.parse(f"given: {kind} -> made: {kind}", TYPES)


@pytest.mark.parametrize(
    ("kind", "plain", "typed"),
    [
        ("Mood", "calm", Mood.CALM),
        ("Point", {"x": 1}, Point(1.0)),
        ("list[Point] | None", [{"x": 1, "tags": ["a"]}], [Point(1.0, tags=["a"])]),
        ("Node", {"name": "a", "children": [{"name": "b"}]}, Node("a", [Node("b")])),
        ("Address", {"street": "s"}, {"street": "s"}),
        ("Address", {"street": "s", "number": 1}, {"street": "s", "number": 1}),
        ("Item", {"name": "a", "price": 1.5}, Item(name="a", price=1.5)),
        ("Order", {"items": [{"name": "a", "price": 1}]}, Order(items=[Item(name="a", price=1)])),
        ("Tree", {"name": "a", "children": [LEAF]}, Tree(name="a", children=[Tree(name="b")])),
        ("Aliased", {"outer": 1}, Aliased(outer=1)),
    ],
)  # fmt: skip
def test_values_come_back_as_the_python_type_from_replies_rows_and_programs(
    kind: str, plain: Any, typed: Any
) -> None:
    signature = _signature(kind)
    reply = signature.read_outputs({"made": plain})
    assert reply.made == typed
    assert type(reply.made) is type(typed)
    assert signature.read_outputs(copied(reply)) == reply
    assert signature.read_inputs({"given": typed}) == {"given": typed}
    assert signature.read_inputs({"given": plain}) == {"given": typed}
    assert fit(signature.output_schema(), {"made": plain}, "") == {"made": plain}
    assert Signature.parse(str(signature), signature.types) == signature


@pytest.mark.parametrize(
    ("kind", "plain", "place", "said"),
    [
        ("Mood", "clam", "made", "one of 'calm', 'loud'"),
        ("Point", {"x": "1"}, "made.x", "must be float"),
        ("Point", {"y": 1}, "made.x", "is missing"),
        ("Point", {"x": 1, "tag": []}, "made.tag", "Did you mean 'tags'?"),
        ("Point", [1, 2], "made", "must be Point"),
        ("Node", {"name": "a", "children": [{"nam": "b"}]}, "made.children[0].nam", "is unknown"),
        ("Positive", {"n": 0}, "made", "refused by Positive: n must be positive"),
        ("Address", {"number": 1}, "made.street", "is missing"),
        ("Order", {"items": [{"name": "a", "price": "1"}]}, "made.items[0].price", "valid number"),
        ("Order", {"items": [{"name": "a", "price": -1}]}, "made.items[0].price", "greater than"),
        ("Order", {"items": [], "mood": "sad"}, "made.mood", "'calm' or 'loud'"),
        ("Checked", {"n": 3}, "made.n", "odd"),
    ],
)
def test_a_misfit_inside_names_its_place(kind: str, plain: Any, place: str, said: str) -> None:
    with pytest.raises(ReplyError) as caught:
        _signature(kind).read_outputs({"made": plain})
    assert caught.value.data["place"] == place
    assert caught.value.data["field"] == "made"
    assert said in str(caught.value)


def test_an_instance_is_no_excuse_for_wrong_fields() -> None:
    wrong: Any = Point(x="1")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"'given\.x' must be float"):
        _signature("Point").read_inputs({"given": wrong})


def test_schemas_have_references_only_where_a_type_contains_itself() -> None:
    flat = _signature("Order").output_schema()
    assert "$" not in str(flat)
    assert flat["properties"]["made"]["properties"]["items"]["items"]["title"] == "Item"
    for kind in ("Node", "Tree"):
        deep = _signature(f"list[{kind}]").output_schema()
        assert deep["properties"]["made"]["items"] == {"$ref": f"#/$defs/{kind}"}
        assert list(deep["$defs"]) == [kind]
    assert "what it is called" in str(_signature("Node").output_schema())


def test_a_type_may_be_a_json_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "of": {"$ref": "#/$defs/Kind"}},
        "required": ["n"],
        "$defs": {"Kind": {"enum": ["a", "b"]}},
    }
    signature = Signature.parse("x -> parts: list[Part]", {"Part": schema})
    assert signature.read_outputs({"parts": [{"n": 1.0, "of": "a"}]}).parts == [{"n": 1, "of": "a"}]
    with pytest.raises(ReplyError, match=r"'parts\[0\]\.n' must be at least 1"):
        signature.read_outputs({"parts": [{"n": 0}]})
    with pytest.raises(ReplyError, match="must be one of 'a', 'b'"):
        signature.read_outputs({"parts": [{"n": 1, "of": "c"}]})
    assert "$" not in str(signature.output_schema())
    assert Signature.parse(str(signature), signature.types) == signature


@pytest.mark.parametrize(("levels", "last"), [(50, 1), (50, "x"), (400, 1)])
def test_deep_values_are_read_or_refused_at_once(levels: int, last: Any) -> None:
    value: dict[str, Any] = {"weight": last}
    for _ in range(levels):
        value = {"weight": 1, "next": value}
    text = json.dumps({"made": value})
    if last == 1 and levels < 100:
        assert _signature("Link").read_reply(text).made.next.next.weight == 1.0
    else:
        with pytest.raises(ReplyError, match=r"nested deeper|must be float"):
            _signature("Link").read_reply(text)


def test_two_types_of_one_name_are_refused() -> None:
    inner = {"$defs": {"Item": {"type": "string"}}, "$ref": "#/$defs/Item"}
    signature = Signature.parse("a -> b: Order, c: Other", {**TYPES, "Other": inner})
    with pytest.raises(SignatureError, match="two types are named 'Item'"):
        signature.output_schema()


def test_types_that_mean_nothing_are_refused() -> None:
    with pytest.raises(SignatureError, match="type 'Bytes': bytes has no meaning"):
        Signature.parse("a: Bytes -> b", {"Bytes": bytes})


def test_models_are_valid_by_themselves() -> None:
    assert Checked(n=2).n == Positive(2).n
