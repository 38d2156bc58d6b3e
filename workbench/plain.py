r"""Show text from elsewhere as text: whatever could act on a terminal or hide is spelled out.

Agents, tools, models, files and servers write what they like. Before any of it reaches a
terminal (a pane, or `--script`'s output) it passes here, once. Characters that steer a terminal,
turn the reading direction, take no room or carry hidden text are shown as ``\x1b`` or
``\u202e``. Each character is judged alone, so a sequence split over two chunks gains nothing.

Backslashes stay as they are: the result is for reading, not for reading back.
"""

from __future__ import annotations

import re
from typing import NewType

Plain = NewType("Plain", str)
"""Text that is safe to paint. Painters take nothing else; `plain` and literals make it."""

_STEERING = bytes(c for c in range(128) if (c < 32 and c not in b"\n\t") or c == 127)

_HIDING = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but newline and tab, delete, C1
    "\u00ad\u034f\u061c\u180b-\u180f"  # soft hyphen, joiners, Arabic mark, Mongolian selectors
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # marks that enclose what follows
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers: letters without a shape
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, direction, separators
    "\ud800-\udfff"  # lone surrogates, which no terminal's encoding carries
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb"  # variation selectors, byte order mark, annotations
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"  # format controls
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # music; tags and more variation selectors
    "]"
)
_BREAKING = re.compile("[\n\t]+")
_SPELLED = {"\n": "\\n", "\t": "\\t"}


def plain(text: str) -> Plain:
    """The text with every steering or hiding character spelled out; newline and tab stay."""
    if text.isascii():
        raw = text.encode("ascii")
        if len(raw.translate(None, _STEERING)) == len(raw):
            return Plain(text)
    elif _HIDING.search(text) is None:
        return Plain(text)
    return Plain(_HIDING.sub(_spell, text))


def one_line(text: str) -> Plain:
    """As `plain`, with newlines and tabs spelled out too: for a row, which has no second line."""
    clean = plain(text)
    if clean.isprintable():
        return clean
    return Plain(_BREAKING.sub(lambda found: "".join(_SPELLED[c] for c in found[0]), clean))


def _spell(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
