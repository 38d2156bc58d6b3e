"""The doctor: every finding that is not well says how to mend it, and no secret is shown."""

from pathlib import Path

import pytest

from workbench.script.doctor import examine, finding_lines


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "OPENAI_API_KEY": "sk-never-shown"}


def test_every_thing_a_user_meets_is_looked_at(tmp_path: Path, environment: dict[str, str]):
    found = {one.name: one for one in examine(tmp_path, environment)}
    wanted = {"settings", "terminal", "sandbox", "ollama", "keys", "trust", "plugins", "database"}
    assert wanted <= set(found)
    assert found["keys"].what == "OPENAI_API_KEY"
    assert "sk-never-shown" not in "\n".join(finding_lines(list(found.values())))
    assert all(one.ok or one.mend for one in found.values())
    assert not (tmp_path / "home").exists()


def test_a_broken_settings_file_hides_nothing_else(tmp_path: Path, environment: dict[str, str]):
    folder = tmp_path / "home" / ".config" / "kaizen-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("modle = 1", encoding="utf-8")
    found = {one.name: one for one in examine(tmp_path, environment)}
    assert "config.toml:1" in found["settings"].what
    assert not found["settings"].ok
    assert "database" in found


def test_an_untrusted_folder_is_shown_with_what_it_brings(
    tmp_path: Path, environment: dict[str, str]
):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    found = {one.name: one for one in examine(tmp_path, environment)}
    assert found["trust"].what == "+ plugins/evil.py"
    assert found["trust"].mend == "kaizen-tui trust"
