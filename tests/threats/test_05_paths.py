"""Paths that lead out: links, swaps in mid-write, hard links, odd files. Nothing lands outside."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.threats.canaries import one_by_one
from tests.threats.shipped import Stage

SWAPS = 5_000


def test_links_do_not_lead_writes_outside(stage: Stage) -> None:
    outside = stage.folder / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    work = stage.work
    (work / "dir").symlink_to(outside)
    (work / "file").symlink_to(outside / "kept")
    (work / "new").symlink_to(outside / "made")
    (work / "a").mkdir()
    (work / "a" / "up").symlink_to("../..")
    os.link(outside / "kept", work / "hard")
    stage.settings('mode = "edits"\n')
    paths = ("dir/x", "file", "new", "a/up/outside/x", "a/../../outside/x", "hard", f"{outside}/x",
             "./dir/./x", "a/up/outside/../outside/y", "~/x", "file/../dir/x")  # fmt: skip
    calls = [("write_file", {"path": path, "content": "pwned"}) for path in paths]
    calls += [("delete_file", {"path": path}) for path in ("dir/kept", "a/up/outside/kept")]
    one_by_one(stage, calls)
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert (outside / "kept").read_text() == "kept"
    assert not (stage.folder / "x").exists()


def test_a_folder_swapped_with_a_link_during_writes_leads_nothing_outside(stage: Stage) -> None:
    outside, work = stage.folder / "outside", stage.work
    outside.mkdir()
    (work / "sub").mkdir()
    (work / "link").symlink_to(outside)
    over, swaps = threading.Event(), 0

    def swap() -> None:
        nonlocal swaps
        while not over.is_set() or swaps < SWAPS:
            with suppress(OSError):  # while it is away, a write makes the folder anew
                (work / "sub").rename(work / "real")
                (work / "link").rename(work / "sub")
                (work / "sub").rename(work / "link")
            shutil.rmtree(work / "sub", ignore_errors=True)
            with suppress(OSError):
                (work / "real").rename(work / "sub")
            swaps += 1
            over.wait(0.0002)  # or nobody else would get anywhere

    stage.settings('mode = "edits"\n')
    swapping = threading.Thread(target=swap)
    swapping.start()
    calls = [("write_file", {"path": f"sub/f{n}", "content": "pwned"}) for n in range(150)]
    try:
        outcomes = one_by_one(stage, calls)
    finally:
        over.set()
        swapping.join()
    assert swaps >= SWAPS
    assert [*outside.iterdir()] == []
    assert any(row.get("result") for row in outcomes)


def test_odd_files_are_answered_in_bounded_time(stage: Stage) -> None:
    work = stage.work
    os.mkfifo(work / "fifo")
    with (work / "huge").open("wb") as huge:
        huge.truncate(1 << 40)
    (work / "zero").symlink_to("/dev/zero")
    (work / ("n" * 255)).write_text("x")
    (work / "loop").symlink_to("loop")
    (work / "deep").mkdir()
    paths = ("fifo", "huge", "zero", "/dev/zero", "/dev/random", "/proc/self/mem", "/proc/kmsg",
             "/proc/self/environ", "loop", "n" * 255, "n" * 5000, "a\0b", "/dev/tty",
             "deep")  # fmt: skip
    calls = [("read_file", {"path": path}) for path in paths]
    calls += [("search_files", {"pattern": "x"}), ("write_file", {"path": "fifo", "content": "x"})]
    began = time.monotonic()
    outcomes = one_by_one(stage, calls, "approve read_file\napprove write_file")
    assert time.monotonic() - began < 60
    assert len(outcomes) == len(calls)


def test_the_workbench_s_own_folder_is_refused_even_when_allowed(stage: Stage) -> None:
    stage.run("runs")
    database = next(iter(stage.folder.rglob("workbench.db")))
    paths = (
        str(database),
        f"{database.parent}/x",
        str(Path(os.path.relpath(database, stage.work))),
    )
    calls = [("write_file", {"path": path, "content": "pwned"}) for path in paths]
    calls += [("read_file", {"path": path}) for path in paths]
    outcomes = one_by_one(stage, calls, "approve write_file\napprove read_file")
    assert [row.get("result") for row in outcomes] == [None] * len(calls)
    assert not (database.parent / "x").exists()
