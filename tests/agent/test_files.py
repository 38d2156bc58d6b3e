"""Agent files: three formats, and what is said of each mistake."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.agent.agent import Agent
from workbench.agent.files import load_agent, load_agents
from workbench.errors import ConfigError

CRITIC = Agent(
    "critic",
    "draft -> verdict: Literal['good', 'bad']",
    instructions="Be fair.",
    tools=["read_file"],
    options={"temperature": 0.5},
    examples=[{"draft": "x", "verdict": "good"}],
)

TOML = """
name = "critic"
signature = "draft -> verdict: Literal['good', 'bad']"
instructions = "Be fair."
tools = ["read_file"]
options = { temperature = 0.5 }

[[examples]]
draft = "x"
verdict = "good"
"""

YAML = """
name: critic
signature: "draft -> verdict: Literal['good', 'bad']"
instructions: Be fair.
tools: [read_file]
options: {temperature: 0.5}
examples:
  - draft: x
    verdict: good
"""

JSON = """{
  "name": "critic",
  "signature": "draft -> verdict: Literal['good', 'bad']",
  "instructions": "Be fair.",
  "tools": ["read_file"],
  "options": {"temperature": 0.5},
  "examples": [{"draft": "x", "verdict": "good"}]
}"""


@pytest.mark.parametrize(
    ("text", "suffix"), [(TOML, ".toml"), (YAML, ".yaml"), (YAML, ".YML"), (JSON, ".json")]
)
def test_each_format_says_the_same(text: str, suffix: str) -> None:
    assert load_agent(text, suffix, "critic") == CRITIC


def test_a_file_may_hold_several_agents_by_name() -> None:
    toml = '[agents.a]\nsignature = "x -> y"\n[agents.b]\nsignature = "y -> z"\nmodel = "m"\n'
    yaml = 'agents:\n  a:\n    signature: "x -> y"\n  b: {signature: "y -> z", model: m}\n'
    expected = (Agent("a", "x -> y"), Agent("b", "y -> z", model="m"))
    assert load_agents(toml, ".toml", "f") == expected
    assert load_agents(yaml, ".yaml", "f") == expected
    with pytest.raises(ConfigError, match="one agent is wanted, and there are 'a', 'b'"):
        load_agent(toml, ".toml", "f")


def test_a_file_may_define_the_types_of_a_signature() -> None:
    text = (
        'name = "a"\n[signature]\ntext = "x -> parts: list[Part]"\ninstructions = "Split."\n'
        '[signature.types.Part]\ntype = "object"\nrequired = ["n"]\n'
        'properties.n.type = "integer"\n'
    )
    agent = load_agent(text, ".toml", "f")
    assert agent.signature.instructions == "Split."
    assert agent.signature.read_outputs({"parts": [{"n": 1}]}).parts == [{"n": 1}]


@pytest.mark.parametrize(
    ("suffix", "text", "line", "said"),
    [
        (".toml", 'name = "a"\nsignature = "x -> y"\nmodle = "m"', 3, "Did you mean 'model'?"),
        (".yaml", 'name: a\nsignature: "x -> y"\nmodle: m', 3, "key 'modle' is unknown"),
        (".json", '{"name": "a",\n"signature": "x -> y",\n"modle": 1}', 3, "key 'modle'"),
        (".toml", 'name = "a"\nmax_rounds = "5"\nsignature = "x -> y"', 2, "must be int"),
        (".toml", 'name = "a"\nmax_rounds = 0\nsignature = "x -> y"', 2, "an int from 1"),
        (".yaml", "name: a\n", None, "key 'signature' is missing"),
        (".yaml", "name: no\nsignature: x -> y\n", 1, "'name' must be str, but is False"),
        (".toml", 'name = "a"\nsignature = "x: strr -> y"', 2, "no type 'strr'"),
        (".yaml", 'agents:\n  a: {signature: "x -> y"}\n  b:\n    modle: m', 4, "'b': key 'modle'"),
        (".toml", '[agents.a]\nsignature="x -> y"\n[agents.b]\nsignature="x ->"', 4, "agent 'b'"),
        (".toml", 'x = 1\n[agents.a]\nsignature = "x -> y"', 1, "'x' stands beside 'agents'"),
        (".yaml", "agents: [a]", 1, "must hold agents by name"),
        (".yaml", "agents:\n  a: 5", 2, "agent 'a' has no keys"),
        (".toml", '[agents.a]\nname = "b"\nsignature = "x -> y"', 2, "agent 'a' is named 'b'"),
        (".toml", "name = ", 1, "this is not TOML"),
        (".json", "{\n,", 2, "this is not JSON"),
        (".json", '{"name": "a",\n"name": "b"}', 2, "'name' stands twice"),
        (".json", "[]", 1, "keys and values"),
        (".yaml", "a: b\n  c: [", 2, "this is not YAML"),
        (".yaml", "name: a\nname: b", 2, "'name' stands twice"),
        (".yaml", "!!python/object:os.system {}", 1, "the tag '!!python/object:os.system'"),
        (".yaml", "a: &x [*x]", 1, "contains itself"),
        (".yaml", "", 1, "keys and values"),
        (".yaml", "a: &x 1\nb: [" + "*x, " * 20 + "]", 2, "more than 16 aliases"),
        (".yaml", "a: " + "[" * 40 + "]" * 40, 1, "deeper than 32"),
        (".yaml", "a: [" + "1, " * 60_000 + "]", 1, "more than 50,000 values"),
        (".json", "[" * 100_000, None, "nested too deep"),
        (".toml", "a = " + "[" * 100_000, None, ""),
        (".toml", "a" * 1_000_001, None, "larger than 1,000,000 bytes"),
        (".ini", "", None, "no format of settings '.ini'"),
        (".yml2", "", None, "Did you mean '.yml'"),
        (".toml", 'name="a"\nsignature="x -> y"\nexamples=[{x=1}]', 3, "example 1"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_mistake_is_named_with_file_line_and_key(
    suffix: str, text: str, line: int | None, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_agents(text, suffix, "agents/x")
    assert said in str(caught.value)
    place = f"agents/x:{line}: " if line else "agents/x: "
    assert str(caught.value).startswith(place)
    assert caught.value.data["file"] == "agents/x"


@given(st.text(max_size=60), st.sampled_from([".toml", ".yaml", ".json"]))
def test_any_text_is_agents_or_a_config_error(text: str, suffix: str) -> None:
    _load(text, suffix)


@given(
    st.dictionaries(
        st.sampled_from(["name", "signature", "tools", "options", "examples", "model", "agents"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.integers()),
    )
)
def test_any_settings_are_agents_or_a_config_error(settings: dict[str, Any]) -> None:
    import json

    _load(json.dumps(settings), ".json")


def _load(text: str, suffix: str) -> None:
    try:
        load_agents(text, suffix, "f")
    except ConfigError as error:
        assert error.data["file"] == "f"  # noqa: PT017 - both ends are right
