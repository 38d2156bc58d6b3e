"""Globs: the two wildcards, and that no text makes them slow."""

from __future__ import annotations

import re
from itertools import pairwise
from timeit import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.permission.globs import glob, is_plain

PATTERNS = st.text(alphabet="ab*?", max_size=8)
TEXTS = st.text(alphabet="ab", max_size=10)


@given(PATTERNS, TEXTS)
def test_a_glob_means_what_the_same_regular_expression_means(pattern: str, text: str):
    meaning = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert glob(pattern)(text) == bool(re.fullmatch(meaning, text, re.DOTALL))


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("docs/*", "docs/a/b.md", True),
        ("*.md", "docs/a.md", True),
        ("*.md", "a.mdx", False),
        ("a[b]", "a[b]", True),
        ("a[b]", "ab", False),
        ("ab*ba", "aba", False),
        ("*", "", True),
        ("?", "", False),
        ("*\n*", "a\nb", True),
    ],
)
def test_only_star_and_question_mark_are_special(pattern: str, text: str, fits: bool):
    assert glob(pattern)(text) is fits


def test_a_plain_pattern_has_no_wildcard():
    assert is_plain("read_file")
    assert not is_plain("read_*")
    assert not is_plain("a?")


def test_many_stars_stay_linear_where_an_expression_would_backtrack():
    test = glob("*a" * 20 + "?b")
    times = [timeit(lambda n=n: test("a" * n), number=1) for n in (20_000, 80_000)]
    assert all(longer < shorter * 40 + 0.1 for shorter, longer in pairwise(times))
