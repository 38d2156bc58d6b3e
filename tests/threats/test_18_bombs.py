"""What is huge, deep or catastrophic takes bounded time and memory."""

from __future__ import annotations

import os
import resource

from tests.threats.shipped import Stage

SAFE = "approve read_file\napprove search_files\napprove list_directory"


def test_files_that_never_end_are_answered_within_bounds(stage: Stage) -> None:
    os.mkfifo(stage.work / "pipe")
    with (stage.work / "zeros").open("wb") as file:
        file.truncate(10_000_000_000)
    (stage.work / "line").write_bytes(b"x" * 30_000_000)
    (stage.work / "a.txt").write_text("a" * 40 + "!")
    (stage.work / "deep.json").write_text("[" * 1_000_000)
    (stage.work / "dev").symlink_to("/dev/zero")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    reads = [("read_file", {"path": p}) for p in ("pipe", "zeros", "line", "deep.json", "dev")]
    reads += [("read_file", {"path": "/dev/zero"}), ("read_file", {"path": "/proc/self/environ"})]
    ended = stage.play(
        [*reads, ("search_files", {"pattern": "(a+)+$", "regex": True})],
        rules=SAFE,
    )
    assert len(stage.outcomes()) == 8, ended
    assert "Traceback" not in ended.err
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert used < max(before, 600_000), f"{used} KiB"


def test_a_command_that_prints_without_end_is_stopped_and_cut(stage: Stage) -> None:
    command = "head -c 400000000 /dev/zero | tr '\\0' x"
    stage.settings("[features]\nsandbox = true\n")
    stage.play([("bash_command", {"command": command})], rules="approve bash_command")
    assert len(str(stage.rows("step.finished", "step.failed"))) < 1_000_000
    assert len(stage.outcomes()) == 1


def test_an_import_of_a_bomb_is_refused(stage: Stage) -> None:
    (stage.work / "bomb.jsonl").write_text("[" * 2_000_000 + "\n")
    (stage.work / "long.jsonl").write_bytes(b"x" * 80_000_000)
    for name in ("bomb.jsonl", "long.jsonl"):
        ended = stage.run("import", name)
        assert ended.code != 0
        assert "Traceback" not in ended.err
