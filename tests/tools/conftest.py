"""A real workspace on a real disk, beside a folder that must stay as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

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
