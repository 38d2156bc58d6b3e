"""Colours that can be read: the theme's own, moved towards black or white as far as needed.

A theme's colours are chosen to look well beside each other, not to be read on every ground that
this screen paints text on: solarized's text has 3.2:1 on a selected row, green on a light theme
2.2:1. WCAG asks for 4.5:1, and `DIM` for what may step back. Only as much is moved as is needed,
so that a theme stays itself.

The colours of an ANSI theme are the terminal's own and cannot be computed. Of the sixteen only
those are used that can be read in the palettes terminals come with; a selected row there is
reversed, what steps back is dim, and focus is a heavier line (see the style sheet's ``:ansi``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import Color

TEXT = 4.5
DIM = 3.0
_FULL = 7.0
"""What black or white must reach on a selected row, so that there is room for colours."""
_STEPS = 40
_LINE = 3.0
_QUIET_LINE = 1.6
"""Of the border around the pane that has the keys, and around the others."""

_INKS = {
    "foreground": TEXT,
    "text-primary": TEXT,
    "text-secondary": TEXT,
    "text-accent": TEXT,
    "text-success": TEXT,
    "text-warning": TEXT,
    "text-error": TEXT,
}
_GROUNDS = ("background", "surface", "panel")

_ANSI_DARK = {
    "text-primary": "ansi_cyan",
    "text-secondary": "ansi_default",
    "text-accent": "ansi_bright_cyan",
    "text-success": "ansi_green",
    "text-warning": "ansi_bright_yellow",
    "text-error": "ansi_bright_red",
    "line-focus": "ansi_cyan",
}
_ANSI_LIGHT = {
    "text-primary": "ansi_blue",
    "text-secondary": "ansi_default",
    "text-accent": "ansi_magenta",
    "text-success": "ansi_blue",
    "text-warning": "ansi_magenta",
    "text-error": "ansi_red",
    "line-focus": "ansi_blue",
}
_ANSI_BOTH = ("text-muted", "text-disabled", "ground-row", "line")


def readable(variables: Mapping[str, str], *, ansi: bool, dark: bool) -> dict[str, str]:
    """A theme's variables with inks that can be read, and names of our own.

    Those are ``ground-row`` (a selected row), ``line`` and ``line-focus`` (borders).
    """
    if ansi:
        usual = dict.fromkeys(_ANSI_BOTH, "ansi_default")
        return {**variables, **usual, **(_ANSI_DARK if dark else _ANSI_LIGHT)}
    grounds = [Color.parse(variables[name]) for name in _GROUNDS]
    row = _row(grounds[0], Color.parse(variables["primary-muted"]))
    grounds.append(row)
    made = {
        name: _ink(Color.parse(variables[name]), grounds, least) for name, least in _INKS.items()
    }
    back = made["foreground"].blend(grounds[0], 0.3)
    made["text-muted"] = made["text-disabled"] = _ink(back, grounds, DIM)
    made["line-focus"] = _ink(Color.parse(variables["primary"]), grounds[:1], _LINE)
    made["line"] = _ink(Color.parse(variables["panel-lighten-2"]), grounds[:1], _QUIET_LINE)
    made["ground-row"] = row
    return {**variables, **{name: colour.hex6 for name, colour in made.items()}}


def contrast(one: Color, other: Color) -> float:
    """WCAG's ratio of two colours, from 1 to 21."""
    light, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dim + 0.05)


def _luminance(colour: Color) -> float:
    red, green, blue = (_linear(part / 255) for part in colour.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _least(ink: Color, grounds: Sequence[Color]) -> float:
    return min(contrast(ink, ground) for ground in grounds)


def _pole(grounds: Sequence[Color]) -> Color:
    """Black or white, whichever can be read better on all of them."""
    return max((Color(0, 0, 0), Color(255, 255, 255)), key=lambda ink: _least(ink, grounds))


def _ink(ink: Color, grounds: Sequence[Color], least: float) -> Color:
    pole = _pole(grounds)
    tried = (ink.blend(pole, step / _STEPS) for step in range(_STEPS + 1))
    return next((found for found in tried if _least(found, grounds) >= least), pole)


def _row(background: Color, muted: Color) -> Color:
    """The ground of a selected row: the theme's, but still the kind of ground the screen is."""
    pole, full = _pole([background]), background + muted
    tried = (full.blend(background, step / _STEPS) for step in range(_STEPS + 1))
    return next((found for found in tried if contrast(pole, found) >= _FULL), background)
