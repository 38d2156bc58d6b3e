"""Readers of what the screen looks like and which keys it has.

Only the screen knows Textual, but a wrong setting is told wherever settings are read. So the names
of Textual's themes and keys stand here once more; a test compares them with the installed Textual.
"""

from __future__ import annotations

from typing import Any

from workbench.config import values as v
from workbench.errors import nearest

THEMES = (
    "ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe",
    "catppuccin-latte", "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki", "gruvbox",
    "monokai", "nord", "rose-pine", "rose-pine-dawn", "rose-pine-moon", "solarized-dark",
    "solarized-light", "textual-dark", "textual-light", "tokyo-night",
)  # fmt: skip


def theme(value: Any) -> str:
    """The name of a theme, or empty for the usual one."""
    name = v.text(value)
    if not name or name in THEMES:
        return name
    guess = nearest(name.lower(), THEMES)
    hint = f"did you mean {guess!r}?" if guess else f"there are: {', '.join(THEMES)}"
    raise v.Unfit(f"names no theme: {name!r}; {hint}")
