"""Processes that write into one file for minutes, with long readers, clean-ups and backups beside.

Each writer drives runs of its own and measures how long it waits for each acknowledgement. At the
end every acknowledged row has to be there, in order, and the file whole.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.store.making import NOON, event, started
from workbench.errors import StoreError
from workbench.store.backup import back_up
from workbench.store.collecting import collect
from workbench.store.compacting import compact
from workbench.store.retention import Retention
from workbench.store.store import Store

ROWS_OF_A_RUN = 400
GROUP = 4
"""Rows that a writer appends before it waits: an intent, an outcome and what lies between."""
LONGEST_READ_S = 20.0


def write(path: Path, name: str, until: float) -> dict[str, Any]:
    """Append rows to one run after another; how many were acknowledged and how long that took."""
    store = Store.open(path)
    waits: list[float] = []
    ends: dict[str, int] = {}
    number = 0
    while time.time() < until:
        number += 1
        run_id = f"{name}-{number}"
        store.claim(run_id)
        store.append([started(run_id)])
        seq = 1
        while seq < ROWS_OF_A_RUN and time.time() < until:
            began = time.perf_counter()
            for _ in range(GROUP):
                seq += 1
                size = 50_000 if seq % 97 == 0 else 300
                store.append([event(run_id, seq, result="x" * size)])
            store.flush()
            waits.append(time.perf_counter() - began)
            ends[run_id] = seq
        victim = f"victim-{name}-{number}"
        store.append([started(victim), event(victim, 2, "run.finished", outcome="returned")])
    store.close()
    waits.sort()
    return {
        "ends": ends,
        "waits": len(waits),
        **{f"p{part}_ms": _part(waits, part) for part in (50, 99)},
        "longest_ms": round(waits[-1] * 1e3, 1) if waits else 0.0,
    }


def _part(waits: list[float], part: int) -> float:
    return round(waits[len(waits) * part // 100] * 1e3, 2) if waits else 0.0


def read(path: Path, until: float) -> dict[str, Any]:
    """Hold a snapshot for a while, again and again; what it shows must not move."""
    reads = 0
    while time.time() < until:
        link = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
        link.execute("BEGIN")
        query = "SELECT count(*), coalesce(max(id), 0) FROM events"
        before = link.execute(query).fetchone()
        threading.Event().wait(min(LONGEST_READ_S, max(until - time.time(), 0.0)))
        assert link.execute(query).fetchone() == before
        link.close()
        reads += 1
    return {"reads": reads}


def keep(path: Path, until: float) -> dict[str, Any]:
    """Clean up, back up and try to compact, in turn."""
    store = Store.open(path)
    freed = backups = refused = 0
    while time.time() < until:
        freed += len(collect(store, Retention(older_than_s=1), NOON + 10**7).runs)
        target = path.with_name(f"copy{backups}")
        back_up(path, target)
        target.unlink()
        backups += 1
        with suppress(StoreError):
            compact(path)
            refused -= 1
        refused += 1
        threading.Event().wait(0.5)
    store.close()
    return {"deleted": freed, "backups": backups, "refused": refused}


JOBS: dict[str, Callable[..., dict[str, Any]]] = {"read": read, "keep": keep}


def run(minutes: float, writers: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All of them at once, for so long; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workbench.db"
        Store.open(path).close()
        until = time.time() + minutes * 60
        jobs = [("write", f"w{number}") for number in range(writers)]
        jobs += [("read", ""), ("keep", "")]
        processes = [_started(path, what, name, until) for what, name in jobs]
        wal = _watched(path, until, say)
        told = [_told(process) for process in processes]
        return _found(path, told[:writers], told[writers:], wal)


def _started(path: Path, what: str, name: str, until: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stress.soak", what, str(path), name, str(until)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _told(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, process.args
    return json.loads(out)


def _watched(path: Path, until: float, say: Callable[[str], None]) -> int:
    """Wait until it is over; the most bytes that the log had."""
    most, told = 0, time.time()
    while time.time() < until:
        with suppress(FileNotFoundError):
            most = max(most, Path(f"{path}-wal").stat().st_size)
        if time.time() - told > 30:
            told = time.time()
            say(f"{until - told:.0f} s left, the log had up to {most // 2**20} MiB")
        threading.Event().wait(0.2)
    return most


def _found(
    path: Path, writers: list[dict[str, Any]], others: list[dict[str, Any]], wal: int
) -> dict[str, Any]:
    store = Store.open(path)
    lost = wrong = 0
    for told in writers:
        for run_id, last in told.pop("ends").items():
            there = [row.seq for row in store.rows(run_id)]
            lost += max(last - len(there), 0)
            wrong += there != list(range(1, len(there) + 1))
    store.close()
    link = sqlite3.connect(path)
    (integrity,) = link.execute("PRAGMA integrity_check").fetchone()
    link.close()
    counts = [told["waits"] for told in writers]
    return {
        "lost": lost,
        "out_of_order": wrong,
        "integrity": integrity,
        "fairness": round(min(counts) / max(*counts, 1), 2),
        "log_mib": round(wal / 2**20, 1),
        "writers": writers,
        **{name: value for told in others for name, value in told.items()},
    }


if __name__ == "__main__":
    what, where, who, end = sys.argv[1:]
    given = [Path(where), who, float(end)] if what == "write" else [Path(where), float(end)]
    found = write(Path(where), who, float(end)) if what == "write" else JOBS[what](*given)
    sys.stdout.write(json.dumps(found))
