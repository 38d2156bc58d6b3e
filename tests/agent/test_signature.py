"""Signatures as values: reading what goes in, composing, and costing next to nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.generated import cases, json_values, signatures
from workbench.agent.fields import Field
from workbench.agent.kinds import STR
from workbench.agent.schema import fit
from workbench.agent.signature import Signature
from workbench.errors import InputError, ReplyError, SignatureError
from workbench.values import copied, dumps

DEBATE = Signature.parse("question: str, others: list[str] -> argument: str, confidence: float")


@given(cases())
def test_outputs_that_fit_are_read_and_read_again_from_their_row(
    case: tuple[Signature, dict[str, Any]],
) -> None:
    signature, outputs = case
    reply = signature.read_outputs(outputs)
    assert signature.read_outputs(copied(reply)) == reply
    assert dumps(signature.read_outputs(copied(reply))) == dumps(reply)


@given(cases())
def test_outputs_that_fit_also_fit_the_json_schema(case: tuple[Signature, dict[str, Any]]) -> None:
    signature, outputs = case
    assert fit(signature.output_schema(), outputs, "") == outputs


@given(signatures(), st.dictionaries(st.sampled_from(["f_a", "f_b", "x"]), json_values))
def test_any_inputs_are_read_or_an_input_error_naming_a_field(
    signature: Signature, inputs: dict[str, Any]
) -> None:
    outcome = _outcome(signature, inputs)
    if isinstance(outcome, InputError):
        assert outcome.data["field"]
    else:
        assert list(outcome) == [field.name for field in signature.inputs]


def _outcome(signature: Signature, inputs: dict[str, Any]) -> dict[str, Any] | InputError:
    try:
        return signature.read_inputs(inputs)
    except InputError as error:
        return error


@pytest.mark.parametrize(
    ("inputs", "field", "said"),
    [
        ({"qestion": "x", "others": []}, "qestion", "Did you mean 'question'?"),
        ({"question": "x"}, "others", "input 'others' is missing"),
        ({"question": 5, "others": []}, "question", "must be str, but is 5 (int)"),
        ({"question": "x", "others": ["a", 1]}, "others", "'others[1]' must be str"),
        ({"question": "x", "others": "a"}, "others", "must be list[str]"),
    ],
)
def test_a_wrong_input_is_named(inputs: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        DEBATE.read_inputs(inputs)
    assert caught.value.data["field"] == field
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("outputs", "field", "expected", "got"),
    [
        ({"argument": "x"}, "confidence", "float", "nothing"),
        ({"argument": "x", "confidence": "high"}, "confidence", "float", "'high' (str)"),
        ({"argument": "x", "confidence": True}, "confidence", "float", "True"),
        ({"argument": "x", "confidence": 1, "x": 1}, "x", "argument, confidence", "'x'"),
        ([], "", "an object", "an empty list"),
    ],
)
def test_a_wrong_output_is_named(outputs: Any, field: str, expected: str, got: str) -> None:
    with pytest.raises(ReplyError) as caught:
        DEBATE.read_outputs(outputs)
    data = caught.value.data
    assert (data["field"], data["expected"], data["got"]) == (field, expected, got)


def test_defaults_are_filled_in_and_not_shared() -> None:
    signature = Signature.parse("a: list[int] = [1] -> b: str, c: list[int] = []")
    signature.read_inputs({})["a"].append(2)
    assert signature.read_inputs({}) == {"a": [1]}
    reply = signature.read_outputs({"b": "x"})
    reply.c.append(1)
    assert signature.read_outputs({"b": "x"}).c == []


def test_schemas_say_all_that_a_provider_needs() -> None:
    signature = Signature.parse(
        'a: str -> verdict: Literal["yes", "no"] "the verdict", n: int | None = null, m: dict'
    )
    assert signature.output_schema() == {
        "type": "object",
        "properties": {
            "verdict": {"type": "string", "enum": ["yes", "no"], "description": "the verdict"},
            "n": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "m": {"type": "object", "additionalProperties": {}},
        },
        "required": ["verdict", "m"],
        "additionalProperties": False,
    }
    assert signature.input_schema()["required"] == ["a"]


def test_composition_feeds_outputs_into_inputs_of_the_same_name() -> None:
    draft = Signature.parse("topic -> draft, notes: list[str]", instructions="Write.", name="write")
    judge = Signature.parse(
        "draft, strict: bool -> grade: int", instructions="Judge.", name="judge"
    )
    both = draft >> judge
    assert str(both) == "topic: str, strict: bool -> grade: int"
    assert both.instructions == "Write.\n\nJudge."
    assert both.name == "write >> judge"
    assert str("a -> topic" >> both) == "a: str, strict: bool -> grade: int"
    assert str(draft >> "draft -> x") == "topic: str -> x: str"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("a -> b", "c -> d", "none of the outputs b is an input"),
        ("a -> b: str", "b: int -> d", "'b' is str as output, and the next signature wants int"),
        ("a: int -> b", "b, a: str -> d", "'a' is int in one signature and str in the next"),
        ("a -> b: str | None", "b: str -> d", "wants str"),
    ],
)
def test_what_does_not_fit_together_is_not_composed(first: str, second: str, said: str) -> None:
    with pytest.raises(SignatureError, match=said.replace("|", r"\|")):
        _ = Signature.parse(first) >> second


def test_composition_takes_what_is_wider() -> None:
    assert Signature.parse("a -> b: int") >> "b: float | None -> c"
    assert Signature.parse("a -> b: Literal['x']") >> "b: str -> c"
    assert Signature.parse("a -> b: list[int]") >> "b: object -> c"


def test_a_name_is_a_label_and_instructions_are_not() -> None:
    assert Signature.parse("a -> b", name="x") == Signature.parse("a -> b")
    assert Signature.parse("a -> b", instructions="x") != Signature.parse("a -> b")


def test_outputs_are_needed_and_have_usable_names() -> None:
    with pytest.raises(SignatureError, match="has no output"):
        Signature((Field("a", STR),), ())
    with pytest.raises(SignatureError, match="a reply needs that name itself"):
        Signature.parse("a -> keys")
    with pytest.raises(SignatureError, match="cannot be an attribute's name"):
        Signature((), (Field("a b", STR),))
    with pytest.raises(SignatureError, match="twice among the outputs"):
        Signature((), (Field("a", STR), Field("a", STR)))


def test_compiling_costs_far_less_than_a_millisecond() -> None:
    started = time.perf_counter()
    for _ in range(100):
        signature = Signature.parse("question: str, others: list[str] | None -> a: str, b: float")
        signature.output_schema()
    assert (time.perf_counter() - started) / 100 < 0.001


def test_signatures_tools_and_agents_load_nothing_heavy() -> None:
    program = (
        "import sys, workbench.agent.files, workbench.agent.prompt\n"
        "from workbench.agent.agent import Agent\n"
        "Agent('a', 'x: list[int] -> y: dict').signature.read_reply('{\"y\": {}}')\n"
        "heavy = {'pydantic', 'yaml', 'asyncio', 'sqlite3', 'httpx'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
