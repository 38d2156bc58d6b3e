"""What a snapshot of a folder costs, beside bare git doing the same."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from tests.benchmarks.measuring import Measured, Took, least, timed
from workbench.workspace.git import find_git
from workbench.workspace.shadow import Shadow

_FILES = 5_000
_RUNS = 3


def files() -> Iterator[Measured]:
    """5,000 files: the first snapshot, one with nothing new, one after one change."""
    program = find_git()
    if program is None:
        return
    ours = [_ours(program) for _ in range(_RUNS)]
    bare = [_bare(program) for _ in range(_RUNS)]
    targets = {"first": 1_000.0, "again": 50.0, "changed": 50.0}
    for place, (name, target) in enumerate(targets.items()):
        took, floor = least(one[place] for one in ours), least(one[place] for one in bare)
        wall, cpu = took.in_ms().wall, took.in_ms().cpu
        yield Measured(f"files.{name}", wall, "ms", target, floor.in_ms().wall, cpu)


def _ours(program: str) -> list[Took]:
    with tempfile.TemporaryDirectory() as top:
        work = _made(Path(top) / "work")
        shadow = Shadow(program, Path(top) / "snapshots")
        return _three(work, lambda: shadow.snapshot(work))


def _bare(program: str) -> list[Took]:
    with tempfile.TemporaryDirectory() as top:
        work = _made(Path(top) / "work")
        environment = {
            "GIT_DIR": f"{top}/bare", "GIT_WORK_TREE": str(work), "HOME": os.devnull,
            "PATH": "/usr/bin:/bin", "GIT_CONFIG_NOSYSTEM": "1",
        }  # fmt: skip

        def git(*words: str) -> None:
            subprocess.run([program, *words], env=environment, cwd=work, check=True,
                           capture_output=True)  # fmt: skip

        git("init", "-q")
        return _three(work, lambda: (git("add", "-A"), git("write-tree")))


def _three(work: Path, snapshot: Callable[[], object]) -> list[Took]:
    first, again = timed(snapshot), timed(snapshot)
    (work / "d1" / "f1.py").write_text("changed\n", encoding="utf-8")
    return [first, again, timed(snapshot)]


def _made(work: Path) -> Path:
    chance = Random(1)
    for number in range(_FILES):
        folder = work / f"d{number % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"x = {number}\n" * chance.randint(1, 200)
        (folder / f"f{number}.py").write_text(text, encoding="utf-8")
    return work
