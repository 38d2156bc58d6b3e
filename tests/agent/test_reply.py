"""Replies are values with attributes, and mappings."""

from __future__ import annotations

import copy
import pickle

import pytest

from workbench.agent.reply import Reply
from workbench.agent.signature import Signature
from workbench.values import copied, dumps

REPLY = Reply({"argument": "so", "confidence": 0.5})


def test_outputs_are_attributes_and_items() -> None:
    assert REPLY.argument == REPLY["argument"] == "so"
    assert dict(REPLY) == {**REPLY} == {"argument": "so", "confidence": 0.5}
    assert list(REPLY) == ["argument", "confidence"]
    assert "argument" in REPLY
    assert len(REPLY) == 2


def test_replies_are_equal_by_value() -> None:
    assert Reply({"a": 1}) == Reply({"a": 1}) == {"a": 1}
    assert Reply({"a": 1}) != Reply({"a": 2})
    assert Reply({"a": 1}) != "a"


def test_a_reply_travels_as_json_and_survives_copying() -> None:
    assert dumps({"said": [REPLY]}) == b'{"said":[{"argument":"so","confidence":0.5}]}'
    assert copied(REPLY) == REPLY
    assert copy.deepcopy(REPLY) == pickle.loads(pickle.dumps(REPLY)) == REPLY


def test_a_wrong_attribute_names_the_nearest_output() -> None:
    with pytest.raises(AttributeError, match="no output 'arguments'; did you mean 'argument'"):
        _ = REPLY.arguments
    with pytest.raises(AttributeError, match="there are argument, confidence"):
        _ = REPLY.zzz
    with pytest.raises(KeyError):
        _ = REPLY["zzz"]


def test_a_reply_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot be set"):
        REPLY.argument = "no"
    with pytest.raises(AttributeError, match="cannot be deleted"):
        del REPLY.argument


def test_outputs_may_be_named_like_a_mappings_methods() -> None:
    signature = Signature.parse("a -> items: list[str], values: int, get: str")
    reply = signature.read_outputs({"items": ["x"], "values": 1, "get": "y"})
    assert (reply.items, reply.values, reply.get) == (["x"], 1, "y")
    assert dict(reply) == {"items": ["x"], "values": 1, "get": "y"}
    assert copied(reply) == reply


def test_a_reply_shows_its_outputs_and_cuts_long_ones() -> None:
    assert repr(REPLY) == "Reply(argument='so', confidence=0.5)"
    assert len(repr(Reply({"a": "x" * 10_000}))) < 300
