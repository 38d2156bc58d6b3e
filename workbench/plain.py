r"""Show text from elsewhere as text: whatever could act on a terminal or hide is spelled out.

Agents, tools, models, files and servers write what they like. Before any of it reaches a
terminal (a pane, or `--script`'s output) it passes here, once. Characters that steer a terminal,
turn the reading direction, take no room or carry hidden text are shown as ``\x1b`` or
``\u202e``. Each character is judged alone, so a sequence split over two chunks gains nothing.

Backslashes stay as they are: the result is for reading, not for reading back.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NewType

Plain = NewType("Plain", str)
"""Text that is safe to paint. Painters take nothing else; `plain` and literals make it."""

_ASCII = bytes(c for c in range(128) if 32 <= c < 127 or c in b"\n\t")
"""What of ASCII neither steers nor hides."""

_BASIC = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but newline and tab, delete, C1
    "\u00ad\u034f\u061c\u180b-\u180f"  # soft hyphen, joiners, Arabic mark, Mongolian selectors
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2"  # marks that enclose what follows
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # fillers: letters without a shape
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, direction, separators
    "\ud800-\udfff"  # lone surrogates, which no terminal's encoding carries
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb"  # variation selectors, byte order mark, annotations
)
_BEYOND = (
    "\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"  # format controls
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # music; tags and more variation selectors
)
_BASIC_ONLY = re.compile(f"([{_BASIC}])")
_ALL = re.compile(f"([{_BASIC}{_BEYOND}])")
_LEADS = (b"\xf0\x91", b"\xf0\x93", b"\xf0\x9b", b"\xf0\x9d", b"\xf3\xa0")
"""How those beyond the basic plane begin in UTF-8, which no emoji does. A set with them is compared
range by range and takes several times as long, so it is used where one of these stands."""

_SHORT = 200
"""Characters up to which one search is the quickest."""


def plain(text: str) -> Plain:
    """The text with every steering or hiding character spelled out; newline and tab stay."""
    if text.isascii():
        odd = text.encode("ascii").translate(None, _ASCII)
        # Each pass is one of C's, and there are no more of them than such characters.
        for code in set(odd) if odd else ():
            text = text.replace(chr(code), _spelled(chr(code)))
        return Plain(text)
    hiding = _ALL if len(text) <= _SHORT or _may_hide_beyond(text) else _BASIC_ONLY
    if hiding.search(text) is None:
        return Plain(text)
    parts = hiding.split(text)
    parts[1::2] = map(_spelled, parts[1::2])
    return Plain("".join(parts))


def one_line(text: str) -> Plain:
    """As `plain`, with newlines and tabs spelled out too: for a row, which has no second line."""
    clean = plain(text)
    if clean.isprintable():
        return clean
    return Plain(clean.replace("\n", "\\n").replace("\t", "\\t"))


def _may_hide_beyond(text: str) -> bool:
    raw = text.encode("utf-8", "surrogatepass")
    return any(lead in raw for lead in _LEADS)


@cache
def _spelled(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
