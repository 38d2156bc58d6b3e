"""The class form and the function form mean what the text form means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, TypedDict
from uuid import uuid4

import pytest
from pydantic import BaseModel, Field

from tests.agent.shapes import TYPES, Checked, Item, Point
from workbench.agent.signature import InputField, OutputField, Signature
from workbench.errors import ReplyError, SignatureError


class Review(Signature):
    """Judge the draft.

    Be fair.
    """

    draft: str = InputField("What to judge")
    notes: list[str] = InputField(default=[])
    verdict: Literal["good", "bad"] = OutputField(description="The judgement")
    where: Point | None = OutputField()
    plain = OutputField()


class Strict(Review):
    level: int = InputField()


def test_a_class_is_the_same_value_as_its_text() -> None:
    text = (
        'draft: str "What to judge", notes: list[str] = [] -> '
        'verdict: Literal["good", "bad"] "The judgement", where: Point | None, plain'
    )
    written = Signature.parse(text, TYPES, instructions="Judge the draft.\n\nBe fair.")
    assert Review.signature == Signature.of(Review) == written
    assert Review.signature.name == "Review"


def test_a_class_inherits_fields_and_not_instructions() -> None:
    assert [f.name for f in Strict.signature.inputs] == ["draft", "notes", "level"]
    assert Strict.signature.outputs == Review.signature.outputs
    assert Strict.signature.instructions == ""


def test_a_class_field_is_input_or_output() -> None:
    with pytest.raises(SignatureError, match="'a' is neither input nor output"):

        class Wrong(Signature):  # pyright: ignore[reportUnusedClass]
            a: str
            b: str = OutputField()

    with pytest.raises(SignatureError, match="Half: field 'a': bytes has no meaning"):

        class Half(Signature):  # pyright: ignore[reportUnusedClass]
            a: bytes = InputField()
            b: str = OutputField()


def test_types_of_a_class_are_looked_up_at_module_level() -> None:
    with pytest.raises(SignatureError, match=r"Local: name 'Unknown.*module level"):

        class Local(Signature):  # pyright: ignore[reportUnusedClass]
            a: Unknown = InputField()  # type: ignore[name-defined]  # noqa: F821
            b: str = OutputField()


def answer(question: str, others: Sequence[str], limit: int | None = None) -> str:
    """Answer the question.

    Args:
        question: What to answer,
            in one sentence.
        others: What others said.

    Returns:
        The answer.
    """
    raise NotImplementedError(question, others, limit)


def test_a_function_is_the_same_value_as_its_text() -> None:
    written = Signature.parse(
        'question: str "What to answer, in one sentence.", others: list[str] "What others said.", '
        "limit: int | None = null -> result: str",
        instructions="Answer the question.",
    )
    assert Signature.of(answer) == written
    assert Signature.of(answer).name == "answer"


@dataclass
class Found:
    name: Annotated[str, "whose"]
    tags: list[str] = field(default_factory=list[str])
    score: float = 0.5


class Part(TypedDict):
    a: int


class Half(TypedDict):
    a: NotRequired[int]


class Graded(BaseModel):
    text: str = Field(description="the text")
    grade: int = Field(ge=1, le=5)
    notes: list[str] = []


@dataclass
class Stamped:
    id: str = field(default_factory=lambda: str(uuid4()))


def _returning(kind: Any) -> Callable[..., Any]:
    def function(a: str) -> Any:
        raise NotImplementedError(a)

    function.__annotations__ = {"a": str, "return": kind}
    return function


@pytest.mark.parametrize(
    ("kind", "outputs"),
    [
        (str, "result: str"),
        (list[int], "result: list[int]"),
        (Mapping[str, Any], "result: dict[str, object]"),
        (Literal["a", "b"], 'result: Literal["a", "b"]'),
        (Annotated[str, "the text"], 'result: str "the text"'),
        (Found, 'name: str "whose", tags: list[str] = [], score: float = 0.5'),
        (Part, "a: int"),
        (Item | None, "result: Item | None"),
        (list[Checked], "result: list[Checked]"),
    ],
)
def test_what_a_function_returns_are_the_outputs(kind: Any, outputs: str) -> None:
    assert str(Signature.of(_returning(kind))) == f"a: str -> {outputs}"


def test_a_returned_model_keeps_its_constraints() -> None:
    signature = Signature.of(_returning(Graded))
    assert str(signature) == (
        'a: str -> text: str "the text", grade: Graded_grade, notes: list[str] = []'
    )
    assert signature.read_outputs({"text": "x", "grade": 5}).grade == 5
    with pytest.raises(ReplyError, match=r"'grade' does not fit .* less than or equal to 5"):
        signature.read_outputs({"text": "x", "grade": 6})
    assert signature.output_schema()["properties"]["grade"]["maximum"] == 5
    assert Signature.parse(str(signature), signature.types) == signature


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (None, "does not say what it returns"),
        (bytes, "result: bytes has no meaning"),
        (Half, "field 'a' may be left out"),
        (Stamped, "field 'id' may be left out"),
        (Checked, "has validators of its own"),
    ],
)
def test_a_return_that_cannot_be_outputs_is_refused(kind: Any, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        Signature.of(_returning(kind))


def test_a_parameter_needs_a_type_and_a_name() -> None:
    def untyped(a: Any, b: str) -> str:
        raise NotImplementedError(a, b)

    del untyped.__annotations__["a"]

    def many(*a: str) -> str:
        raise NotImplementedError(a)

    def unknown(a: str, b: str) -> str:
        raise NotImplementedError(a, b)

    unknown.__annotations__["b"] = "Nowhere"
    functions: list[tuple[Callable[..., Any], str]] = [
        (untyped, "untyped: parameter 'a' has no type"),
        (many, "many: parameter 'a' cannot be given by name"),
        (unknown, "unknown: parameter 'b': name 'Nowhere' is not defined"),
    ]
    for function, said in functions:
        with pytest.raises(SignatureError, match=said):
            Signature.of(function)


def test_a_default_must_fit_its_type() -> None:
    def wrong(a: str = None) -> str:  # type: ignore[assignment]  # noqa: RUF013
        raise NotImplementedError(a)

    with pytest.raises(SignatureError, match=r"'a': its default must be str, .*Write str \| None"):
        Signature.of(wrong)


@pytest.mark.parametrize("other", [5, None, Signature, str, Point])
def test_what_is_no_signature_is_refused(other: Any) -> None:
    with pytest.raises(SignatureError, match="is not a signature"):
        Signature.of(other)
