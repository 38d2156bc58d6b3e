"""Every kept run is replayed by the core of now: to its end, or to where it was cut."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.__main__ import STYLES
from tests.golden.kept import EXPECTED, WORKFLOWS, Golden, golden, patterns_of, workflows
from tests.run.stage import acted, opened
from workbench import __version__
from workbench.script.importing import import_run

KEPT = list(golden())


@pytest.mark.parametrize("kept", KEPT, ids=str)
def test_a_kept_run_comes_to_where_it_came_then(kept: Golden, tmp_path: Path) -> None:
    @acted
    async def replayed() -> None:
        async with opened(tmp_path) as bench:
            bench.world.patterns.update(patterns_of(workflows(kept.path.parent)))
            imported = import_run(bench.store, kept.path)
            before = list(bench.store.rows(imported.run_id))
            checked = bench.take_up.check(imported.run_id)
            assert checked.ended == kept.expected["ended"]
            assert sorted(one.key for one in checked.frontier) == kept.expected["frontier"]
            # What says what code is the same must stay the same in later versions, too.
            assert {change.what for change in checked.changes} <= {"program", "python"}
            assert list(bench.store.rows(imported.run_id)) == before

    replayed()


def test_every_style_of_this_release_is_kept() -> None:
    here = {kept.name for kept in KEPT if kept.release == __version__}
    assert here == STYLES.keys()


def test_the_runs_of_a_release_are_made_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden", "make"],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 1
    assert "made once" in done.stderr


def test_a_kept_run_says_no_name_of_a_machine() -> None:
    folders = {kept.path.parent for kept in KEPT}
    for path in (file for folder in folders for file in folder.glob("*.*")):
        if path.name not in {EXPECTED, WORKFLOWS}:
            text = path.read_text(encoding="utf-8")
            assert "/tmp" not in text
            assert "/home/" not in text
