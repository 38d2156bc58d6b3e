"""A real workspace on a real disk, beside a folder that must stay as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.served import Served, serve
from workbench.tools.place import Limits, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    workspace = tmp_path / "workspace"
    state = workspace / "sessions"
    state.mkdir(parents=True)
    (state / "workbench.db").write_text("the log")
    (tmp_path / "outside").mkdir()
    return Place(workspace, state, limits=Limits(command_s=20.0, grace_s=0.5, search_s=1.0))


@pytest.fixture
def outside(place: Place) -> Path:
    return place.workspace.parent / "outside"


@pytest.fixture
def server() -> Iterator[Served]:
    yield from serve()


@pytest.fixture
def other() -> Iterator[Served]:
    yield from serve()


@pytest.fixture
def web(place: Place, server: Served) -> Place:
    return Place(place.workspace, place.state, grants=(server.grant,), limits=Limits(http_s=2.0))
