"""Each test has a user of its own, and servers that nobody should reach."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.threats.shipped import Listening, Stage, listening


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def sink() -> Iterator[Listening]:
    with listening() as found:
        yield found


@pytest.fixture
def site() -> Iterator[Listening]:
    with listening() as found:
        yield found
