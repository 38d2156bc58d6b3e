"""A stretch of time on a number of cells: where a moment falls, and ticks at round units.

Pure, and exact to the cell: a moment inside the window is never left of it, however far one has
zoomed in.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from workbench.plain import Plain

LEAST_S = 0.001
"""The shortest window: rows have milliseconds."""
_APART = 9
"""Cells from one tick to the next, at least."""

_ROUND_S = (
    *(unit * times for unit in (0.001, 0.01, 0.1) for times in (1, 2, 5)),
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)),
)  # fmt: skip
"""Lengths of time that a person counts in."""


class Window(NamedTuple):
    """What of a run's time is in sight; seconds since 1970 and a length."""

    began: float
    """When the run began: the axis counts from here."""
    left: float
    span_s: float

    def cell(self, at: float, cells: int) -> int:
        """The cell a moment falls into; negative or ``cells`` and more outside of the window."""
        cell = int((at - self.left) / self.span_s * cells // 1)
        return cells - 1 if cell >= cells and at <= self.left + self.span_s else cell


def whole(began: float, end: float, *, grows: bool) -> Window:
    """All of a run; of one that goes on with some room to grow into, so that bars stand still."""
    length = max(end - began, LEAST_S)
    if grows:
        place = bisect_left(_ROUND_S, length / 8)
        unit = _ROUND_S[min(place, len(_ROUND_S) - 1)]
        length = -(-length // unit) * unit
    return Window(began, began, length)


def zoomed(all_of_it: Window, level: int, left: float, at: float | None) -> Window:
    """A window of ``1/2**level`` of the whole that begins at ``left``, moved as little as needed.

    Args:
        all_of_it: the whole run.
        level: how often the time was halved; 0 for the whole.
        left: where the window stood.
        at: a moment that has to be in sight, or None.
    """
    span = all_of_it.span_s / 2**level
    last = all_of_it.left + all_of_it.span_s - span
    if at is not None and not left <= at < left + span:
        left = at - span / 8
    return all_of_it._replace(left=max(all_of_it.left, min(left, last)), span_s=span)


def deepest(all_of_it: Window) -> int:
    """How often the whole can be halved."""
    level = 0
    while all_of_it.span_s / 2 ** (level + 1) >= LEAST_S:
        level += 1
    return level


def ticks(window: Window, cells: int) -> Iterator[tuple[int, Plain]]:
    """Cells with what stands there: the time since the run began, in round units."""
    wanted = window.span_s * _APART / max(cells, 1)
    unit = _ROUND_S[min(bisect_left(_ROUND_S, wanted), len(_ROUND_S) - 1)]
    number = int((window.left - window.began) // unit)
    while True:
        at = window.began + number * unit
        cell = window.cell(at + unit * 1e-6, cells)
        if cell >= cells:
            return
        if cell >= 0:
            yield cell, _said(number * unit, unit)
        number += 1


def _said(seconds: float, unit: float) -> Plain:
    """``0``, ``250ms``, ``1.5s``, ``45s``, ``1:15``, ``2h05``, ``3d06h``: as fine as the ticks."""
    if seconds < unit / 2:
        return Plain("0")
    if unit < 1 and seconds < 1:
        return Plain(f"{round(seconds * 1000)}ms")
    digits = 0 if unit >= 1 else 1 if unit >= 0.1 else 2 if unit >= 0.01 else 3
    if seconds < 60:
        return Plain(f"{seconds:.{digits}f}s")
    minutes, rest = divmod(seconds, 60)
    if seconds < 3600 or unit < 60:
        hours, minutes = divmod(int(minutes), 60)
        head = f"{hours}:{minutes:02d}" if hours else str(minutes)
        return Plain(f"{head}:{rest:0{3 + digits if digits else 2}.{digits}f}")
    hours, minutes = divmod(round(seconds / 60), 60)
    if seconds < 86_400:
        return Plain(f"{hours}h{minutes:02d}")
    days, hours = divmod(hours, 24)
    return Plain(f"{days}d{hours:02d}h" if unit < 86_400 else f"{days}d")
