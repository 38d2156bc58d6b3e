"""A run is a cassette: its rows answer what was asked then, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.models.requests import asked, ignore
from workbench.agent.conversation import Conversation, Entry, ModelReply, ModelRequest, ToolCall
from workbench.errors import ModelError, ModelUnreachable
from workbench.journal.events import Event
from workbench.models.recorded import RecordedModel

PROMPT = Entry("user", "question: why")
INPUTS = {"question": "why"}
CALL = {"name": "add", "arguments": {"a": 1}, "id": "then-0"}


def spoken(call_id: str, result: str = "4") -> tuple[Entry, ...]:
    call = ToolCall("add", {"a": 1}, call_id)
    return (Entry("assistant", "", (call,)), Entry("tool", result, call_id=call_id, name="add"))


class Tape:
    """A run's rows as the gate writes them."""

    def __init__(self) -> None:
        self.rows: list[Event] = []

    def add(self, kind: str, key: str, effect: str, **data: Any) -> None:
        row = Event("run", len(self.rows) + 1, 0.0, kind, key, {"effect": effect, **data})
        self.rows.append(row)

    def turn(self, key: str, agent: str = "critic", inputs: dict[str, str] = INPUTS) -> None:
        self.add("step.started", key, "ask", arguments={"inputs": inputs}, scope=True, name=agent)

    def start(self, key: str, *entries: Entry, agent: str = "critic") -> None:
        head = Conversation().add(*entries).head
        self.add("step.started", key, "model", arguments={"agent": agent, "head": head})

    def finish(self, key: str, text: str, **result: Any) -> None:
        usage = {"input_tokens": 5, "output_tokens": 2, "cost_usd": 0.1}
        result = {"text": text, "finish": "stop", **result}
        self.add("step.finished", key, "model", result=result, usage=usage)


def say(model: RecordedModel, request: ModelRequest) -> ModelReply:
    return asyncio.run(model.complete(request, ignore))


def critic(*entries: Entry, prompt: Entry = PROMPT, **rest: Any) -> ModelRequest:
    found: dict[str, Any] = {"agent": "critic", "inputs": INPUTS, **rest}
    return asked(entries=(prompt, *entries), **found)


@pytest.fixture
def tape() -> Tape:
    tape = Tape()
    tape.turn("p/0:ask.critic")
    tape.start("p/0:ask.critic/0:model")
    tape.finish("p/0:ask.critic/0:model", "", calls=[CALL], finish="tools")
    tape.add("step.finished", "p/0:ask.critic/1:tool.add", "tool", result="4")
    tape.start("p/0:ask.critic/2:model", *spoken("then-0"))
    tape.finish("p/0:ask.critic/2:model", "done")
    return tape


def test_a_turn_is_played_again_whatever_its_call_ids_and_prompt_are_now(tape: Tape):
    model = RecordedModel.of("run", tape.rows)
    first = say(model, critic(prompt=Entry("user", "The question, reworded: why")))
    assert ([call.name for call in first.calls], first.finish) == (["add"], "tools")
    last = say(model, critic(*spoken("another-id")))
    assert (last.text, last.usage.input_tokens, last.usage.cost_usd) == ("done", 5, 0.0)


def test_another_tool_result_or_other_inputs_were_never_asked(tape: Tape):
    model = RecordedModel.of("run", tape.rows)
    with pytest.raises(ModelError, match="no answer for critic after 3 entries: '5'") as caught:
        say(model, critic(*spoken("x", result="5")))
    assert caught.value.data["reason"] == "unrecorded"
    assert caught.value.data["retry"] is False
    with pytest.raises(ModelError, match=r"The nearest it was asked: .*why"):
        say(model, critic(inputs={"question": "how"}))
    with pytest.raises(ModelError, match="It has turns of critic"):
        say(model, critic(agent="nobody"))


def test_turns_alike_are_given_in_their_order_and_then_again():
    tape = Tape()
    for number in range(2):
        key = f"p/0:together/{number}/0:ask.critic"
        tape.turn(key)
        tape.start(f"{key}/0:model")
        tape.finish(f"{key}/0:model", f"answer {number}")
    model = RecordedModel.of("run", tape.rows)
    answers = ["answer 0", "answer 1", "answer 0"]
    assert [say(model, critic()).text for _ in range(3)] == answers


def test_what_a_person_said_then_must_be_said_again(tape: Tape):
    tape.rows[-1].data["result"]["steered"] = ["hurry"]
    model = RecordedModel.of("run", tape.rows)
    with pytest.raises(ModelError, match="no answer"):
        say(model, critic(*spoken("x")))
    assert say(model, critic(*spoken("x"), Entry("user", "hurry"))).text == "done"


def test_a_failure_is_recorded_too():
    tape = Tape()
    tape.start("p/0:ask.critic/0:model")
    error = {"code": "model_unreachable", "message": "gone", "data": {"reason": "unreachable"}}
    tape.add("step.failed", "p/0:ask.critic/0:model", "model", error=error)
    with pytest.raises(ModelUnreachable, match="gone") as caught:
        say(RecordedModel.of("run", tape.rows), critic())
    assert caught.value.data == {"reason": "unreachable", "retry": False}


def test_a_call_that_never_ended_has_no_answer(tape: Tape):
    model = RecordedModel.of("run", tape.rows[:-1])
    with pytest.raises(ModelError, match="no answer"):
        say(model, critic(*spoken("x")))
