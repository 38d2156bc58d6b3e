"""Another user of the machine can neither read what is kept nor ring, read or write any pipe."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.threats.shipped import Stage

NOBODY = 65534


def _state(stage: Stage) -> Path:
    return next(stage.folder.rglob("workbench.db")).parent


def test_everything_kept_and_every_pipe_is_for_its_owner_only(stage: Stage) -> None:
    old = os.umask(0)
    try:
        stage.play([("write_file", {"path": "a", "content": "b"})], rules="approve write_file")
        assert stage.run("export", stage.newest, "out.jsonl").code == 0
    finally:
        os.umask(old)
    state = _state(stage)
    kept = [state, *state.rglob("*"), *(stage.folder / "tmp").rglob("*"), stage.work / "out.jsonl"]
    loose = [
        (path, oct(path.lstat().st_mode))
        for path in kept
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]
    assert loose == []


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody else")
def test_another_uid_cannot_read_or_write_anything_kept(stage: Stage) -> None:
    stage.play([("write_file", {"path": "a", "content": "b"})], rules="approve write_file")
    for folder in (stage.folder, *stage.folder.parents):
        if folder.name.startswith(("pytest-", "test_", "popen-")):
            folder.chmod(0o755)
    (stage.folder / "data").chmod(0o755)
    for path in (stage.folder / "data").iterdir():
        path.chmod(0o755)
    script = 'for f in "$@"; do cat "$f" && echo READ; echo x >> "$f" && echo WROTE; done'
    paths = [str(path) for path in _state(stage).rglob("*") if path.is_file() or path.is_fifo()]
    assert paths
    done = subprocess.run(
        ["sh", "-c", script, "sh", *paths],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "READ" not in done.stdout
    assert "WROTE" not in done.stdout
