"""Which colours the screen has: the theme of the settings, previewed and chosen in the palette.

``NO_COLOR`` in the environment leaves the terminal's two colours, bold, dim, reverse and underline;
then no theme shows. A theme that is chosen is kept in the user's own file of settings.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual.app import App
from textual.command import Command, CommandPalette

from workbench.config import Config
from workbench.config.keeping import keep
from workbench.errors import WorkbenchError
from workbench.tui.inks import readable

DEFAULT = "textual-dark"
PLAIN = "ansi-dark"
"""What NO_COLOR is drawn from: its variables mark things by attributes."""


def wants_no_colour(environment: Mapping[str, str]) -> bool:
    """Whether NO_COLOR is set; as its standard says, to anything but nothing."""
    return bool(environment.get("NO_COLOR"))


class ThemeChoice:
    """What the palette does for a theme: shown while it is highlighted, kept when it is taken."""

    def __init__(self, app: ThemedApp, name: str) -> None:
        self.app = app
        self.name = name

    def __call__(self) -> None:
        """Take it."""
        self.app.choose_theme(self.name)


class ThemedApp(App[int]):
    """An app in the user's theme."""

    def __init__(self, config: Config, driver_class: Any = None) -> None:
        self.is_plain = wants_no_colour(os.environ)
        super().__init__(driver_class=driver_class, ansi_color=True if self.is_plain else None)
        self.config = config
        self.chosen_theme = PLAIN if self.is_plain else config.theme or DEFAULT
        """What is in force, whatever is being previewed."""
        self.began_theme = self.chosen_theme
        self.theme = self.chosen_theme
        self._keeping = asyncio.Lock()

    def say(self, text: str) -> None:
        """Show a sentence to the user."""
        raise NotImplementedError

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours as far as they can be read, moved where they cannot."""
        theme = self.current_theme
        found = readable(super().get_css_variables(), ansi=theme.ansi, dark=theme.dark)
        self.theme_variables = found
        return found

    def action_themes(self) -> None:
        """The palette with nothing but themes in it."""
        from workbench.tui.palette import AllThemes  # noqa: PLC0415 - it knows this module

        self.push_screen(CommandPalette([AllThemes], placeholder="Theme"))

    def on_command_palette_option_highlighted(
        self, message: CommandPalette.OptionHighlighted
    ) -> None:
        """Show the theme under the cursor; on anything else, the one in force."""
        option = message.highlighted_event.option
        choice = option.hit.command if isinstance(option, Command) else None
        self._show(choice.name if isinstance(choice, ThemeChoice) else self.chosen_theme)

    def on_command_palette_closed(self) -> None:
        """A preview ends; a theme that was taken comes after this."""
        self._show(self.chosen_theme)

    def choose_theme(self, name: str) -> None:
        """Take a theme and keep it for the next time."""
        if self.is_plain:
            self.say(f"NO_COLOR is set: {name} would not show, and was not kept")
            return
        self.chosen_theme = name
        self._show(name)
        self.run_worker(self._keep_theme(name))

    def _show(self, name: str) -> None:
        if not self.is_plain and self.theme != name:
            self.theme = name

    async def _keep_theme(self, name: str) -> None:
        async with self._keeping:
            if name != self.chosen_theme:
                return  # another was taken while this one waited
            try:
                file = await asyncio.to_thread(keep, os.environ, "theme", name)
            except WorkbenchError as error:
                self.say(f"{name} is in force until you leave: {error}")
                return
        self.say(f"{name}, kept in {file}{_over(self.config.sources.get('theme', ''), file)}")


def _over(source: str, file: Path) -> str:
    """What to say when a theme comes from elsewhere than the file that keeps it."""
    if not source or Path(source.rpartition(":")[0]).resolve() == file:
        return ""
    return f"; {source} goes before it"
