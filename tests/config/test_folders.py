"""Where things are kept."""

import shutil
from pathlib import Path

import pytest

from workbench.config.folders import (
    data_folder,
    is_workbench,
    make_state_folder,
    make_workbench,
    shipped,
    state_folder,
)
from workbench.errors import ConfigError


def test_any_folder_keeps_its_state_in_the_users_data(tmp_path: Path):
    environment = {"HOME": str(tmp_path / "home")}
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first = make_state_folder(one, environment)
    assert first.is_relative_to(data_folder(environment))
    assert first.stat().st_mode & 0o777 == 0o700
    assert (first / "workspace").read_text(encoding="utf-8").strip() == str(one)
    assert state_folder(two, environment) != first
    (tmp_path / "link").symlink_to(one)
    assert state_folder(tmp_path / "link", environment) == first


def test_a_workbench_folder_keeps_its_own(tmp_path: Path):
    environment = {"HOME": str(tmp_path / "home")}
    assert make_workbench(tmp_path) == ["sessions/", "sessions/.gitignore"]
    assert state_folder(tmp_path, environment) == tmp_path / "sessions"
    assert make_workbench(tmp_path) == []
    assert is_workbench(tmp_path)


def test_a_planted_database_is_not_used(tmp_path: Path):
    made, cloned = tmp_path / "made", tmp_path / "cloned"
    made.mkdir()
    make_workbench(made)
    (made / "sessions" / "workbench.db").write_bytes(b"planted")
    shutil.copytree(made, cloned)
    assert not is_workbench(cloned)
    assert "was here already" in make_workbench(cloned)[0]
    assert is_workbench(cloned)


def test_sessions_may_not_be_a_link(tmp_path: Path):
    (tmp_path / "sessions").symlink_to("/tmp")
    with pytest.raises(ConfigError, match="is a link"):
        make_workbench(tmp_path)


def test_a_missing_home_is_said(tmp_path: Path):
    with pytest.raises(ConfigError, match="HOME is not set"):
        state_folder(tmp_path, {})
    assert data_folder({"KAIZEN_TUI_DATA_HOME": "/d"}) == Path("/d")
    assert data_folder({"XDG_DATA_HOME": "/x", "HOME": "/h"}) == Path("/x/kaizen-tui")
    assert data_folder({"XDG_DATA_HOME": "x", "HOME": "/h"}) == Path("/h/.local/share/kaizen-tui")


def test_shipped_folders_are_found_in_a_checkout():
    assert shipped("plugins").name == "plugins"
    assert shipped("examples").is_dir()
