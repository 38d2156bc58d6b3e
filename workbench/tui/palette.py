"""The command palette: every action of the key table by name, and themes with a live preview."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from workbench.tui.keys import KEYS, TITLES, Key, written

if TYPE_CHECKING:
    from workbench.tui.app import KaizenApp


def palette_keys() -> tuple[Key, ...]:
    """What the palette offers: everything that has a key."""
    return KEYS


class KeyProvider(Provider):
    """Offers the actions of the key table, those of the focused pane first."""

    async def discover(self) -> Hits:
        """Everything, when nothing was typed yet."""
        for key in palette_keys():
            yield DiscoveryHit(self._name(key), partial(self._do, key), help=key.help)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for key in palette_keys():
            name = self._name(key)
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), partial(self._do, key), help=key.help)

    def _name(self, key: Key) -> str:
        return f"{key.title} ({TITLES[key.place]}, {written(key.keys)})"

    def _do(self, key: Key) -> None:
        cast("KaizenApp", self.app).do(key)


class ThemeProvider(Provider):
    """Offers Textual's themes."""

    async def discover(self) -> Hits:
        """One line that leads to all of them."""
        yield DiscoveryHit(
            "Theme: ... (type theme)", self.app.search_themes, help="Change colours."
        )

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for name in sorted(self.app.available_themes):
            text = f"Theme: {name}"
            score = matcher.match(text)
            if score > 0:
                hit = matcher.highlight(text)
                yield Hit(score, hit, partial(self._set, name), help="Change colours.")

    def _set(self, name: str) -> None:
        self.app.theme = name
