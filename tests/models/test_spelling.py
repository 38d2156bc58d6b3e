"""Tools' names as every provider takes them, and read back as what they are."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from workbench.models.spelling import spellings


@given(st.sets(st.text(alphabet="ab_.-/é", min_size=1, max_size=90), max_size=12))
def test_no_two_names_are_sent_alike_and_each_can_be_sent(names: set[str]) -> None:
    found = spellings(names)
    sent = [found.get(name, name) for name in names]
    assert len(set(sent)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", one) for one in sent)
