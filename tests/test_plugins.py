"""Plugins: what is found, what is left out, and who is told."""

import sys
from pathlib import Path

import pytest

from workbench.config.trust import file_digest
from workbench.errors import PluginError, UnknownName
from workbench.plugins import discover, installed

GOOD = '''
"""A plugin of ours."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.run.hooks import hook
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

__version__ = "2.1"


@dataclass
class Kept:
    value: int


@pattern
async def shout(question: str, times: int = 2) -> str:
    """Say it loudly.

    Args:
        question: what to say
        times: how often
    """
    return question.upper() * times


@tool
def add(left: int, right: int = 1) -> int:
    """Add two numbers."""
    return left + right


critic = Agent("critic", "draft: str -> verdict: str")
_hidden = Agent("hidden", "a: str -> b: str")


@hook("before.tool")
def watch(call):
    return None
'''


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plugin_brings_its_public_values(tmp_path: Path):
    path = write(tmp_path, "good", GOOD)
    found = discover(tmp_path)
    (plugin,) = found.plugins
    assert (plugin.name, plugin.version, plugin.origin) == ("good", "2.1", str(path))
    assert list(found.things("pattern")) == ["shout"]
    assert list(found.things("tool")) == ["add"]
    assert list(found.things("agent")) == ["critic"]
    assert [h.name for h in found.things("hook").values()] == ["watch"]
    assert found.notices == []


def test_the_catalogue_says_what_each_thing_takes(tmp_path: Path):
    write(tmp_path, "good", GOOD)
    entries = {(e["kind"], e["name"]): e for e in discover(tmp_path).plugins[0].entries()}
    assert entries["plugin", "good"]["doc"] == "A plugin of ours."
    shout = entries["pattern", "shout"]
    assert shout["parameters"] == [
        {"name": "question", "type": "str", "doc": "what to say"},
        {"name": "times", "type": "int", "doc": "how often", "default": 2},
    ]
    assert shout["doc"].startswith("Say it loudly.")
    assert [row["name"] for row in entries["tool", "add"]["parameters"]] == ["left", "right"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def (", "SyntaxError"),
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "it ends the program when loaded (exit 3)"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out(tmp_path: Path, text: str, expected: str):
    write(tmp_path, "good", GOOD)
    write(tmp_path, "bad", text)
    found = discover(tmp_path)
    assert [plugin.name for plugin in found.plugins] == ["good"]
    assert "plugin 'bad' was left out" in found.notices[0]
    assert expected in found.notices[0]
    with pytest.raises(PluginError, match="'bad' cannot be loaded"):
        found.require("bad")
    with pytest.raises(UnknownName, match="Did you mean 'good'"):
        found.require("goood")


def test_two_plugins_with_one_name_are_both_named(tmp_path: Path):
    one, two = write(tmp_path, "one", GOOD), write(tmp_path, "two", GOOD)
    with pytest.raises(PluginError) as caught:
        discover(tmp_path).things("pattern")
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)


def test_what_a_plugin_imports_is_not_its_own(tmp_path: Path):
    write(tmp_path, "one", GOOD)
    discover(tmp_path)
    write(tmp_path, "two", "from kaizen_tui_plugins.shipped.one import shout, add\n")
    sys.modules["kaizen_tui_plugins"] = type(sys)("kaizen_tui_plugins")
    sys.modules["kaizen_tui_plugins.shipped"] = type(sys)("kaizen_tui_plugins.shipped")
    two = next(p for p in discover(tmp_path).plugins if p.name == "two")
    assert two.patterns == ()
    assert two.tools == ()


def test_an_untrusted_workspace_runs_nothing(tmp_path: Path):
    write(tmp_path / "plugins", "mine", f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert discover(workspace=tmp_path, trusted=None).plugins == ()
    assert not (tmp_path / "ran").exists()


def test_only_the_trusted_bytes_run(tmp_path: Path):
    path = write(tmp_path / "plugins", "mine", GOOD)
    trusted = {"plugins/mine.py": file_digest(path.read_bytes())}
    assert [p.name for p in discover(workspace=tmp_path, trusted=trusted).plugins] == ["mine"]
    assert not (tmp_path / "plugins" / "__pycache__").exists()
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    found = discover(workspace=tmp_path, trusted=trusted)
    assert "changed after the folder was trusted" in found.broken["mine"]
    assert not (tmp_path / "ran").exists()


def test_a_new_file_in_a_trusted_folder_does_not_run(tmp_path: Path):
    write(tmp_path / "plugins", "mine", f"open({str(tmp_path / 'ran')!r}, 'w')")
    assert discover(workspace=tmp_path, trusted={}).broken.keys() == {"mine"}
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution that brings a plugin by entry point, as an installer would leave it."""
    site = tmp_path / "site"
    about = site / "stranger-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.2\n")
    points = "[kaizen_tui.plugins]\nstranger = stranger_plugin\nbroken = no_such_module\n"
    (about / "entry_points.txt").write_text(points)
    write(site, "stranger_plugin", GOOD)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.delitem(sys.modules, "stranger_plugin", raising=False)
    return site


@pytest.mark.usefixtures("stranger")
def test_an_entry_point_loads_only_when_it_is_allowed():
    assert installed() == ["broken", "stranger"]
    assert discover().plugins == ()
    assert "stranger_plugin" not in sys.modules
    (plugin,) = discover(allowed=["stranger"]).plugins
    assert plugin.origin == "entry point stranger (stranger 1.2)"
    assert [p.name for p in plugin.patterns] == ["shout"]


@pytest.mark.usefixtures("stranger")
@pytest.mark.parametrize("name", ["broken", "missing"])
def test_an_allowed_entry_point_that_fails_is_an_error(name: str):
    with pytest.raises(PluginError, match=name) as caught:
        discover(allowed=[name])
    assert caught.value.exit_code == 3
