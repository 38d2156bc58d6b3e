"""Keeping one setting: its line is written, and nothing else that stands in the file changes."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.config.keeping import keep
from workbench.config.looks import THEMES
from workbench.config.text import read_settings
from workbench.errors import ConfigError


def home(folder: Path) -> dict[str, str]:
    return {"KAIZEN_TUI_CONFIG_HOME": str(folder)}


def test_without_a_file_one_is_made_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = keep(home(tmp_path / "new"), "theme", "nord")
    assert file.read_text() == 'theme = "nord"\n'
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("config.toml", '# a\ntheme = "x"  # b\n[x]\nb=1', '# a\ntheme = "nord"  # b\n[x]\nb=1'),
        ("config.toml", "[limits]\nusd = 1\n", 'theme = "nord"\n[limits]\nusd = 1\n'),
        ("config.toml", '[x]\ntheme = "x"\n', 'theme = "nord"\n[x]\ntheme = "x"\n'),
        ("config.toml", 'm = """\ntheme = "x"\n"""', 'theme = "nord"\nm = """\ntheme = "x"\n"""'),
        ("config.toml", '"theme"=\'x\'', '"theme"="nord"'),
        ("config.yaml", "# a\ntheme: x  # b\nmodel: m\n", '# a\ntheme: "nord"  # b\nmodel: m\n'),
        ("config.yml", "--- \nmodel: m\n", '--- \ntheme: "nord"\nmodel: m\n'),
        ("config.json", '{"model": "m",\n "theme": "x"}', '{"model": "m",\n "theme": "nord"}'),
        ("config.json", '{"model": "m"}', '{\n  "model": "m",\n  "theme": "nord"\n}\n'),
    ],
)  # fmt: skip
def test_only_the_line_is_written(tmp_path: Path, name: str, before: str, after: str) -> None:
    (tmp_path / name).write_text(before)
    assert keep(home(tmp_path), "theme", "nord").read_text() == after


@pytest.mark.parametrize(
    "text",
    [
        'theme = """x"""\nmodel = "m"\n',
        'theme = "a\\u0062"\n',
    ],
)
def test_what_cannot_be_changed_alone_is_left_as_it_was(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match='Write it there yourself: theme = "nord"'):
        keep(home(tmp_path), "theme", "nord")
    assert file.read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_a_link_to_the_settings_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "kaizen.toml"
    real.parent.mkdir()
    real.write_text('model = "m"\n')
    (tmp_path / "config.toml").symlink_to(real)
    assert keep(home(tmp_path), "theme", "nord") == real
    assert (tmp_path / "config.toml").is_symlink()
    assert real.read_text().startswith("theme")


def test_a_link_that_leads_to_itself_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="cannot be"):
        keep(home(tmp_path), "theme", "nord")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "in the way").write_text("")
    with pytest.raises(ConfigError, match="cannot be"):
        keep(home(tmp_path / "in the way"), "theme", "nord")


def test_a_file_with_a_fault_is_left_to_its_author(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("theme = \n")
    with pytest.raises(ConfigError, match=r"config\.toml:1"):
        keep(home(tmp_path), "theme", "nord")


@given(
    old=st.dictionaries(
        st.text("abcdefgh", min_size=1), st.text() | st.integers() | st.lists(st.text()), max_size=5
    ),
    theme=st.sampled_from(THEMES),
)
def test_whatever_else_is_set_stays_set(
    old: dict[str, object], theme: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("config")
    (folder / "config.json").write_text(json.dumps(old, indent=1))
    for _twice in range(2):
        file = keep(home(folder), "theme", theme)
        assert read_settings(file).values == {**old, "theme": theme}
