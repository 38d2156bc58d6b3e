"""A run is a cassette: its rows answer what was asked then, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.models.requests import after_tool, asked, ignore
from workbench.agent.conversation import Conversation, Entry, ModelReply, ModelRequest, ToolCall
from workbench.errors import ModelError, ModelUnreachable
from workbench.journal.events import Event
from workbench.models.recorded import RecordedModel

HELLO = (Entry("user", "Hello"),)


def row(seq: int, kind: str, key: str, **data: Any) -> Event:
    return Event("run", seq, 0.0, kind, key, {"effect": "model", **data})


def started(seq: int, key: str, entries: tuple[Entry, ...], agent: str = "critic") -> Event:
    head = Conversation().add(*entries).head
    return row(seq, "step.started", key, arguments={"agent": agent, "head": head})


def finished(seq: int, key: str, text: str, **result: Any) -> Event:
    usage = {"input_tokens": 5, "output_tokens": 2, "cost_usd": 0.1}
    return row(seq, "step.finished", key, result={"text": text, "usage": usage, **result})


ROWS = [
    started(1, "a", HELLO),
    started(2, "b", HELLO),
    finished(3, "b", "first"),
    finished(4, "a", "second"),
    started(5, "c", after_tool("4")),
    finished(6, "c", "", calls=[{"name": "add", "arguments": {"a": 1}}], finish="tools"),
    started(7, "d", (Entry("user", "Fail"),)),
    row(8, "step.failed", "d", error={"code": "model_unreachable", "message": "gone", "data": {}}),
    Event("run", 9, 0.0, "step.finished", "x", {"effect": "tool", "result": "no model"}),
]


def say(model: RecordedModel, request: ModelRequest) -> ModelReply:
    return asyncio.run(model.complete(request, ignore))


def test_answers_are_found_by_conversation_and_given_in_row_order():
    model = RecordedModel.of("run", ROWS)
    assert say(model, asked(agent="critic", entries=HELLO)).text == "first"
    reply = say(model, asked(agent="critic", entries=HELLO))
    assert (reply.text, reply.usage.input_tokens, reply.usage.cost_usd) == ("second", 5, 0.0)
    called = say(model, asked(agent="critic", entries=after_tool("4")))
    assert (called.calls, called.finish) == ((ToolCall("add", {"a": 1}),), "tools")


def test_what_was_never_asked_is_an_error_that_names_it():
    model = RecordedModel.of("run", ROWS)
    with pytest.raises(ModelError, match=r"no answer for critic after 1 entries: 'Bye'") as caught:
        say(model, asked(agent="critic", entries=(Entry("user", "Bye"),)))
    assert caught.value.data["reason"] == "unrecorded"
    assert caught.value.data["retry"] is False
    with pytest.raises(ModelError, match="It has answers of critic"):
        say(model, asked(agent="nobody", entries=HELLO))


def test_an_answer_is_given_once():
    model = RecordedModel.of("run", ROWS)
    for _ in range(2):
        say(model, asked(agent="critic", entries=HELLO))
    with pytest.raises(ModelError, match="already given"):
        say(model, asked(agent="critic", entries=HELLO))


def test_a_failure_is_recorded_too():
    model = RecordedModel.of("run", ROWS)
    with pytest.raises(ModelUnreachable, match="gone") as caught:
        say(model, asked(agent="critic", entries=(Entry("user", "Fail"),)))
    assert caught.value.data["retry"] is False


def test_without_a_head_the_inputs_name_the_request():
    started_by_inputs = row(
        1, "step.started", "p/0:ask.critic/0:model", arguments={"inputs": {"q": 1}}
    )
    model = RecordedModel.of(
        "run", [started_by_inputs, finished(2, "p/0:ask.critic/0:model", "yes")]
    )
    assert say(model, asked(agent="critic", inputs={"q": 1})).text == "yes"
