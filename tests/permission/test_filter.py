"""The filter grammar: what fits, that it prints as it reads, and what its mistakes say."""

from __future__ import annotations

from functools import partial
from timeit import timeit
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.permission.danger import Danger
from workbench.permission.filter import Filter
from workbench.permission.regex_steps import BadRegex
from workbench.permission.terms import (
    FIELDS,
    WORDED,
    And,
    Bound,
    Expression,
    Not,
    Or,
    Term,
    Text,
    Word,
    compiled,
    inverted,
    joined,
)

ROW: dict[str, Any] = {
    "agent": "Coder", "kind": "step.finished", "name": "bash_command", "danger": Danger.HIGH,
    "state": "ok", "key": "debate/0:together/1/0:ask.skeptic", "run": "a41f77", "duration": 2.5,
    "cost": 0.02, "text": "rm -r build: Permission denied (13)",
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "agent:coder", "agent:CO*", "agent:c?der", "kind:step", "kind:step.finished",
        "kind:tool,step", "kind:step.*", "name:bash_*", "-state:failed", "!state:failed",
        "state!=x",
        "danger>=HIGH", "danger>=medium", "danger:HIGH", "danger=high", "danger<critical",
        "danger:LOW,HIGH", "-danger:LOW", "key:debate", "key:debate/0:together", "key:*ask.*",
        "run:a41f", "run:a4*77", "duration>2s", "duration>=2.5", "duration<2600ms", "duration<1m",
        "duration<1h", "cost>0.01", "cost<$0.03", "denied", "DENIED", '"permission denied"', "rm",
        "text:build", "text:b*d", '"(13)"', "/rm .*build/", "/permission/i", r"/\(\d+\)/",
        "name:/^bash_/", "agent:/^co/i", "agent:coder kind:step danger>=HIGH", "nothing | denied",
        "agent:x | agent:coder", "agent:coder (kind:x | danger:HIGH)", "-(agent:x | agent:y)",
        "!(agent:coder kind:x)", "--denied", "!-denied", "-(-denied)", "skeptic", "AGENT:coder",
        'agent:"coder"', "a|b|denied", "x y | denied ok", "kind:/x/,step", "finished -failed",
    ],
)  # fmt: skip
def test_these_fit_the_row(text: str):
    assert Filter.parse(text).matches(ROW)
    assert Filter.parse(str(Filter.parse(text))).matches(ROW)


@pytest.mark.parametrize(
    "text",
    [
        "agent:code", "agent:x", "kind:ste", "kind:tool", "-state:ok", "state!=ok", "danger>HIGH",
        "danger:LOW", "key:deb", "key:debate/0", "run:41f", "duration<2s", "duration>2600ms",
        "cost>0.02", "missing", "/^denied/", "/DENIED/", "agent:coder kind:tool", "zz | qq",
        "-denied", "!denied", "-(denied | x)", "denied (x | y)", "name:/^command/", "kind:a,b",
        "agent:x denied",
    ],
)  # fmt: skip
def test_these_do_not_fit_the_row(text: str):
    assert not Filter.parse(text).matches(ROW)


def test_a_missing_or_unknown_value_fits_nothing_but_an_inverse():
    for text in ("agent:*", "danger>=SAFE", "duration>=0", "cost>=0", "run:x", "/./"):
        assert not Filter.parse(text).matches({})
        assert Filter.parse(f"-{text}").matches({})
    unknown = {"danger": -1, "duration_s": -1.0, "cost_usd": None}
    assert not Filter.parse("danger<HIGH | duration<9s | cost<1").matches(unknown)


def test_a_row_may_use_the_names_of_the_log():
    row = {"run_id": "a41f", "duration_s": 3.0, "cost_usd": 0.5, "danger": "HIGH"}
    assert Filter.parse("run:a4 duration>2s cost>0.1 danger>=HIGH").matches(row)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("kind:tool,model", "kind:tool | kind:model"), ("a (b c) d", "a b c d"), ("!a", "-a"),
        ("danger>=high", "danger>=HIGH"), ("duration>150ms", "duration>0.15s"), ("--a", "a"),
        ("cost>$0.5", "cost>0.5"), ("a | (b | c)", "a | b | c"), ("a (b | c)", "a (b | c)"),
        ("(a b) | c", "a b | c"), ("agent!=x", "-agent:x"), ('"a b"', '"a b"'), ('"a"', "a"),
        ('text:"a b"', 'text:"a b"'), ("/a b/i", "/a b/i"), (r'"a\"b\\"', r'"a\"b\\"'),
    ],
)  # fmt: skip
def test_a_filter_prints_in_one_canonical_spelling(text: str, printed: str):
    assert str(Filter.parse(text)) == printed


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("agnet:coder", 1, "Did you mean 'agent'?"),
        ("a durration>2s", 3, "Did you mean 'duration'?"),
        ("danger>=HIHG", 9, "Did you mean 'HIGH'?"), ("a |", 4, "missing"), ("| a", 1, "missing"),
        ("(a", 1, "without its )"), ("a)", 2, "without its ("), ("a ()", 4, "missing"),
        ('x "a', 3, "without its end"), ("/a", 1, 'write "/"'), ("/tmp/x", 6, "put it in quotes"),
        ("/a(/", 4, "without its )"), ("x /a**/", 6, "repetition"),
        ("duration>2d", 10, "2s or 150ms"),
        ("cost>2s", 6, "0.01"), ("duration>1e999", 10, "no duration"), ("agent>x", 1, "no order"),
        ("agent:", 7, "needs a value"), ("agent: x", 7, "needs a value"),
        ("kind:a,", 8, "needs a value"),
        ("-", 2, "missing"), ("http://x", 1, "no field 'http'"), ("danger:", 8, "needs a value"),
        ("danger:/x/", 8, "no danger level"), ("(" * 60, 42, "deeply"), ("a - b", 4, "missing"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_column_and_the_remedy(text: str, column: int, said: str):
    with pytest.raises(UsageError) as raised:
        Filter.parse(text)
    assert raised.value.data["column"] == column
    assert said in str(raised.value)


def test_a_filter_that_is_too_long_is_refused():
    with pytest.raises(UsageError, match="4000"):
        Filter.parse("a" * 5000)


def is_expression(source: str) -> bool:
    try:
        compiled(source, ignore_case=False)
    except BadRegex:
        return False
    return True


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
SOURCES = st.text(alphabet='ab.*+[]() "|^$', max_size=6).filter(is_expression)
AMOUNTS = st.floats(0, 1e9, allow_nan=False)
SIGNS = st.sampled_from([":", ">=", "<=", ">", "<"])
LEAVES: st.SearchStrategy[Term] = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Word, st.sampled_from(WORDED), WORDS),
    st.builds(Expression, SOURCES, st.booleans(), st.sampled_from(["", *WORDED])),
    st.builds(Bound, st.sampled_from(["duration", "cost"]), SIGNS, AMOUNTS),
    st.builds(Bound, st.just("danger"), SIGNS, st.sampled_from(Danger)),
)
TERMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(inverted, inner),
        st.builds(joined, st.sampled_from([And, Or]), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(WORDED, WORDS),
        "danger": st.sampled_from(Danger),
        "duration": AMOUNTS,
        "cost": AMOUNTS,
    },
)


@given(TERMS)
def test_what_is_printed_reads_back_as_the_same_filter(term: Term):
    made = Filter(term)
    assert Filter.parse(str(made)) == made


@given(st.text(alphabet='ab:>=<!-|()"/\\ .*,danger2s', max_size=20))
def test_any_text_is_a_filter_that_prints_or_a_mistake(text: str):
    column = 1
    try:
        found = Filter.parse(text)
        assert Filter.parse(str(found)) == found
    except UsageError as error:
        column = error.data["column"]
    assert 1 <= column <= len(text) + 1


@given(TERMS, ROWS)
def test_an_inverse_fits_exactly_what_the_term_does_not(term: Term, row: dict[str, Any]):
    assert Filter(Not(term)).matches(row) != Filter(term).matches(row)


@given(TERMS, TERMS, ROWS)
def test_and_or_follow_their_tables(one: Term, other: Term, row: dict[str, Any]):
    first, second = Filter(one).matches(row), Filter(other).matches(row)
    assert Filter(joined(And, [one, other])).matches(row) == (first and second)
    assert Filter(joined(Or, [one, other])).matches(row) == (first or second)


def test_every_field_can_be_asked_for():
    for field in FIELDS:
        value = "HIGH" if field == "danger" else "1"
        assert str(Filter.parse(f"{field}:{value}")).startswith(field)


def test_no_filter_hangs_on_a_long_row():
    row = {"text": "a" * 100_000 + "!"}
    for text in ("/(a+)+$/", "/(a|aa)+b/", "text:*a*a*a*a*a*b", "/(.*a){12}b/"):
        assert timeit(partial(Filter.parse(text).matches, row), number=1) < 3
