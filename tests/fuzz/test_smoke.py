"""A little of the fuzzing with every run of the tests."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import throw
from tests.fuzz.rules import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_the_rule_of_a_reader_holds_for_whatever_it_is_given(name: str) -> None:
    throw(TARGETS[name], 150)
