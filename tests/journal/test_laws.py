"""The laws of replay, over random programs: drive, cut anywhere, drive again."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from tests.journal.programs import Dice, Node, changed, program, spoken
from workbench.errors import Diverged
from workbench.journal.events import OUTCOMES, Event
from workbench.values import copied

PROGRAMS = int(os.environ.get("KAIZEN_PROGRAMS", "1500"))
"""How many random programs; the full 10,000 are run by ``python -m tests.laws``."""


def _recorded(seed: int) -> tuple[random.Random, Node, Dice]:
    dice = random.Random(seed)
    node = program(dice)
    first = Dice(node, seed)
    first.begin()
    first.run()
    return dice, node, first


def check_replay(seed: int) -> None:
    """A whole log gives the same end, and nothing is asked for live."""
    _, node, first = _recorded(seed)
    again = Dice(node, seed + 1, rows=list(first.rows))
    again.begin()
    assert spoken(again.drive.outcome) == spoken(first.drive.outcome)
    assert not again.performed
    assert not again.drive.parked


def check_cuts(seed: int) -> None:
    """Cut anywhere and go on under other timings: what was done is not done again."""
    dice, node, first = _recorded(seed)
    for timing in range(3):
        cut = dice.randrange(len(first.rows) + 1)
        rows = list(first.rows[:cut])
        done = {row.key for row in rows if row.kind in OUTCOMES}
        resumed = Dice(node, seed * 7 + timing, rows=rows)
        resumed.begin()
        if dice.random() < 0.3:
            resumed.run(most=cut + dice.randrange(5))
            resumed.drive.suspend()
            resumed = Dice(node, seed + timing, resumed.rows, resumed.performed)
            resumed.begin()
        resumed.run()
        assert resumed.drive.outcome is not None
        assert not done & resumed.performed.keys()
        third = Dice(node, 1, rows=list(resumed.rows))
        third.begin()
        assert spoken(third.drive.outcome) == spoken(resumed.drive.outcome)
        assert not third.performed
    fork_of_fork(node, first, dice)


def fork_of_fork(node: Node, first: Dice, dice: random.Random) -> None:
    """Forks of forks go on from their cut and leave their source as it was."""
    rows, kept = first.rows, list(first.rows)
    for generation in range(3):
        cut = dice.randrange(len(rows) + 1)
        fork = Dice(node, dice.randrange(10**6) + generation, rows=list(rows[:cut]))
        fork.begin()
        fork.run()
        assert fork.rows[:cut] == rows[:cut]
        rows = fork.rows
    assert first.rows == kept


def check_change(seed: int) -> None:
    """A changed program diverges, or the change lies where the log never went."""
    dice, node, first = _recorded(seed)
    other, cut = changed(node, dice), dice.randrange(len(first.rows) + 1)
    rows, kept = first.rows[:cut], list(first.rows)
    again = Dice(other, seed, rows=list(rows))
    try:
        again.begin()
    except Diverged as error:
        assert not again.performed
        assert again.rows == rows
        _check_report(error.data["report"], rows)
        _check_fork(other, rows, error.data["report"]["seq"] - 1, seed)
    else:
        # Every row was asked for just as it was recorded; what is new comes after.
        assert not again.performed
        asked = again.drive.parked.keys()
        assert not asked & {row.key for row in rows if row.kind in OUTCOMES}
        again.drive.suspend()
    assert first.rows == kept


def _check_report(report: dict[str, Any], rows: list[Event]) -> None:
    """It names the row, and has what fitted before it and what is asked for instead."""
    assert copied(report) == report
    row = rows[int(report["seq"]) - 1]
    assert (report["recorded"]["seq"], report["recorded"]["effect"]["key"]) == (row.seq, row.key)
    assert report["asked"] or report["ended"]
    assert report["left_over"] == len(rows) - report["seq"] + 1 or report["why"] == "open"
    assert (report["last"] or {"seq": 0})["seq"] < report["seq"] or report["why"] == "open"


def _check_fork(other: Node, rows: list[Event], cut: int, seed: int) -> None:
    """The changed program goes on from some point at or before the row that did not fit."""
    while True:
        fork = Dice(other, seed, rows=list(rows[:cut]))
        try:
            fork.begin()
        except Diverged as error:
            seq = error.data["report"]["seq"]
            cut = min(cut, seq) - 1
            continue
        done = {row.key for row in rows[:cut] if row.kind in OUTCOMES}
        fork.run()
        assert fork.drive.outcome is not None
        assert not done & fork.performed.keys()
        return


@pytest.mark.parametrize("part", range(10))
def test_a_log_replays_to_the_same_end_and_performs_nothing(part: int) -> None:
    for seed in range(part, PROGRAMS, 10):
        check_replay(seed)


@pytest.mark.parametrize("part", range(10))
def test_a_cut_run_resumes_under_other_timings_and_repeats_nothing(part: int) -> None:
    for seed in range(part, PROGRAMS, 10):
        check_cuts(seed)


@pytest.mark.parametrize("part", range(10))
def test_a_changed_program_diverges_before_anything_live(part: int) -> None:
    for seed in range(part, PROGRAMS, 10):
        check_change(seed)
