"""Deleting: whole runs with their blobs, whatever is killed and whoever writes meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.store.making import NOON, called, event, started, whole_run
from workbench.errors import StoreError
from workbench.store.blobs import BlobGone
from workbench.store.collecting import collect
from workbench.store.retention import Retention
from workbench.store.store import Store

BIG = "x" * 40_000
ALL = Retention(keep=0)
LATER = NOON + 10**7


def ended(name: str, *, blob: str = "") -> list[object]:
    return [
        started(name),
        event(name, 2, result=BIG + (blob or name)),
        event(name, 3, "run.finished", outcome="returned"),
    ]


def age(path: Path, seconds: float = 10_000) -> None:
    """Make all blobs so old."""
    for blob in (path.parent / "blobs").iterdir():
        at = time.time() - seconds
        os.utime(blob, (at, at))


def blobs_in(path: Path) -> int:
    return len(list((path.parent / "blobs").iterdir()))


def test_blobs_go_with_the_last_run_that_names_them(store: Store, path: Path) -> None:
    for name in "ab":
        store.append(ended(name, blob="shared"))  # type: ignore[arg-type]
    store.append(ended("c"))  # type: ignore[arg-type]
    store.flush()
    age(path)
    assert blobs_in(path) == 2
    assert store.delete_runs(["a"]).blobs == 0
    assert store.delete_runs(["c"]).blob_bytes > 40_000
    assert store.delete_runs(["b"]).blobs == 1
    assert blobs_in(path) == 0


def test_a_blob_that_was_written_lately_stays(store: Store, path: Path) -> None:
    """Its row may be on the way."""
    store.append(ended("a"))  # type: ignore[arg-type]
    store.flush()
    lonely = store.blobs.write(b"of a file")
    assert store.delete_runs(["a"]).blobs == 0
    age(path)
    assert store.sweep_blobs().blobs == 2
    with pytest.raises(BlobGone):
        store.blobs.check([lonely])


def test_a_blob_that_a_row_only_mentions_stays(store: Store, path: Path) -> None:
    before, after = store.blobs.write(b"before"), store.blobs.write(b"after")
    store.append([started("a"), event("a", 2, "file.changed", before=before, after=after)])
    listed = [store.blobs.write(f"{n}".encode()) for n in range(700)]
    store.append([event("a", 3, result=[{"$blob": name} for name in listed])])
    store.flush()
    age(path)
    assert store.sweep_blobs().blobs == 0


def test_halves_of_blobs_that_a_crash_left_go(store: Store, path: Path) -> None:
    store.blobs.write(b"whole")
    (path.parent / "blobs" / ".abcdef.0123").write_bytes(b"hal")
    age(path)
    assert store.sweep_blobs().blobs == 2


def test_a_blob_swept_before_its_row_came_is_written_again(store: Store, path: Path) -> None:
    store.append(ended("a", blob="same"))  # type: ignore[arg-type]
    store.flush()
    age(path)
    other = Store.open(path, synchronous="NORMAL")  # as another process: it knows nothing of ours
    other.delete_runs(["a"])
    other.close()
    assert blobs_in(path) == 0
    store.append(ended("b", blob="same"))  # type: ignore[arg-type]
    store.flush()
    assert [row.seq for row in store.rows("b")] == [1, 2, 3]


def test_a_tombstone_says_what_was_there(store: Store, path: Path) -> None:
    store.append(ended("a"))  # type: ignore[arg-type]
    store.flush()
    store.delete_runs(["a"], by="tester")
    link = sqlite3.connect(path)
    row = link.execute("SELECT run_id, title, status, rows, by, length(digest) FROM deleted")
    assert row.fetchone() == ("a", "about a", "returned", 3, "tester", 32)
    link.close()


def test_rows_of_the_log_leave_it_by_no_other_door(store: Store, path: Path) -> None:
    store.append(whole_run("b", 3))
    store.flush()
    link = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="only ever added"):
        link.execute("DELETE FROM events")
    link.close()


COLLECT = """
import sys
from pathlib import Path
from workbench.store.collecting import collect
from workbench.store import collecting
from workbench.store.retention import Retention
from workbench.store.store import Store
collecting.PORTION = 3
store = Store.open(Path(sys.argv[1]))
print("open", flush=True)
collect(store, Retention(keep=0), float(sys.argv[2]))
print("done", flush=True)
store.close()
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04])
def test_a_clean_up_that_was_killed_is_finished_by_the_next(path: Path, delay_s: float) -> None:
    store = Store.open(path, synchronous="NORMAL")
    for number in range(40):
        store.append(ended(f"r{number}"))  # type: ignore[arg-type]
    store.append([*whole_run("stays", 300), event("stays", 301, result=BIG)])
    store.close()
    age(path)
    command = [sys.executable, "-c", COLLECT, str(path), str(LATER)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    threading.Event().wait(delay_s)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    store = Store.open(path)
    for run in store.runs(limit=100):
        assert len(list(store.rows(run.run_id))) == run.last_seq
    collect(store, ALL, LATER)
    assert [run.run_id for run in store.runs()] == ["stays"]
    assert len(list(store.rows("stays"))) == 301
    assert blobs_in(path) == 1
    store.close()
    link = sqlite3.connect(path)
    assert link.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert link.execute("SELECT count(*) FROM deleted").fetchone() == (40,)
    link.close()


def test_a_run_taken_up_meanwhile_holds_up_no_other(store: Store, path: Path) -> None:
    for name in "abc":
        store.append(ended(name))  # type: ignore[arg-type]
    store.flush()
    store.claim("b")
    freed = collect(store, ALL, LATER)
    assert sorted(freed.runs) == ["a", "c"]
    assert "run b is driven by" in freed.spared[0]


def test_a_fork_made_of_a_deleted_run_is_refused(store: Store) -> None:
    store.append(ended("a"))  # type: ignore[arg-type]
    store.flush()
    store.delete_runs(["a"])
    store.append([started("b", parent="a", cut=2)])
    with pytest.raises(StoreError, match="no such run"):
        store.flush()
    store.append([started("c"), called("c", 2)])
