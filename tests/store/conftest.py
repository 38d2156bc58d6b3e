from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.store.memory import MemoryStore
from workbench.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "workbench.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = Store.open(path, synchronous="NORMAL", patience_s=0.2)
    yield opened
    opened.close()


@pytest.fixture(params=["file", "memory"])
def either(request: pytest.FixtureRequest, path: Path) -> Iterator[Store | MemoryStore]:
    """Each of the two stores: what they both do is what the interface means."""
    opened = MemoryStore() if request.param == "memory" else Store.open(path, synchronous="NORMAL")
    yield opened
    opened.close()
