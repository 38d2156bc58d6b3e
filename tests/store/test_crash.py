"""Processes that die or meet: what was acknowledged is there, and nothing is damaged."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.store.store import Store

WRITE = """
import os, sys
from pathlib import Path
from tests.store.making import event, started
from workbench.store.store import Store

path, name, rows, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
store = Store.open(path)
store.claim(name)

def append(row):
    def done(error):
        os.write(1, f"{row.seq} {error or 'ok'}\\n".encode())
    store.append([row], done)

append(started(name))
for seq in range(2, rows + 1):
    append(event(name, seq, result="x" * (40_000 if seq % 50 == 0 else size)))
    if seq % 37 == 0:
        store.flush()
store.close()
"""


def writing(path: Path, name: str, *, rows: int, size: int = 200) -> subprocess.Popen[str]:
    """Another process that appends rows to a run and says which are acknowledged."""
    command = [sys.executable, "-c", WRITE, str(path), name, str(rows), str(size)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def integrity(path: Path) -> str:
    link = sqlite3.connect(path)
    found = link.execute("PRAGMA integrity_check").fetchone()[0]
    link.close()
    return found


@pytest.mark.parametrize("seed", range(8))
def test_kill_9_loses_nothing_that_was_acknowledged(path: Path, seed: int) -> None:
    process = writing(path, "a", rows=100_000)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(random.Random(seed).randrange(1, 400))]
    process.send_signal(signal.SIGKILL)
    # What was in the pipe counts too; the last line may be cut.
    rest = process.communicate()[0]
    told = [line for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]
    acknowledged = [int(line.split()[0]) for line in told]
    assert all(line.split()[1] == "ok" for line in told)
    assert integrity(path) == "ok"
    store = Store.open(path)
    stored = [row.seq for row in store.rows("a")]
    assert stored == list(range(1, len(stored) + 1))
    assert acknowledged == stored[: len(acknowledged)]
    assert store.claim("a") == 2
    before = store.run("a"), store.usage("a")
    store.rebuild()
    assert (store.run("a"), store.usage("a")) == before
    store.close()


def test_processes_share_a_file(path: Path) -> None:
    processes = [writing(path, name, rows=300) for name in "abc"]
    said = [process.communicate()[0].splitlines() for process in processes]
    assert said == [[f"{seq} ok" for seq in range(1, 301)]] * 3
    store = Store.open(path, readonly=True)
    assert {run.run_id: (run.last_seq, run.steps) for run in store.runs()} == dict.fromkeys(
        "abc", (300, 299)
    )
    assert all([row.seq for row in store.rows(name)] == list(range(1, 301)) for name in "abc")
    store.close()
    assert integrity(path) == "ok"


def test_a_reader_in_another_process_keeps_reading_while_one_writes(path: Path) -> None:
    Store.open(path).close()
    process = writing(path, "a", rows=2000)
    assert process.stdout is not None
    process.stdout.readline()
    store, seen, place = Store.open(path, readonly=True), list[int](), 0
    while len(seen) < 2000:
        assert process.poll() in (None, 0)
        page = store.tail(place, limit=100)
        seen += [row.seq for _, row in page]
        place = page[-1][0] if page else place
    store.close()
    process.communicate()
    assert seen == list(range(1, 2001))
