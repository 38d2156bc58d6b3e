"""Agents are values: checked when made, written as JSON, read back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.agent.shapes import TYPES
from tests.agent.test_forms import Review
from tests.agent.test_tool import search
from workbench.agent.agent import Agent, Example
from workbench.agent.signature import Signature
from workbench.errors import ConfigError, InputError, SignatureError, WorkbenchError
from workbench.values import copied

CRITIC = Agent(
    "critic",
    "draft -> verdict: Literal['good', 'bad'], why: str",
    instructions="Be fair.",
    tools=[search, "read_file"],
    model="playbook:tour",
    style="chain",
    max_rounds=3,
    options={"temperature": 0},
    examples=[{"draft": "x", "verdict": "good", "why": "short"}],
)


def test_a_signature_may_be_written_in_every_form() -> None:
    assert Agent("a", "x -> y").signature == Signature.parse("x -> y")
    assert Agent("a", Review).signature == Review.signature
    assert Agent("a", Review.signature).signature == Review.signature


def test_an_agent_is_a_value() -> None:
    assert replace(CRITIC, model=None).model is None
    assert replace(CRITIC, model="playbook:tour") == CRITIC
    assert CRITIC.tool_names == ("search", "read_file")
    with pytest.raises(AttributeError):
        CRITIC.name = "x"  # type: ignore[misc]


def test_a_definition_is_json_and_reads_back() -> None:
    definition = CRITIC.definition()
    assert copied(definition) == definition
    again = Agent.from_definition(definition)
    assert again == replace(CRITIC, tools=("search", "read_file"))
    assert again.definition() == definition


def test_a_definition_keeps_instructions_and_types_of_the_signature() -> None:
    agent = Agent("a", Review)
    definition = agent.definition()
    assert copied(definition) == definition
    assert Agent.from_definition(definition, TYPES) == agent
    foreign = Agent.from_definition(definition)
    assert foreign.signature.instructions == Review.signature.instructions
    outputs = {"verdict": "good", "where": {"x": 1.5}, "plain": "p"}
    assert foreign.signature.read_outputs(outputs) == outputs
    assert foreign.definition() == definition


@pytest.mark.parametrize("kind", ["Order", "Tree", "Node", "Mood", "Address"])
def test_every_type_survives_being_written_as_a_schema(kind: str) -> None:
    agent = Agent("a", Signature.parse(f"x -> y: list[{kind}]", TYPES))
    definition = agent.definition()
    again = Agent.from_definition(copied(definition))
    assert again.definition() == definition
    assert again.signature.output_schema() == agent.signature.output_schema()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"modle": "x"}, "agent 'a': key 'modle' is unknown. Did you mean 'model'?"),
        ({"max_rounds": "5"}, "key 'max_rounds' must be int, but is '5'"),
        ({"style": "chian"}, "key 'style' must be one of"),
        ({"tools": "read_file"}, "key 'tools' must be list[str | dict"),
        ({"signature": {"txt": "x -> y"}}, "signature of agent 'a': key 'txt' is unknown"),
        ({"signature": 5}, "key 'signature' must be str"),
    ],
)
def test_a_wrong_key_of_a_definition_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Agent.from_definition({"name": "a", "signature": "x -> y", **change})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ({"signature": "x: strr -> y"}, SignatureError, "no type 'strr'"),
        ({"name": " "}, InputError, "needs a name"),
        ({"style": "chian"}, InputError, "no style 'chian'. Did you mean 'chain'"),
        ({"max_rounds": 0}, InputError, "max_rounds must be an int from 1"),
        ({"max_rounds": True}, InputError, "max_rounds must be an int"),
        ({"tools": [len]}, InputError, "is not a tool. Write @tool above"),
        ({"tools": ["a", "a"]}, InputError, "has the tool 'a' twice"),
        ({"options": {"a": {1}}}, InputError, "options"),
        ({"examples": [{"x": "1", "z": "2"}]}, InputError, "example 1: input 'z' is unknown"),
        ({"examples": [{"x": "1", "y": 2}]}, InputError, "example 1: output 'y' must be str"),
    ],
)
def test_what_cannot_be_is_refused(
    settings: dict[str, Any], error: type[WorkbenchError], said: str
) -> None:
    parts: dict[str, Any] = {"name": "a", "signature": "x -> y", **settings}
    with pytest.raises(error) as caught:
        Agent(**parts)
    assert said in str(caught.value)


def test_examples_may_be_written_three_ways() -> None:
    ways: list[Any] = [
        Example({"x": "1"}, {"y": "2"}),
        {"inputs": {"x": "1"}, "outputs": {"y": "2"}},
        {"x": "1", "y": "2"},
    ]
    assert len({repr(Agent("a", "x -> y", examples=[way]).examples) for way in ways}) == 1


def test_options_are_copied() -> None:
    options = {"stop": ["a"]}
    agent = Agent("a", "x -> y", options=options)
    options["stop"].append("b")
    assert agent.options == {"stop": ["a"]}
