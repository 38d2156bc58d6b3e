"""A small part of the crash matrix; the whole of it is ``python -m tests.crash --full``."""

from __future__ import annotations

import os
import random

import pytest

from tests.crash.matrix import run


@pytest.mark.timeout(120)
def test_no_kill_loses_repeats_or_hides_anything() -> None:
    seed = 1 if os.environ.get("CI") else random.SystemRandom().randrange(2**32)
    found = run(how_many=20, minutes=0.3, seed=seed)
    assert found["broken"] == 0, found
    assert found["kills"] >= 5
    assert found["cases"] > 0
