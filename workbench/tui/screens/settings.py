"""Every setting in force: its value, where it comes from, what it is for, and how to change it.

What was chosen since the screen opened (mode, model, theme) goes before what was read. Secrets
are references here as everywhere, and what stands in an address before an ``@`` is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.screen import Screen

from workbench.config import Config
from workbench.config.settings import KEYS, Key
from workbench.plain import Plain, one_line
from workbench.tui.cells import Line, fit
from workbench.tui.keymap import keyed, short
from workbench.tui.keys import bindings
from workbench.tui.lines import Lines
from workbench.tui.painting import OneLine
from workbench.tui.panes.detail import DetailPane
from workbench.tui.status import hint_line
from workbench.tui.trace_rows import brief
from workbench.tui.written import Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp

HERE = "chosen here"
"""Where a value comes from that was chosen since the screen opened."""
_OPENS = {
    "theme": "{list.choose} opens the themes, each shown while it is highlighted",
    "mode": "{list.choose} writes /mode",
    "model": "{list.choose} writes /model",
    "keys": "{list.choose} shows all keys",
}


class SettingLine(NamedTuple):
    """One setting."""

    name: str
    value: str
    source: str


def setting_lines(config: Config, now: Mapping[str, tuple[str, str]]) -> list[SettingLine]:
    """Every setting; ``now`` has value and source of those that may have changed since."""
    return [
        SettingLine(name, *now.get(name, (_short(value), source)))
        for name, value, source in config.rows()
    ]


def change_words(key: Key, config: Config) -> Iterator[str]:
    """How a setting is changed."""
    if key.name in _OPENS:
        yield keyed(_OPENS[key.name])
    yield f"in your settings: {key.name}" if key.project == "never" else f"in a file: {key.name}"
    yield f"for one start: {key.variable}=..., or --set {key.name}=..."
    if items := [name for name in config.sources if name.startswith(f"{key.name}.")]:
        yield from (f"{name} from {config.sources[name]}" for name in items)


def _short(value: Any) -> str:
    """A value on one line; empty where there is none."""
    if value in (None, [], {}):
        return ""
    return brief(value if isinstance(value, str) else json.dumps(value), 400)


class SettingsList(Lines[SettingLine]):
    """The settings; what somebody set stands out by its source."""

    def spans(self, row: SettingLine, width: int) -> Line:
        """Name, value, source."""
        name, source = min(24, width // 3), min(44, width // 3)
        look = "dim" if row.source == "default" else "accent"
        return [
            (fit(one_line(row.name), name), "key"),
            (Plain(" "), ""),
            (fit(one_line(row.value) or Plain("-"), max(0, width - name - source - 2)), ""),
            (Plain(" "), ""),
            (fit(_end(row.source, source), source), look),
        ]


def _end(source: str, width: int) -> Plain:
    """A source whose end, file and line, is always in sight."""
    text = one_line(source)
    return text if len(text) <= width else Plain("..." + text[len(text) - width + 3 :])


class SettingsScreen(Screen[None]):
    """Opened by its key; Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("overlay")]
    AUTO_FOCUS = "#settings-list"
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, app: KaizenApp) -> None:
        super().__init__()
        self.workbench = app
        self._by_name = {key.name: key for key in KEYS}

    def compose(self) -> ComposeResult:
        """The settings, the selected one in full, the hints."""
        rows = SettingsList(id="settings-list", classes="pane")
        rows.rows = self._rows()
        rows.border_title = Content(
            keyed("Settings   {list.choose} changes   {overlay.close} back")
        )
        yield rows
        yield DetailPane(id="settings-detail").add_class("pane")
        yield OneLine(
            lambda width: hint_line(
                {"overlay"}, self.workbench.notice, width, lead=(short("overlay.close"), "back")
            ),
            id="hints",
        )

    def _rows(self) -> list[SettingLine]:
        return setting_lines(self.workbench.config, self._now())

    def _now(self) -> dict[str, tuple[str, str]]:
        """What holds of the settings that can be changed on the screen, and since when."""
        app = self.workbench
        began, now, sources = app.began, app.around, app.config.sources
        found = {
            "theme": (app.chosen_theme, app.chosen_theme != app.began_theme),
            "mode": (now.mode, now.mode != began.mode),
            "model": (now.model, now.model != began.model),
        }
        if app.config.model and now.model == began.model:
            del found["model"]
        lines = {
            name: (text, HERE if is_new else sources.get(name, "default"))
            for name, (text, is_new) in found.items()
            if text
        }
        if app.is_plain:
            lines["theme"] = ("none", "environment NO_COLOR")
        return lines

    def on_mount(self) -> None:
        """Show the first; follow a theme that is chosen over this screen."""
        self._show(self._rows()[0])
        self.workbench.theme_changed_signal.subscribe(self, lambda _theme: self._renew())

    def _renew(self) -> None:
        rows = self.query_one(SettingsList)
        rows.put(self._rows())
        if rows.selected is not None:
            self._show(rows.selected)

    def on_lines_selected(self, message: Lines.Selected) -> None:
        """The selected one in full."""
        if isinstance(message.row, SettingLine):
            self._show(message.row)

    def _show(self, row: SettingLine) -> None:
        config = self.workbench.config
        whole: Any = next(value for name, value, _ in config.rows() if name == row.name)
        shown = row.value if row.name in self._now() else whole
        key = self._by_name[row.name]

        def text(width: int) -> Iterator[Written]:
            yield from text_lines(f"{key.doc[:1].upper()}{key.doc[1:]}.", width)
            yield from labelled("value", shown, width, role="strong")
            yield from labelled("from", row.source, width)
            for number, words in enumerate(change_words(key, config)):
                yield from labelled("change" if number == 0 else "", words, width)

        self.query_one(DetailPane).show(one_line(row.name), text)

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Open what changes it."""
        match message.row:
            case SettingLine("theme"):
                self.workbench.action_themes()
            case SettingLine("keys"):
                self.workbench.action_help()
            case SettingLine("mode" | "model" as name):
                self.dismiss(None)
                self.workbench.write_command(f"/{name} ")
            case SettingLine(name):
                key = self._by_name[name]
                self.workbench.say(f"{name} is changed in a file of settings, or by {key.variable}")
            case _:
                pass

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_submit(self) -> None:
        """There is nothing to send."""
