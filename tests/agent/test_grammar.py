"""The text form: what it means, that it prints back, and how it complains."""

from __future__ import annotations

from enum import Enum
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.generated import kinds, signatures
from workbench.agent.grammar import parse_type
from workbench.agent.kinds import (
    BOOL,
    FLOAT,
    INT,
    NONE,
    OBJECT,
    STR,
    DictOf,
    Kind,
    ListOf,
    OneOf,
    either,
)
from workbench.agent.signature import Signature
from workbench.errors import SignatureError


class Mood(Enum):
    CALM = "calm"
    LOUD = "loud"


@given(signatures())
def test_what_a_signature_prints_parses_back_to_it(signature: Signature) -> None:
    assert Signature.parse(str(signature)) == signature


@given(kinds)
def test_what_a_type_prints_parses_back_to_it(kind: Kind) -> None:
    assert parse_type(str(kind)) == kind


@given(st.text(st.sampled_from("ab:,->=|[]\"' \nlistrd1") | st.characters(), max_size=40))
def test_any_text_is_a_signature_or_a_signature_error(text: str) -> None:
    try:
        signature = Signature.parse(text)
    except SignatureError:
        return
    assert Signature.parse(str(signature)) == signature


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("str", STR),
        ("int", INT),
        ("float", FLOAT),
        ("bool", BOOL),
        ("object", OBJECT),
        ("list", ListOf(OBJECT)),
        ("list[list[int]]", ListOf(ListOf(INT))),
        ("dict", DictOf(OBJECT)),
        ("dict[str, float]", DictOf(FLOAT)),
        ("Optional[str]", either(STR, NONE)),
        ("str | None", either(STR, NONE)),
        ("int|str|int", either(INT, STR)),
        ("Literal['a', \"b\", 1, true, None]", OneOf(("a", "b", 1, True, None))),
        ("Literal['it\\'s']", OneOf(("it's",))),
        ("list[Literal[1, 2] | None]", ListOf(either(OneOf((1, 2)), NONE))),
    ],
)
def test_types_mean_what_they_mean_in_python(text: str, kind: Kind) -> None:
    assert parse_type(text) == kind


def test_a_field_has_name_type_description_and_default() -> None:
    signature = Signature.parse(
        'question, tone: str "how to speak" = "dry", limit: int = 3 "at most"\n -> answer'
    )
    question, tone, limit = signature.inputs
    assert (question.name, question.type) == ("question", STR)
    assert (tone.description, tone.default) == ("how to speak", "dry")
    assert (limit.description, limit.default) == ("at most", 3)
    assert str(signature) == (
        'question: str, tone: str = "dry" "how to speak", limit: int = 3 "at most" -> answer: str'
    )


def test_a_signature_may_have_no_input() -> None:
    assert str(Signature.parse("-> joke")) == "-> joke: str"


def test_names_of_types_are_looked_up_in_what_is_given() -> None:
    signature = Signature.parse(
        "mood: Mood, level: Level -> x", {"Mood": Mood, "Level": Literal["low", "high"]}
    )
    assert signature.inputs[0].type.read("calm", "mood") is Mood.CALM
    assert str(signature) == 'mood: Mood, level: Literal["low", "high"] -> x: str'
    assert Signature.parse(str(signature), signature.types) == signature


@pytest.mark.parametrize(
    ("text", "field", "said", "position"),
    [
        ("question: str", "", "no '->'", 13),
        ("a -> ", "", "a field's name is expected", 5),
        (", a -> b", "", "not ','", 0),
        ("question: lst[str] -> a", "question", "Did you mean 'list'", 10),
        ("a: Foo -> b", "a", "types={'Foo': Foo}", 3),
        ("a: Any -> b", "a", "Write object", 3),
        ("a: str b -> c", "a", "'b' is not expected", 7),
        ("a: list[str -> b", "a", "']' is expected here, not '->'", 12),
        ("a: dict[int, str] -> b", "a", "keys are str", 8),
        ("a -> b: Literal[1.5]", "b", "not 1.5", 16),
        ("a -> b: Literal['x]", "b", "does not end", 16),
        ('a -> b: int = "five"', "b", "default must be int, but is 'five'", 5),
        ("a -> b: str = None", "b", "Write null", 14),
        ("a: float = NaN -> b", "a", "a default is expected", 11),
        ("a: -> b", "a", "a type is expected here, not '->'", 3),
        ("a, a -> b", "", "'a' stands twice", 3),
        ("class -> b", "", "'class' cannot be", 0),
        ("_a -> b", "", "'_a' cannot be", 0),
        ("a -> b -> c", "", "nothing may follow", 7),
        ('a "x -> b', "a", "a text is expected", 2),
    ],
)
def test_an_error_names_the_field_and_points_at_the_place(
    text: str, field: str, said: str, position: int
) -> None:
    with pytest.raises(SignatureError) as caught:
        Signature.parse(text)
    message = str(caught.value)
    assert said in message
    assert caught.value.data["field"] == field
    assert caught.value.data["position"] == position
    assert message.splitlines()[-1] == " " * (4 + position) + "^"


def test_the_caret_stands_in_the_right_line_of_a_long_text() -> None:
    text = "a: str,\n" + "b: " + "list[" * 20 + "strr" + "]" * 20 + "\n-> c"
    with pytest.raises(SignatureError) as caught:
        Signature.parse(text)
    line, caret = str(caught.value).splitlines()[-2:]
    assert caught.value.data["line"] == 2
    assert line[caret.index("^") :].startswith("strr")
    assert len(line) < 90


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(SignatureError, match="nested too deep"):
        Signature.parse("a: " + "list[" * 10_000 + "str -> b")
