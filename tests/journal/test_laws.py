"""The laws of replay, over random programs: drive, cut anywhere, drive again."""

from __future__ import annotations

import os
import random

import pytest

from tests.journal.programs import Dice, Node, changed, program, spoken
from workbench.errors import Diverged
from workbench.journal.events import OUTCOMES

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
    other = changed(node, dice)
    again = Dice(other, seed, rows=list(first.rows))
    try:
        again.begin()
    except Diverged:
        assert not again.performed
        return
    # No divergence: every row was asked for just as it was recorded; what is new comes after.
    assert not again.performed
    asked = {key: p.fingerprint for key, p in again.drive.parked.items()}
    assert not asked.keys() & {row.key for row in first.rows if row.kind in OUTCOMES}
    again.drive.suspend()


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
