"""Clearing up: snapshots that nothing names go, and so does a fork's copy when that is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.run.stage import acted, opened
from tests.test_restoring import RULES, in_turn, write
from workbench.script.execute import execute
from workbench.script.session import Session
from workbench.workspace.git import GitFailed, find_git
from workbench.workspace.shadow import Shadow

pytestmark = pytest.mark.skipif(find_git() is None, reason="needs git")


def _age(folder: Path) -> None:
    """Make everything two hours old."""
    for path in folder.rglob("*"):
        status = path.stat()
        then = status.st_mtime_ns - 2 * 3600 * 10**9
        os.utime(path, ns=(then, then))


def _is_there(path: Path) -> bool:
    return path.exists()


def test_what_is_named_stays_and_the_rest_goes(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    shadow = Shadow(find_git() or "", tmp_path / "snapshots")
    for number in range(600):
        (work / f"f{number}").write_text(f"kept {number}")
    kept = shadow.snapshot(work)
    (work / "f1").write_bytes(os.urandom(200_000))
    gone = shadow.snapshot(work)
    (large,) = [one.after for one in shadow.differences(kept.tree, gone.tree)]
    _age(shadow.folder)
    young = shadow.collect({kept.tree, gone.tree})
    assert shadow.content(str(large))
    assert young >= 0
    _age(shadow.folder)
    assert shadow.collect({kept.tree}) > 150_000
    with pytest.raises(GitFailed):
        shadow.differences(kept.tree, gone.tree)
    assert shadow.lookup(kept.tree, "f599") is not None
    assert shadow.snapshot(work).files == 600
    assert shadow.collect({kept.tree}) >= 0
    (work / "f1").write_text("kept 1")
    assert shadow.snapshot(work).tree == kept.tree


@acted
async def test_the_copy_of_a_fork_that_is_gone_is_listed_and_deleted_on_order(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, **RULES) as bench:
        session = Session(bench)
        run = await bench.start(in_turn, calls=[write("a", "1")])
        await run.result()
        fork = await bench.fork(run.run_id, 1, files="own")
        await fork.result()
        folder = Path(fork.header.workspace)
        told = await execute(session, "gc keep=100")
        assert not any(str(folder) in line for line in told.lines)
        await execute(session, f"delete {fork.run_id}")
        told = await execute(session, "gc keep=100")
        assert any("copies=true" in line for line in told.lines)
        assert _is_there(folder / "a")
        await execute(session, "gc keep=100 copies=true")
        assert not _is_there(folder)
