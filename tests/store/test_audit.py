"""The audit: whatever is done to an entry, or to a row that one stands for, is found and named."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.store.making import NOON, event, started
from workbench.errors import AuditBroken
from workbench.journal.events import Event
from workbench.store import backup, salvage
from workbench.store.compacting import compact
from workbench.store.memory import MemoryStore
from workbench.store.presence import alone
from workbench.store.store import Store


def decision(run_id: str, seq: int, kind: str = "approval.answered", **data: object) -> Event:
    return Event(run_id, seq, NOON + seq, kind, "k", {"verdict": "allow", "by": "user", **data})


def decided(path: Path, runs: int = 2, each: int = 5) -> Store:
    """A database whose runs have five decisions each among other rows."""
    store = Store.open(path, synchronous="NORMAL")
    for number in range(runs):
        name = f"run{number}"
        rows = [started(name)]
        for n in range(each):
            rows += [event(name, 2 * n + 2), decision(name, 2 * n + 3, tool=f"t{n}")]
        store.append(rows)
    store.flush()
    return store


def verified(path: Path, head: str = "") -> int:
    store = Store.open(path, readonly=True)
    try:
        return store.audit.verify(head).entries
    finally:
        store.close()


def tampered(path: Path, *statements: str) -> None:
    """Somebody with another program."""
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        for (name,) in link.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            link.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            link.execute(statement)


def test_entries_stand_for_the_decisions_among_the_rows_and_hold_no_contents(path: Path) -> None:
    store = Store.open(path)
    store.append([started("a"), event("a", 2), decision("a", 3, reason="secret", tool="rm")])
    store.flush()
    (entry,) = store.audit.entries()
    assert (entry.number, entry.kind, entry.run_id, entry.seq) == (1, "approval.answered", "a", 3)
    assert entry.said() == {"verdict": "allow", "by": "user", "tool": "rm"}
    assert store.audit.verify().entries == 1
    store.close()


_REST = "at, kind, run_id, seq, row, data, before, hash"
_ROW = "at, kind, key, data, spilled, sum"
TAMPERING = [
    ("UPDATE audit SET data = replace(data, 'user', 'usfr') WHERE number = 4", "entry 4 was alter"),
    ("UPDATE audit SET at = at + 1 WHERE number = 4", "entry 4 was altered"),
    ("UPDATE audit SET kind = 'mode.changed' WHERE number = 4", "entry 4 was altered"),
    ("DELETE FROM audit WHERE number = 10", "entry 10 is gone: entry 10 was removed"),
    ("DELETE FROM audit WHERE number > 7", "entry 8 is gone: entries 8 to 10 were removed"),
    ("DELETE FROM audit WHERE number = 1", "entry 1 is gone"),
    ("DELETE FROM audit WHERE number BETWEEN 4 AND 5", "entries 4 to 5 were removed"),
    ("DELETE FROM audit", "entry 1 is gone: entries 1 to 10 were removed"),
    ("DELETE FROM audit_head", "the mark that says it is the last one"),
    ("UPDATE audit_head SET hash = 'x'", "entry 10 is not the one that was written last"),
    (
        f"INSERT INTO audit SELECT 11, {_REST} FROM audit WHERE number = 10",
        "entry 11 was altered",
    ),
    ("UPDATE events SET data = '{\"verdict\":\"deny\"}' WHERE run_id='run0' AND seq=5", "entry 2 "),
    ("DELETE FROM events WHERE run_id = 'run1' AND seq = 11", "entry 10 stands for row 11 of run"),
    (
        "UPDATE events SET kind = 'step.finished' WHERE run_id='run0' AND seq=3",
        "entry 1 stands for",
    ),
    (
        f"INSERT INTO events SELECT 999, run_id, 12, {_ROW} FROM events WHERE seq = 3 LIMIT 1",
        "row 12 of run run0 .* has no entry",
    ),
]


@pytest.mark.parametrize(("statement", "found"), TAMPERING)
def test_what_was_done_to_the_audit_or_its_rows_is_named(
    path: Path, statement: str, found: str
) -> None:
    decided(path).close()
    assert verified(path) == 10
    tampered(path, statement)
    with pytest.raises(AuditBroken, match=found) as raised:
        verified(path)
    assert raised.value.exit_code == 3


def test_two_entries_that_changed_places_are_found(path: Path) -> None:
    decided(path).close()
    tampered(
        path,
        "UPDATE audit SET number = 99 WHERE number = 3",
        "UPDATE audit SET number = 3 WHERE number = 4",
        "UPDATE audit SET number = 4 WHERE number = 99",
    )
    with pytest.raises(AuditBroken, match="entry 3 was altered"):
        verified(path)


def test_what_is_written_after_the_last_entry_was_taken_away_does_not_hide_that(path: Path) -> None:
    decided(path).close()
    tampered(path, "DELETE FROM audit WHERE number = 10", "DELETE FROM events WHERE seq = 11")
    store = Store.open(path)
    store.audit.enter("mode.changed", {"mode": "auto"})
    assert [entry.number for entry in store.audit.entries(8)] == [9, 11]
    with pytest.raises(AuditBroken, match="entry 10 was removed"):
        store.audit.verify()
    store.close()


def test_a_head_kept_elsewhere_shows_what_a_chain_written_anew_cannot(path: Path) -> None:
    store = decided(path)
    kept = store.audit.head().hash
    assert store.audit.verify(kept).since == 0
    store.append([decision("run0", 12)])
    store.flush()
    assert store.audit.verify(kept).since == 1
    assert store.audit.verify(kept[:12]).since == 1
    for wrong in ("0" * 64, kept[:4], "%"):
        with pytest.raises(AuditBroken, match="no entry has the hash"):
            store.audit.verify(wrong)
    store.close()
    tampered(path, "DELETE FROM audit", "DELETE FROM audit_head", "DELETE FROM events")
    assert verified(path) == 0, "without a head nothing shows that there was more"
    with pytest.raises(AuditBroken, match="no entry has the hash"):
        verified(path, kept)


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_deleted_runs_decisions_stay_and_its_rows_go(path: Path, kind: str) -> None:
    store = Store.open(path) if kind == "file" else MemoryStore()
    store.append([started("a"), decision("a", 2)])
    store.append([started("b"), decision("b", 2)])
    store.flush()
    store.delete_runs(["a"], by="tester")
    assert [e.kind for e in store.audit.entries()] == [*["approval.answered"] * 2, "run.deleted"]
    assert store.audit.entries()[-1].said()["by"] == "tester"
    assert store.audit.verify().entries == 3
    store.close()


def test_a_run_that_comes_back_after_it_was_deleted_is_told_apart(path: Path) -> None:
    store = decided(path)
    rows = list(store.rows("run1"))
    store.delete_runs(["run1"])
    store.take_in(iter(rows))
    assert store.audit.verify().entries == 10 + 1 + 1 + 5
    assert [e.kind for e in store.audit.entries(10)][:2] == ["run.deleted", "run.imported"]
    store.close()
    tampered(path, "DELETE FROM events WHERE run_id = 'run1' AND seq = 3")
    with pytest.raises(AuditBroken, match="entry 13 stands for row 3 of run run1"):
        verified(path)


def test_compacting_backing_up_and_restoring_keep_it(path: Path, tmp_path: Path) -> None:
    store = decided(path)
    store.delete_runs(["run0"])
    store.close()
    compact(path)
    assert verified(path) == 11
    copy = tmp_path / "copy.backup"
    backup.back_up(path, copy)
    store = Store.open(path)
    store.append([decision("run1", 12)])
    store.flush()
    newest = store.audit.head().hash
    store.close()
    with alone(path, "restored"):
        backup.restore(copy, path, NOON)
    assert verified(path) == 12
    store = Store.open(path)
    assert store.audit.entries()[-1].kind == "store.restored"
    with pytest.raises(AuditBroken):
        store.audit.verify(newest)
    store.close()


def test_a_repaired_database_says_what_it_lost_and_verifies(path: Path) -> None:
    store = decided(path, runs=6, each=60)
    store.append([started("big"), *(decision("big", n, why="x" * 900) for n in range(2, 200))])
    store.close()
    with closing(sqlite3.connect(path)) as link:
        query = "SELECT pageno FROM dbstat WHERE name = 'audit' AND pagetype = 'leaf' ORDER BY 1"
        pages = [page for (page,) in link.execute(query)]
    with path.open("r+b") as file:
        file.seek((pages[len(pages) // 2] - 1) * 4096)
        file.write(b"\x55" * 4096)
    with alone(path, "repaired"):
        salvage.salvage(path, NOON)
    store = Store.open(path)
    found = store.audit.verify()
    assert any("lost to damage, as a repair said" in note for note in found.notes)
    kinds = [entry.kind for entry in store.audit.entries()]
    assert "log.repaired" in kinds
    store.close()


def test_an_older_log_is_taken_up_and_its_beginning_is_said(path: Path) -> None:
    decided(path).close()
    tampered(path, "DROP TABLE audit", "DROP TABLE audit_head", "PRAGMA user_version=9",
             "DELETE FROM _sqlite_migrations WHERE name LIKE 'm010%'")  # fmt: skip
    store = Store.open(path)
    assert store.audit.verify().entries == 11
    first = store.audit.entries()[0]
    assert (first.kind, first.said()) == ("audit.begun", {"rows": 10})
    store.close()


CHILD = """
import sys
from pathlib import Path
from tests.store.making import started
from tests.store.test_audit import decision
from workbench.store.store import Store
store = Store.open(Path(sys.argv[1]), synchronous="NORMAL")
name, last = sys.argv[2], int(sys.argv[3])
store.append([started(name)])
for seq in range(2, last):
    store.append([decision(name, seq)])
    if seq % 20 == 0:
        store.flush()
        print(seq, flush=True)
store.close()
"""


def _child(path: Path, name: str, last: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD, str(path), name, str(last)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())


def test_two_processes_that_write_make_one_chain(path: Path) -> None:
    Store.open(path).close()
    with _child(path, "a", 300) as one, _child(path, "b", 300) as other:
        assert [one.wait(60), other.wait(60)] == [0, 0]
    assert verified(path) == 2 * 298


@pytest.mark.parametrize("lines", [1, 3, 7])
def test_a_killed_process_leaves_a_row_with_its_entry_or_neither(path: Path, lines: int) -> None:
    Store.open(path).close()
    with _child(path, "a", 1_000_000) as child:
        assert child.stdout is not None
        for _ in range(lines):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.wait(60)
    store = Store.open(path)
    rows = list(store.rows("a", kinds={"approval.answered"}))
    assert store.audit.verify().entries == len(rows) >= lines * 20 - 1
    store.close()
