"""Every key: an id, a sentence, a place in the palette and an action that exists."""

import pytest
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

from workbench.tui.app import KaizenApp
from workbench.tui.keys import KEYS, TITLES, Key
from workbench.tui.lines import Lines
from workbench.tui.palette import palette_keys
from workbench.tui.panes.agents import AgentsPane
from workbench.tui.panes.checkpoints import CheckpointsPane
from workbench.tui.panes.command import CommandInput
from workbench.tui.panes.detail import DetailPane
from workbench.tui.panes.inbox import InboxPane
from workbench.tui.panes.inbox_past import PastInbox
from workbench.tui.panes.trace import TracePane
from workbench.tui.screens.agents import DefinedList
from workbench.tui.screens.approvals import ApprovalsList
from workbench.tui.screens.browse import BrowseScreen
from workbench.tui.screens.compare import BranchesList, CompareScreen
from workbench.tui.screens.diff import DiffScreen
from workbench.tui.screens.diverged import DivergedScreen, PartedLines
from workbench.tui.screens.doctor import FindingsList
from workbench.tui.screens.files import FilesList, FilesScreen
from workbench.tui.screens.fork import ForkScreen
from workbench.tui.screens.help import HelpScreen, help_lines
from workbench.tui.screens.models import ModelsList
from workbench.tui.screens.past import PastScreen
from workbench.tui.screens.patterns import PatternsList
from workbench.tui.screens.profile import PathList
from workbench.tui.screens.restore import RestoreScreen
from workbench.tui.screens.rules import RulesList
from workbench.tui.screens.runs import RunsList, RunsScreen
from workbench.tui.screens.settings import SettingsList, SettingsScreen
from workbench.tui.screens.workbench import WorkbenchScreen

OWNERS: tuple[type[DOMNode], ...] = (
    KaizenApp, WorkbenchScreen, Lines, AgentsPane, CheckpointsPane, TracePane, DetailPane,
    InboxPane, CommandInput, RunsList, RunsScreen, PatternsList, ForkScreen,
    HelpScreen, BranchesList, CompareScreen, DiffScreen, FilesList, FilesScreen, RestoreScreen,
    DivergedScreen, PartedLines, BrowseScreen, ApprovalsList, RulesList, ModelsList, DefinedList,
    PathList, FindingsList,
    DivergedScreen, PartedLines, SettingsList, SettingsScreen,
    PastScreen, PastInbox,
)  # fmt: skip

FORBIDDEN = {"ctrl+m", "ctrl+i", "ctrl+h", "ctrl+j", "ctrl+["}


def bound() -> list[tuple[type[DOMNode], Binding]]:
    """Every binding that our own classes declare, with its class."""
    found: list[tuple[type[DOMNode], Binding]] = []
    for owner in OWNERS:
        for binding in owner.__dict__.get("BINDINGS", ()):
            assert isinstance(binding, Binding)
            found.append((owner, binding))
    return found


def test_ids_are_unique() -> None:
    ids = [key.id for key in KEYS]
    assert len(ids) == len(set(ids))


def test_every_binding_of_ours_stands_in_the_table() -> None:
    ids = {key.id for key in KEYS}
    for owner, binding in bound():
        assert binding.id in ids, (owner, binding)


def test_every_key_of_the_table_is_bound_somewhere() -> None:
    assert {key.id for key in KEYS} == {binding.id for _, binding in bound()}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.id)
def test_a_key_says_what_it_does_and_is_portable(key: Key) -> None:
    assert key.help.endswith(".")
    assert key.title
    assert key.place in TITLES
    for name in key.keys.split(","):
        assert name not in FORBIDDEN
        assert not name.startswith("ctrl+shift")


def test_palette_and_help_have_them_all() -> None:
    assert {key.id for key in palette_keys()} == {key.id for key in KEYS}
    text = "\n".join("".join(str(part) for part, _ in line) for line in help_lines("trace", 400))
    for key in KEYS:
        assert key.help in text, key.id


def test_every_action_exists() -> None:
    for owner, binding in bound():
        name = binding.action.partition("(")[0]
        namespace, _, action = name.rpartition(".")
        holder = KaizenApp if namespace == "app" else owner
        assert hasattr(holder, f"action_{action}"), (owner, binding.action)


def test_two_keys_of_one_place_never_clash() -> None:
    taken: dict[tuple[str, str], str] = {}
    for key in KEYS:
        for name in key.keys.split(","):
            assert (key.place, name) not in taken, (key.id, taken.get((key.place, name)))
            taken[key.place, name] = key.id


def test_textuals_own_quit_and_interrupt_keys_are_ours() -> None:
    ours = {name for key in KEYS if key.place == "app" for name in key.keys.split(",")}
    for binding in App.BINDINGS:
        assert isinstance(binding, Binding)
        assert set(binding.key.split(",")) <= ours
