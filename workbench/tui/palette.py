"""The command palette: every action of the key table by name, and themes with a live preview."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.tui.keymap import shown
from workbench.tui.keys import KEYS, TITLES, Key
from workbench.tui.themed import ThemeChoice

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


def palette_keys() -> tuple[Key, ...]:
    """What the palette offers: everything that has a key."""
    return KEYS


_CHANGE = "Change colours; kept for the next time."


class ThemeProvider(Provider):
    """Offers Textual's themes among all commands: one line that leads to them, and by name."""

    async def discover(self) -> Hits:
        """One line that leads to all of them."""
        themes = cast("KaizenApp", self.app).action_themes
        yield DiscoveryHit("Theme: ... (type theme)", themes, help=_CHANGE)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for name, choice in self.choices():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), choice, help=_CHANGE)

    def choices(self) -> Iterator[tuple[str, ThemeChoice]]:
        """Each theme as a line of the palette and what it does."""
        app = cast("KaizenApp", self.app)
        for name in sorted(app.available_themes):
            yield f"Theme: {name}", ThemeChoice(app, name)


class KeyProvider(ThemeProvider):
    """Offers the actions of the key table, then the themes.

    One provider, because Textual asks several in no particular order.
    """

    async def discover(self) -> Hits:
        """Everything, when nothing was typed yet."""
        for key in palette_keys():
            yield DiscoveryHit(self._name(key), partial(self._do, key), help=key.help)
        async for hit in super().discover():
            yield hit

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for key in palette_keys():
            name = self._name(key)
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), partial(self._do, key), help=key.help)
        async for hit in super().search(query):
            yield hit

    def _name(self, key: Key) -> str:
        return f"{key.title} ({TITLES[key.place]}, {shown(key)})"

    def _do(self, key: Key) -> None:
        cast("KaizenApp", self.app).do(key)


class AllThemes(ThemeProvider):
    """Nothing but themes, all of them at once."""

    async def discover(self) -> Hits:
        """Every theme."""
        for name, choice in self.choices():
            yield DiscoveryHit(name, choice, help=_CHANGE)
