"""Replies: found in whatever a model wraps them in, and valid or refused, never anything else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.generated import cases, json_values
from workbench.agent.signature import Reply, Signature
from workbench.errors import ReplyError
from workbench.values import copied

DEBATE = Signature.parse("question -> argument: str, confidence: float")
PLAIN = Signature.parse("question -> answer")
GOOD = '{"argument": "so", "confidence": 0.5}'
READ = {"argument": "so", "confidence": 0.5}


FAULTS = ["cut", "drop", "rename", "wrong", "other", "insert", "twice", "noise", "nest"]


def _wrapped(text: str, spread: str) -> dict[str, str]:
    """The same answer in the wrappings that models use; each is read as the answer."""
    return {
        "as it is": text,
        "spaced": f"\n\n  {text}\n",
        "over lines": spread,
        "fenced": f"```json\n{text}\n```",
        "fenced without a language": f"```\n{spread}\n```",
        "prose before": f"Sure, here is the answer:\n\n{text}",
        "prose after": f"{text}\n\nLet me know what you think of it.",
        "prose and fence": f"Here you are.\n\n```json\n{spread}\n```\nAnything else?",
        "thoughts": f"<think>I could say {{'x': 1}}, hm.</think>\n{text}",
    }


@st.composite
def faulty(draw: st.DrawFn) -> tuple[Signature, str]:
    """A signature and a reply that is damaged in one of the ways that models know."""
    signature, outputs = draw(cases())
    text = json.dumps(copied(outputs), ensure_ascii=draw(st.booleans()))
    fault = draw(st.sampled_from(FAULTS))
    name = draw(st.sampled_from(sorted(outputs)))
    match fault:
        case "cut":
            text = text[: draw(st.integers(0, max(0, len(text) - 1)))]
        case "drop":
            text = json.dumps({k: v for k, v in outputs.items() if k != name})
        case "rename":
            text = json.dumps({(k + "x" if k == name else k): v for k, v in outputs.items()})
        case "wrong":
            text = json.dumps({**outputs, name: draw(json_values)})
        case "other":
            text = json.dumps(draw(json_values))
        case "insert":
            at = draw(st.integers(0, len(text)))
            text = text[:at] + draw(st.sampled_from(list('{}[]",:\\ \n`x1'))) + text[at:]
        case "twice":
            text = text[:-1] + f", {json.dumps(name)}: {json.dumps(outputs[name])}" + "}"
        case "noise":
            text = draw(st.text(max_size=30))
        case _:
            text = json.dumps({"result": outputs})
    wrappings = list(_wrapped(text, text).values())
    return signature, draw(st.sampled_from(wrappings))


@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(faulty())
def test_a_damaged_reply_is_valid_or_a_reply_error_and_never_anything_else(
    case: tuple[Signature, str],
) -> None:
    signature, text = case
    outcome = _outcome(signature, text)
    if isinstance(outcome, ReplyError):
        assert outcome.data["text"] == text
        assert outcome.data["expected"]
        assert outcome.data["got"]
    else:
        assert signature.read_outputs(copied(outcome)) == outcome


def _outcome(signature: Signature, text: str) -> Reply | ReplyError:
    try:
        return signature.read_reply(text)
    except ReplyError as error:
        return error


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(cases(), st.data())
def test_a_good_reply_is_read_from_every_wrapping(
    case: tuple[Signature, dict[str, Any]], data: st.DataObject
) -> None:
    signature, outputs = case
    if signature.is_plain and not next(iter(outputs.values())).strip():
        return
    text, spread = json.dumps(outputs), json.dumps(outputs, indent=2)
    wrappings = _wrapped(text, spread)
    if signature.is_plain:
        wrappings = {k: v for k, v in wrappings.items() if not k.startswith("prose")}
    wrapped = data.draw(st.sampled_from(sorted(wrappings)))
    assert signature.read_reply(wrappings[wrapped]) == signature.read_outputs(outputs), wrapped


@given(cases(), st.data())
def test_a_reply_cut_anywhere_is_refused(
    case: tuple[Signature, dict[str, Any]], data: st.DataObject
) -> None:
    signature, outputs = case
    text = json.dumps(outputs)
    cut = text[: data.draw(st.integers(2, len(text) - 1))]
    with pytest.raises(ReplyError):
        signature.read_reply(cut)


@pytest.mark.parametrize("wrapping", sorted(_wrapped("", "")))
def test_each_wrapping_is_seen_through(wrapping: str) -> None:
    text = _wrapped(GOOD, json.dumps(READ, indent=2))[wrapping]
    assert DEBATE.read_reply(text) == READ


@pytest.mark.parametrize(
    ("text", "field", "got"),
    [
        ("", "", "an empty reply"),
        ("  \n", "", "an empty reply"),
        ("I do not know.", "", "text without a JSON object"),
        ('{"argument": "so", "confid', "", "an object that ends in the middle"),
        ('{"a": {"argument": "so", "confidence": 1}, ', "", "an object that ends in the middle"),
        ('Well: {"argument": "so\\', "", "an object that ends in the middle"),
        ('{"argument": "a", "argument": "b", "confidence": 1}', "", "'argument' twice"),
        ('No {"x": 1, "x": 2} but ' + GOOD, "", "'x' twice"),
        ('{"argument": "a", "confidence": NaN}', "", "NaN"),
        ('{"argument": "a", "confidence": 1e999}', "", "too large"),
        ('{"argument": "a", "confidence": 0.5,}', "", "wrong at character"),
        ('{"argument": "a", "confidence": ' + "9" * 5000 + "}", "", "too long"),
        ("[" * 100_000, "", "nesting too deep"),
        ('{"a":' * 100_000, "", "an object that ends in the middle"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "", "nesting too deep"),
        ("See [" + GOOD + ", " + GOOD + "]", "", "a list of objects"),
        ("```\n[" + GOOD + "]\n```", "", "a list of objects"),
        ("[1, 2]", "", "JSON that is no object"),
        ('"text"', "", "JSON that is no object"),
        ("[" + GOOD + "]", "", "JSON that is no object"),
        ('{"argument": "a", "\\ud800": 1}', "\ud800", "\\ud800"),
        ('{"argument": null, "confidence": 1}', "argument", "None"),
        ('{"argument": "a", "confidence": "1"}', "confidence", "'1' (str)"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_refusal_says_what_there_is_instead(text: str, field: str, got: str) -> None:
    with pytest.raises(ReplyError) as caught:
        DEBATE.read_reply(text)
    data = caught.value.data
    assert data["field"] == field
    assert got in data["got"] or got in caught.value.message
    assert data["text"] == text


def test_braces_in_prose_are_passed_over() -> None:
    assert DEBATE.read_reply("In {braces} or { alone, then " + GOOD) == READ
    assert DEBATE.read_reply('As {"argument": ..., "confidence": ...}: ' + GOOD) == READ


def test_braces_fences_and_line_breaks_inside_texts_are_texts() -> None:
    inside = 'a } b { "c" ```json\n{"x": 1}\n``` \\'
    text = json.dumps({"argument": inside, "confidence": 1})
    assert DEBATE.read_reply("So: " + text + " and {more}").argument == inside
    broken = '{"argument": "one\ntwo", "confidence": 1}'
    assert DEBATE.read_reply(broken).argument == "one\ntwo"


def test_plain_text_is_a_reply_where_one_text_is_wanted() -> None:
    assert PLAIN.read_reply("  It is 42. {really}\n").answer == "It is 42. {really}"
    assert PLAIN.read_reply('{"answer": "42"}').answer == "42"
    assert PLAIN.read_reply('```json\n{"answer": "42"}\n```').answer == "42"
    assert PLAIN.read_reply('{"key": 1}').answer == '{"key": 1}'
    assert PLAIN.read_reply("```python\nx = 1\n```").answer == "```python\nx = 1\n```"
    assert PLAIN.read_reply("<think>hm</think> yes").answer == "yes"


@pytest.mark.parametrize(
    "text",
    ["", " \n", "<think>only</think>", '{"answer": ""}', '{"answer": 5}', '{"answer": "4',
     '{"answ', '{"answer": "a", "answer": "b"}', '{"answer": "a", "more": 1}'],
)  # fmt: skip
def test_where_one_text_is_wanted_broken_json_and_silence_are_refused(text: str) -> None:
    with pytest.raises(ReplyError):
        PLAIN.read_reply(text)


def test_a_bare_value_is_the_only_output() -> None:
    assert Signature.parse("a -> b: list[str]").read_reply('```\n["x"]\n```').b == ["x"]
    assert Signature.parse("a -> b: float").read_reply("0.5").b == 0.5
    assert Signature.parse("a -> b: str | None").read_reply("null").b is None
    assert Signature.parse("a -> b: Literal['yes', 'no']").read_reply(" yes\n").b == "yes"
    with pytest.raises(ReplyError):
        Signature.parse("a -> b: Literal['yes', 'no']").read_reply("maybe")


@pytest.mark.parametrize(
    "text",
    ["{" * 200_000, '{"' * 100_000, '{"a":1} ' * 50_000, "```\n" * 100_000, "`" * 200_000,
     '"' * 200_000, "{}" * 100_000, "\\" * 200_000, "<think>" * 50_000, " " * 200_000],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_no_text_takes_long_to_refuse(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ReplyError):
        DEBATE.read_reply(text)
    assert time.perf_counter() - started < 2
