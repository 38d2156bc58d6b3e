"""Code changed between a crash and a resume: what still fits goes on, what does not starts nothing.

The run is made by a process that dies by SIGKILL, and taken up by another one with changed code;
the ledger that both act on is read here.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.run.journey import PLAN, ledger

DONE = ["four", "one", "stage", "three", "two"]
"""What the ledger has when the first process dies."""
ALL = sorted([*DONE, "five", "six"])


LOCKS = shutil.ignore_patterns("locks")
"""What no copy needs: it is made anew."""


class Variant(NamedTuple):
    """A change of the plan, and what should come of it."""

    name: str
    was: str
    now: str
    why: str = ""
    """Of the divergence; empty when the run goes on."""
    seen: str = ""
    """What the message says."""
    ledger: tuple[str, ...] = ()
    """What it does beyond the whole journey, when it goes on."""
    noted: str = ""
    """What the person is told, when it goes on."""


STEP = 'first = await call(act, "one")'
STAGE = 'inner = await follow("stage", name=name)'
BOTH = 'both = await together(call(act, "two"), call(act, "three"))'
TWO = 'together(call(act, "two"), call(act, "three"))'

VARIANTS = (
    Variant("nothing", "", ""),
    Variant("an unrelated function", "return 1", "return 2"),
    Variant("an unused constant", "EXTRA = 1", "EXTRA = 2"),
    Variant("a comment", STEP, f"{STEP}  # first", noted="comments or layout only"),
    Variant("a docstring", '"""A journey."""', '"""Ours."""', noted="comments or layout only"),
    Variant("layout", STEP, STEP.replace("(act", "(\n        act"), noted="comments or layout"),
    Variant("a local name", "first", "opening", noted="workflow journey was changed"),
    Variant("a log line", STEP, f'{STEP}\n    print("here", end="")', noted="was changed"),
    Variant(
        "an effect before the cut",
        STEP,
        f"await now()\n    {STEP}",
        why="unasked",
        seen="row 3 has call tests.run.journey.act (journey/0:call.tests.run.journey.act), "
        "and now (journey/0:now) is asked for",
    ),
    Variant(
        "an effect after the cut",
        'last = await call(act, "six")',
        'last = await call(act, "six")\n    await call(act, "seven")',
        ledger=("seven",),
        noted="was changed",
    ),
    Variant("an effect less", 'await checkpoint("middle")', "pass", why="unasked"),
    Variant("the first effect gone", STEP, "first = 1", why="unasked"),
    Variant("another order", f"{STEP}\n    {STAGE}", f"{STAGE}\n    {STEP}", why="unasked"),
    Variant(
        "another argument",
        '"one")',
        '"eins")',
        why="other",
        seen="with other arguments now (arguments[0])",
    ),
    Variant("another name", 'follow("stage"', 'follow("stages"', why="unasked"),
    Variant("race instead of together", BOTH, BOTH.replace("together", "race"), why="unasked"),
    Variant("a branch more", TWO, f'{TWO[:-1]}, call(act, "more"))', why="unasked"),
    Variant("a branch less", TWO, 'together(call(act, "two"))', why="unasked"),
    Variant(
        "another pattern of the same name",
        PLAN[PLAN.index('    first = await call(act, "one")') :],
        '    return await question("who is there?")\n',
        why="unasked",
        seen="question (journey/0:question) is asked for",
    ),
    Variant("it ends at once", STEP, "return 1", why="ended", seen="the workflow has returned 1"),
    Variant("it fails at once", STEP, "return 1 / 0", why="ended", seen="raised ZeroDivisionError"),
    Variant("a finished part of it changed", '"stage")', '"elsewhere")'),
    Variant(
        "a finished part of it gone",
        PLAN[PLAN.index("@pattern\nasync def stage") : PLAN.index("@pattern\nasync def leg")],
        "",
    ),
    Variant(
        "the part it is in, before the cut",
        '"four")',
        '"vier")',
        why="other",
        seen="journey/4:follow.leg/0:call",
    ),
    Variant(
        "the part it is in, after the cut",
        'await call(act, "five")]',
        'await call(act, "five"), await call(act, "more")]',
        ledger=("more",),
        noted="pattern leg was changed, and the run is in the middle of it",
    ),
    Variant(
        "the part it is in takes another argument",
        "async def leg(name):",
        "async def leg(place):\n    name = place",
        why="refused",
        seen="pattern 'leg' takes no 'name'",
    ),
    Variant(
        "the whole takes another argument",
        "async def journey(name):",
        "async def journey(place):\n    name = place",
        why="refused",
        seen="was started with other arguments: pattern 'journey' takes no 'name'",
    ),
    Variant(
        "the part it is in gone",
        "async def leg(name)",
        "async def legs(name)",
        why="unknown_name",
        seen="run journey needs the pattern 'leg', which is not there any more. "
        "Did you mean 'legs'?",
    ),
    Variant(
        "the whole gone",
        "async def journey(name)",
        "async def journeys(name)",
        why="unknown_name",
        seen="needs the pattern 'journey', which is not there any more. Did you mean 'journeys'?",
    ),
    Variant(
        "the clock",
        '"one")',
        'str(__import__("time").time_ns()))',
        why="other",
        seen="with other arguments now",
    ),
)


def _child(act: str, *folders: Path) -> int:
    code = f"import sys; from tests.run.journey import {act}; {act}(*sys.argv[1:])"
    # Two plans of one length within a second are one to Python's cache of bytecode.
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, *map(str, folders)], timeout=50, check=False, text=True
    )
    return done.returncode


def _rows(folder: Path, run: str = "journey") -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "state" / "workbench.db") as base:
        found = base.execute("SELECT * FROM events WHERE run_id = ? ORDER BY seq", (run,))
        rows = found.fetchall()
    base.close()
    return rows


@pytest.fixture(scope="module")
def journeys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every variant, taken up again by one process: where each is."""
    source = tmp_path_factory.mktemp("journeys") / "here"
    source.mkdir()
    (source / "plan.py").write_text(PLAN, encoding="utf-8")
    assert _child("record", source) == -9
    assert ledger(source) == DONE
    found = {"": source}
    for number, variant in enumerate(VARIANTS):
        folder = found[variant.name] = source.with_name(f"there{number}")
        shutil.copytree(source, folder, ignore=LOCKS)
        assert variant.was in PLAN, variant.name
        plan = PLAN.replace(variant.was, variant.now) if variant.was else PLAN
        (folder / "plan.py").write_text(plan, encoding="utf-8")
    assert _child("go_on", *[found[variant.name] for variant in VARIANTS]) == 0
    return found


FORKED = [one for one in VARIANTS if one.why in {"unasked", "other", "ended"}]


@pytest.fixture(scope="module")
def forks(journeys: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Copies of those that do not fit, each forked where it says that this works."""
    to, found = tmp_path_factory.mktemp("forks"), dict[str, Path]()
    for number, variant in enumerate(FORKED):
        found[variant.name] = to / str(number)
        shutil.copytree(journeys[variant.name], found[variant.name], ignore=LOCKS)
    assert _child("fork_on", *found.values()) == 0
    return found


def _outcome(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "outcome.json").read_text(encoding="utf-8"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
def test_a_changed_workflow_goes_on_or_starts_nothing(
    variant: Variant, journeys: dict[str, Path]
) -> None:
    folder, source = journeys[variant.name], journeys[""]
    outcome = _outcome(folder)
    if variant.why:
        assert ledger(folder) == DONE
        assert _rows(folder) == _rows(source)
        assert variant.seen in outcome["message"]
        why = outcome["report"]["why"] if outcome["code"] == "diverged" else outcome["code"]
        assert why == variant.why
    else:
        assert outcome["code"] == "returned", outcome
        assert ledger(folder) == sorted([*ALL, *variant.ledger])
        noted = [text for text in outcome["notices"] if "its driver" not in text]
        assert bool(noted) == bool(variant.noted)
        assert variant.noted in "".join(noted)
        assert _rows(folder)[: len(_rows(source))] == _rows(source)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("variant", FORKED, ids=lambda one: one.name)
def test_a_fork_before_a_divergence_shares_what_fits_and_goes_on(
    variant: Variant, forks: dict[str, Path], journeys: dict[str, Path]
) -> None:
    folder = forks[variant.name]
    fork = json.loads((folder / "fork.json").read_text(encoding="utf-8"))
    fails = variant.name in {"it fails at once", "another name"}
    assert fork["code"] == ("failed" if fails else "returned")
    assert fork["cut"] < _outcome(folder)["report"]["seq"]
    assert _rows(folder) == _rows(journeys[""])
    shared = [row for row in _rows(journeys[""]) if row[2] <= fork["cut"]]
    done = {row[5] for row in shared if row[4] == "step.finished"}
    asked = {row[5] for row in _rows(folder, fork["run"]) if row[4] == "step.finished"}
    assert not done & asked


@pytest.mark.timeout(180)
def test_what_reads_the_clock_is_told_so(journeys: dict[str, Path]) -> None:
    outcome = _outcome(journeys["the clock"])
    assert "two replays in a row asked for different things" in outcome["cause"]
