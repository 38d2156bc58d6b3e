"""Wire forms, drafts and the words of failures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models.requests import asked, ignore
from workbench.agent.conversation import Entry, ToolCall, Usage
from workbench.errors import ModelError, ModelUnreachable
from workbench.models.drafts import Draft
from workbench.models.failures import failed, refused, retry_after
from workbench.models.wire import encode, numbered, ollama_messages, openai_messages


def test_results_find_their_calls_by_id_then_name_then_order():
    calls = (ToolCall("a", {}, "k1"), ToolCall("b", {}, "k2"), ToolCall("a", {}, "k1"))
    entries = (
        Entry("assistant", "", calls),
        Entry("tool", "", call_id="k2", name="b"),
        Entry("tool", "", call_id="k1", name="a"),
        Entry("tool", "", call_id="other", name="a"),
        Entry("tool", "", call_id="lost", name="x"),
    )
    ids = [ids for _, ids in numbered(entries)]
    called = ("call_1", "call_2", "call_3")
    assert ids == [called, ("call_2",), ("call_1",), ("call_3",), ("call_0",)]


names = st.sampled_from(["a", "b"])
conversations = st.lists(
    st.lists(st.tuples(names, st.text(max_size=3)), min_size=1, max_size=3), max_size=4
)


@given(conversations)
def test_wire_ids_are_unique_and_every_result_answers_one_call(rounds: list[Any]):
    entries: list[Entry] = []
    for calls in rounds:
        made = tuple(ToolCall(name, {}, key) for name, key in calls)
        entries.append(Entry("assistant", "", made))
        entries += [Entry("tool", "x", call_id=c.id, name=c.name) for c in reversed(made)]
    found = list(numbered(entries))
    called = [i for entry, ids in found if entry.role == "assistant" for i in ids]
    answered = [i for entry, ids in found if entry.role == "tool" for i in ids]
    assert len(set(called)) == len(called)
    assert sorted(called) == sorted(answered)


def test_a_system_text_that_is_empty_is_left_out():
    for messages in (ollama_messages, openai_messages):
        assert [m["role"] for m in messages(asked(system=""))] == ["user"]


def test_what_utf8_cannot_say_is_sent_as_question_marks():
    assert json.loads(encode({"a": ["\ud800x", 2**70]})) == {"a": ["?x", 2**70]}
    assert json.loads(encode({"\udfff": 1})) == {"?": 1}


def test_an_empty_draft_never_becomes_a_reply():
    draft = Draft("m", ignore)
    draft.say(" \n")
    draft.think("hm")
    with pytest.raises(ModelError, match="m answered nothing but its thinking"):
        draft.whole(model="m", usage=Usage())


def test_arguments_may_be_missing_but_not_wrong():
    draft = Draft("m", ignore)
    draft.call("a", None)
    draft.call("a", "")
    draft.call("a", '{"x": 1}')
    assert [call.arguments for call in draft.calls] == [{}, {}, {"x": 1}]
    for wrong in ("[1]", "{", 3, [1]):
        with pytest.raises(ModelError):
            draft.call("a", wrong)


def test_retry_after_may_be_seconds_or_a_date():
    assert retry_after({"Retry-After": "2.5"}) == 2.5
    assert retry_after({"retry-after": "-3"}) == 0.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = retry_after({"retry-after": soon})
    assert found is not None
    assert 50 < found <= 60
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_reasons_choose_the_class_and_whether_to_retry():
    assert isinstance(failed("x", "unreachable"), ModelUnreachable)
    assert failed("x", "empty").data["retry"] is True
    assert failed("x", "too_big").data["retry"] is False
    error = refused("m", 408, "slow", {})
    assert (error.data["reason"], error.data["retry"]) == ("timeout", True)
    assert refused("m", 403, "", {}).message == "m answered 403"
