"""Every test begins with nothing done."""

import pytest

from tests.run.acts import DONE, GATES


@pytest.fixture(autouse=True)
def _nothing_done() -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    DONE.clear()
    GATES.clear()
