"""Text measured in terminal cells: crop, pad and wrap by what a character really takes.

Wide characters take two cells and combining marks none, so lengths and slices lie about columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size

from workbench.plain import Plain

Role: TypeAlias = Literal[
    "", "dim", "strong", "accent", "good", "warn", "bad", "critical", "agent", "kind", "key"
]
"""What a piece of text is; the style sheet says how that looks."""

ROLES: tuple[Role, ...] = (
    "dim", "strong", "accent", "good", "warn", "bad", "critical", "agent", "kind", "key",
)  # fmt: skip

Span: TypeAlias = tuple[Plain, Role]
"""A piece of a line. A plain ``str`` does not fit: only `plain` and literals make a `Plain`."""

Line: TypeAlias = Sequence[Span]


def width_of(text: Plain) -> int:
    """Cells the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: Plain, width: int) -> Plain:
    """Exactly ``width`` cells: padded with spaces, or cropped with an ellipsis."""
    if width <= 0:
        return Plain("")
    taken = width_of(text)
    if taken <= width:
        return Plain(text + " " * (width - taken))
    return Plain(set_cell_size(text, width - 1) + "…")


def crop(text: Plain, width: int) -> Plain:
    """At most ``width`` cells, with an ellipsis when something is missing."""
    return text if width_of(text) <= width else fit(text, width)


def right(text: Plain, width: int) -> Plain:
    """Exactly ``width`` cells with the text at the right."""
    taken = width_of(text)
    return Plain(" " * (width - taken) + text) if taken <= width else fit(text, width)


def wrap(text: Plain, width: int) -> list[Plain]:
    """Lines of at most ``width`` cells, broken at spaces where one stands late enough.

    Nothing is left out and nothing is added: what a person approves has to be all there.
    """
    lines: list[Plain] = []
    for part in text.expandtabs(4).split("\n"):
        lines.extend(_wrap_one(part, max(1, width)))
    return lines


def _wrap_one(text: str, width: int) -> list[Plain]:
    lines: list[Plain] = []
    while width_of(Plain(text)) > width:
        head = text[:width] if text.isascii() else (chop_cells(text, width)[0] or text[0])
        space = head.rfind(" ")
        if space > len(head) // 2:
            head = head[: space + 1]
        lines.append(Plain(head))
        text = text[len(head) :]
    lines.append(Plain(text))
    return lines
