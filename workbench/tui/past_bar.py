"""The two rows that say that one is looking at the past: the status bar, and where one is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workbench.plain import Plain
from workbench.tui.cells import Line, Span, crop
from workbench.tui.clock import day_and_time, grouped, span, time_of_day
from workbench.tui.keymap import keyed
from workbench.tui.state import Board
from workbench.tui.status import run_parts, spread


class Place(NamedTuple):
    """Where in the past one is."""

    at: int
    """The row."""
    last: int
    goal: int
    """Where one is on the way to; ``at`` when there."""
    moment: float
    began: float
    speed: int
    """Times real time; 0 while it does not play."""
    next_s: float
    """How long until the next row comes, at that speed; while it plays."""
    marks: Sequence[int]


def past_status(
    board: Board, run_id: str, moment: float, missed: tuple[int, int], width: int
) -> Line:
    """The status bar: PAST, the run as it was; and what of the present one does not see.

    Args:
        board: the past.
        run_id: whose.
        moment: when.
        missed: how many rows came since, and how many things wait now.
        width: cells.
    """
    run = board.runs.get(run_id)
    parts: list[tuple[int, Span]] = [
        (0, (Plain("kaizen"), "accent")),
        (0, (Plain(" PAST "), "critical")),
        *(run_parts(run, moment) if run is not None else []),
    ]
    if board.inbox:
        parts.append((1, (Plain(f"{len(board.inbox)} waited then"), "")))
    rows, waiting = missed
    tail: list[tuple[int, Span]] = []
    if rows:
        tail.append((1, (Plain(f"since: {grouped(rows)} row{'s' * (rows != 1)}"), "warn")))
    if waiting:
        tail.append((0, (Plain(f"! {waiting} waiting NOW"), "warn")))
    tail.append((2, (keyed("{past.leave}: present"), "dim")))
    return spread(parts, tail, width)


def slider(place: Place, width: int) -> Line:
    """``PAST  row 312 of 1 240  12:03:42.033  +0:42  ====|---o--``: always with the numbers."""
    if place.goal != place.at:
        said = f"going to row {grouped(place.goal)}: {grouped(place.at)} read"
    else:
        said = f"row {grouped(place.at)} of {grouped(place.last)}"
    since = span(max(0.0, place.moment - place.began))
    parts = [said, f"{day_and_time(place.moment)[:6]}{time_of_day(place.moment)}", f"+{since}"]
    if place.speed:
        parts.append(f"playing x{place.speed}{_wait(place.next_s)}")
    head = Plain("  ".join(parts))
    room = width - len(head) - 10
    spans: list[Span] = [(Plain(" PAST "), "critical"), (Plain(" "), "")]
    spans.append((crop(head, width - 8), "strong"))
    return [*spans, (Plain("  "), ""), *_track(place, room)] if room >= 8 else spans


def _wait(seconds: float) -> str:
    return f", next row in {span(seconds)}" if seconds >= 2 else ""


def _track(place: Place, cells: int) -> list[Span]:
    here = _cell(place.at, place.last, cells)
    marked = {_cell(mark, place.last, cells) for mark in place.marks}
    text = "".join("o" if cell in marked else "=" if cell < here else "-" for cell in range(cells))
    return [
        (Plain(text[:here]), "accent"),
        (Plain("|"), "critical"),
        (Plain(text[here + 1 :]), "dim"),
    ]


def _cell(row: int, last: int, cells: int) -> int:
    return (row - 1) * (cells - 1) // max(1, last - 1) if row > 0 else 0
