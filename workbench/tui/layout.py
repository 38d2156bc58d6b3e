"""Where each pane stands, for any size of terminal: a pure function from size to boxes.

Three arrangements. *Wide* (140 columns): everything at once. *Medium* (100): agents at the left,
one of trace, checkpoints and detail at the right under a strip of tabs. *Narrow* (less, or under
30 rows): one pane at a time, the inbox as one line. Below 80x24 there is no arrangement.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

PaneName: TypeAlias = Literal["agents", "checkpoints", "trace", "detail", "inbox", "command"]

PANES: tuple[PaneName, ...] = ("agents", "checkpoints", "trace", "detail", "inbox", "command")
"""In the order of the keys 1 to 6."""

TABBED: tuple[PaneName, ...] = ("trace", "checkpoints", "detail")
SINGLE: tuple[PaneName, ...] = ("agents", "checkpoints", "trace", "detail")

MINIMUM = (80, 24)


class Box(NamedTuple):
    """A rectangle of cells."""

    x: int
    y: int
    width: int
    height: int


Mode: TypeAlias = Literal["wide", "medium", "narrow", "small"]


def mode_of(width: int, height: int) -> Mode:
    """The arrangement for a terminal of that size."""
    if width < MINIMUM[0] or height < MINIMUM[1]:
        return "small"
    if width < 100 or height < 30:
        return "narrow"
    return "medium" if width < 140 else "wide"


class Wanted(NamedTuple):
    """What the user has chosen to see."""

    shown: PaneName = "trace"
    """The tab that stands in front where not everything fits."""
    zoomed: PaneName | None = None
    waiting: int = 0
    inbox_open: bool = False
    """The inbox has the focus: it gets room to show one whole action."""


def arrange(width: int, height: int, wanted: Wanted) -> dict[str, Box]:
    """Boxes by name for the area between status bar and command line; absent means hidden."""
    mode = mode_of(width, height + 3)  # status bar, command line and hints stand outside
    inbox = inbox_height(mode, height, wanted)
    top = height - inbox
    boxes = {"inbox": Box(0, top, width, inbox)}
    if top <= 0:
        return boxes
    if wanted.zoomed is not None and wanted.zoomed in SINGLE:
        return boxes | {wanted.zoomed: Box(0, 0, width, top)}
    if mode == "wide":
        return boxes | _wide(width, top)
    if mode == "medium":
        return boxes | _medium(width, top, wanted.shown)
    shown = wanted.shown if wanted.shown in SINGLE else "trace"
    return boxes | {"tabs": Box(0, 0, width, 1), shown: Box(0, 1, width, top - 1)}


def inbox_height(mode: Mode, height: int, wanted: Wanted) -> int:
    """Rows of the inbox: one line, a few, half the screen while it is used, or all of it."""
    if wanted.zoomed == "inbox":
        return height
    if wanted.inbox_open and wanted.waiting:
        return height if mode == "narrow" else max(14, height * 3 // 5)
    if not wanted.waiting or mode == "narrow":
        return 1
    return min(wanted.waiting, 3) + 3


def _wide(width: int, top: int) -> dict[str, Box]:
    left = min(44, max(36, width // 4))
    upper = max(5, top * 45 // 100)
    trace = max(6, top * 62 // 100)
    return {
        "agents": Box(0, 0, left, upper),
        "checkpoints": Box(0, upper, left, top - upper),
        "trace": Box(left, 0, width - left, trace),
        "detail": Box(left, trace, width - left, top - trace),
    }


def _medium(width: int, top: int, shown: PaneName) -> dict[str, Box]:
    left = 36
    front = shown if shown in TABBED else "trace"
    return {
        "agents": Box(0, 0, left, top),
        "tabs": Box(left, 0, width - left, 1),
        front: Box(left, 1, width - left, top - 1),
    }
