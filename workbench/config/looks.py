"""Readers of what the screen looks like and which keys it has.

Only the screen knows Textual, but a wrong setting is told wherever settings are read. So the names
of Textual's themes and keys stand here once more; a test compares them with the installed Textual.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from workbench.config import values as v
from workbench.errors import nearest

THEMES = (
    "ansi-dark", "ansi-light", "atom-one-dark", "atom-one-light", "catppuccin-frappe",
    "catppuccin-latte", "catppuccin-macchiato", "catppuccin-mocha", "dracula", "flexoki", "gruvbox",
    "monokai", "nord", "rose-pine", "rose-pine-dawn", "rose-pine-moon", "solarized-dark",
    "solarized-light", "textual-dark", "textual-light", "tokyo-night",
)  # fmt: skip
_OLD = {"textual-ansi": "ansi-dark"}
"""What earlier versions of Textual called them."""


def theme(value: Any) -> str:
    """The name of a theme, or empty for the usual one."""
    name = v.text(value)
    if not name or name in THEMES:
        return name
    guess = _OLD.get(name) or nearest(name.lower(), THEMES)
    hint = f"did you mean {guess!r}?" if guess else f"there are: {', '.join(THEMES)}"
    raise v.Unfit(f"names no theme: {name!r}; {hint}")


_NAMED = (
    "escape", "enter", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup",
    "pagedown", "up", "down", "left", "right", *(f"f{number}" for number in range(1, 25)),
)  # fmt: skip
_NICKNAMES = {
    "esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "pgup": "pageup",
    "pgdn": "pagedown", "page_up": "pageup", "page_down": "pagedown", "spacebar": "space",
}  # fmt: skip
_SAME = {
    "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+i": "tab", "ctrl+h": "backspace",
    "ctrl+[": "escape", "ctrl+left_square_bracket": "escape",
}  # fmt: skip
"""What a terminal cannot tell from another key."""
_RENAMED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_WITH_CTRL = (*string.ascii_lowercase, *string.digits, "at", "backslash", "underscore",
              "right_square_bracket", "circumflex_accent", *_NAMED)  # fmt: skip


def spelled(character: str) -> str:
    """The name of the key that types a character: itself, or ``question_mark``."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, character).lower().replace("-", "_").replace(" ", "_")
    return _RENAMED.get(name, name)


_MARKS = tuple(spelled(mark) for mark in string.punctuation)
_BARE = (*_NAMED, *_MARKS)
_KNOWN = (
    *_BARE,
    *(f"ctrl+{name}" for name in _WITH_CTRL),
    *(f"alt+{name}" for name in (*string.ascii_lowercase, *string.digits, *_BARE)),
    *(f"shift+{name}" for name in _NAMED),
)


def types_text(key: str) -> bool:
    """Whether a key, by the name it has here, puts a character into a text field."""
    return key == "space" or len(key) == 1 or ("+" not in key and key not in _NAMED)


def key(text: str) -> str:
    """The name Textual has for a key that a terminal can send; Unfit for every other."""
    name = text.strip()
    if len(name) == 1 and name.isprintable() and not unicodedata.combining(name):
        return spelled(name)
    *modifiers, last = name.split("+")
    if len(last) == 1 and modifiers and not last.isalnum():
        name = "+".join((*modifiers, spelled(last)))
    if name in _SAME:
        same = _SAME[name]
        raise v.Unfit(f"cannot be {name!r}: terminals send the same for {same}; {_guess(same)}")
    if "ctrl" in modifiers and "shift" in modifiers:
        sent = f"ctrl+{last.lower()}"
        raise v.Unfit(f"cannot be {name!r}: terminals send it as {sent}; {_guess(sent)}")
    if modifiers == ["shift"] and len(last) == 1:
        raise v.Unfit(f"cannot be {name!r}; {_guess(last.upper())}")
    if name in _KNOWN or (modifiers == ["alt", "shift"] and last in string.ascii_lowercase):
        return name
    if not name:
        raise v.Unfit("needs a key, or several with one comma between them; a comma is 'comma'")
    near = _NICKNAMES.get(name.lower()) or nearest(name.lower(), _KNOWN)
    hint = f"; {_guess(near)}" if near else "; letters, ctrl+k, alt+k, f1 to f24 and the like"
    raise v.Unfit(f"is no key that a terminal sends: {name!r}{hint}")


def _guess(name: str) -> str:
    return f"did you mean {name!r}?"


def keys(value: Any) -> dict[str, str]:
    """Keys by action: ``trace.follow``, written as one name or as tables within one another."""
    found: dict[str, str] = {}
    for path, given in _leaves((), v.mapping(value)):
        name = ".".join(path)
        if name in found:
            raise v.Unfit("is set twice, with a point and as a table", path)
        found[name] = _inside(path, given)
    return found


def _leaves(
    above: tuple[str, ...], tree: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in tree.items():
        path = (*above, name)
        if isinstance(value, Mapping):
            yield from _leaves(path, v.mapping(value))
        else:
            yield path, value


def _inside(path: tuple[str, ...], value: Any) -> str:
    try:
        return ",".join(dict.fromkeys(map(key, v.text(value).split(","))))
    except v.Unfit as error:
        raise v.Unfit(error.message, path) from error
