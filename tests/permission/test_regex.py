"""The linear expressions: the same answers as Python's, and no text that makes them hang."""

from __future__ import annotations

import re
from timeit import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.permission.regex import Regex
from workbench.permission.regex_steps import BadRegex

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        "[a-c]",
        r"\w",
        r"\d",
        r"\s",
        r"\W",
        r"\b",
        "^",
        "$",
        r"\.",
        "_",
    ]
)
SOURCES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(
            inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?"])
        ).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@given(SOURCES, st.text(alphabet="abc1 ._", max_size=10), st.booleans())
def test_it_finds_what_python_finds(source: str, text: str, ignore_case: bool):
    flags = re.IGNORECASE if ignore_case else 0
    text = text.upper() if ignore_case else text
    assert Regex(source, ignore_case=ignore_case).search(text) == bool(
        re.search(source, text, flags)
    )


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        ("", "", True), ("a|", "b", True), ("[]]", "]", True), ("[a-]", "-", True),
        (r"[\w-]+x", "a-x", True), (r"[\-a]", "-", True), (r"\/", "/", True), (r"\n", "\n", True),
        (r"[\t\n]", "\t", True), ("^$", "", True), ("^$", "a", False), (r"\Bb", "ab", True),
        (r"a$b", "ab", False), ("(?:a(b(c)))", "abc", True), ("a{0}b", "b", True),
    ],
)  # fmt: skip
def test_corners(source: str, text: str, found: bool):
    assert Regex(source).search(text) is found


@pytest.mark.parametrize(
    ("source", "index"),
    [
        ("(", 1), (")", 0), ("a)", 1), ("[a", 2), ("[", 1), ("*a", 0), ("a**", 2), ("a{2}{3}", 4),
        (r"\1", 1), (r"(a)\1", 4), ("(?=a)", 1), ("(?!a)", 1), ("(?<=a)b", 1), ("(?P<n>a)", 1),
        ("a{1000}", 6), ("(a{30}){30}", 10), ("a{x}", 1), ("a{3,2}", 5), ("[z-a]", 3), (r"\q", 1),
        ("\\", 1), ("(" * 60 + ")" * 60, 41), ("a++", 2), ("|*", 1), (r"[a-\d]", 4),
    ],
)  # fmt: skip
def test_what_it_does_not_know_is_refused_with_its_place(source: str, index: int):
    with pytest.raises(BadRegex) as raised:
        Regex(source)
    assert raised.value.args[1] == index


@pytest.mark.parametrize("source", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){12}$", "(x+x+)+y"])
def test_expressions_that_hang_elsewhere_take_linear_time(source: str):
    regex = Regex(source)
    assert timeit(lambda: regex.search("a" * 50_000 + "!"), number=1) < 3


def test_memory_is_bounded_when_every_character_is_new():
    regex = Regex("(a|b)*a(a|b){12}c")
    text = "".join("ab"[(n * 2654435761).bit_count() % 2] for n in range(60_000))
    assert not regex.search(text)
    assert not Regex("[^x]y").search("".join(map(chr, range(0x4E00, 0x9000))))
    assert regex.search(text + "a" * 13 + "c")
