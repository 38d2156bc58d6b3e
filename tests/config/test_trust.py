"""Trust: given to content, taken back by change."""

from pathlib import Path

import pytest

from workbench.config.trust import distrust, is_trusted, standing, trust


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    (made / "plugins").mkdir(parents=True)
    (made / "plugins" / "mine.py").write_text("x = 1\n", encoding="utf-8")
    (made / "kaizen.toml").write_text("# ours", encoding="utf-8")
    return made


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


def test_a_folder_that_cannot_act_needs_no_trust(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    assert is_trusted(tmp_path, environment)


def test_an_empty_file_cannot_act(tmp_path: Path, environment: dict[str, str]):
    (tmp_path / "kaizen.toml").touch()
    assert is_trusted(tmp_path, environment)


def test_trust_holds_until_something_that_can_act_changes(
    folder: Path, environment: dict[str, str]
):
    assert not is_trusted(folder, environment)
    assert trust(folder, environment).lines() == ["+ kaizen.toml", "+ plugins/mine.py"]
    assert is_trusted(folder, environment)
    (folder / "notes.txt").write_text("no matter", encoding="utf-8")
    assert is_trusted(folder, environment)
    (folder / "plugins" / "mine.py").write_text("x = 2\n", encoding="utf-8")
    (folder / "agents").mkdir()
    (folder / "agents" / "new.toml").write_text("# new", encoding="utf-8")
    assert standing(folder, environment).lines() == ["+ agents/new.toml", "~ plugins/mine.py"]
    assert not is_trusted(folder, environment)


def test_what_is_gone_takes_no_trust_back(folder: Path, environment: dict[str, str]):
    trust(folder, environment)
    (folder / "plugins" / "mine.py").unlink()
    assert standing(folder, environment).lines() == ["- plugins/mine.py"]
    assert is_trusted(folder, environment)


def test_another_folder_at_the_same_path_is_not_trusted(folder: Path, environment: dict[str, str]):
    trust(folder, environment)
    other = folder.with_name("other")
    folder.rename(other)
    (folder / "plugins").mkdir(parents=True)
    (folder / "plugins" / "mine.py").write_bytes((other / "plugins" / "mine.py").read_bytes())
    assert standing(folder, environment).moved
    assert not is_trusted(folder, environment)
    assert not is_trusted(other, environment)


def test_trust_can_be_taken_back(folder: Path, environment: dict[str, str]):
    assert not distrust(folder, environment)
    trust(folder, environment)
    assert distrust(folder, environment)
    assert not is_trusted(folder, environment)
