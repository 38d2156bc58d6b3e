"""Damage: it is said, nothing is lost without a word, and what can be saved is saved."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.store.making import NOON, called, event, started, whole_run
from workbench.errors import StoreDamaged, StoreError
from workbench.journal.events import Event
from workbench.store import salvage
from workbench.store.blobs import Blobs
from workbench.store.checking import check
from workbench.store.connection import Readers
from workbench.store.presence import alone
from workbench.store.salvage import Report
from workbench.store.store import Store

BIG = "x" * 40_000


def repaired(path: Path) -> Report:
    with alone(path, "repaired"):
        return salvage.salvage(path, NOON)


def many(path: Path, runs: int = 5, rows: int = 300) -> dict[str, list[Event]]:
    """A database of several runs, closed; what stands in it."""
    store = Store.open(path, synchronous="NORMAL")
    kept: dict[str, list[Event]] = {}
    for number in range(runs):
        name = f"run{number}"
        kept[name] = whole_run(name, rows)
        kept[name][-1] = event(name, rows, result=BIG + name)
        store.append(kept[name])
    store.set_setting("rules", ["kept"])
    store.append([started("fork", parent="run1", cut=200), called("fork", 202)])
    store.close()
    return kept


def spoil(path: Path, at: int, length: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\x55" * length)


def test_a_damaged_page_costs_its_rows_and_nothing_else(path: Path) -> None:
    kept = many(path)
    middle = path.stat().st_size // 2 // 4096 * 4096
    spoil(path, middle)
    before = path.read_bytes()
    report = repaired(path)
    aside = Path(report.aside)
    assert aside.read_bytes() == before, "what is damaged is never changed"
    store = Store.open(path)
    whole = sum(len(rows) for rows in kept.values()) + 2
    assert report.rows == whole - sum(loss.rows for loss in report.losses)
    assert report.rows > whole - 60
    lost = {loss.run_id: loss for loss in report.losses}
    for name, rows in kept.items():
        found = list(store.rows(name))
        if name not in lost:
            assert found == rows
            assert store.run(name).status == "suspended"
            continue
        assert store.run(name).status == "damaged"
        first = lost[name].first_seq
        assert found[: first - 1] == rows[: first - 1]
        assert len(rows) - len(found) == lost[name].rows
    assert store.get_setting("rules") == ["kept"]
    store.close()


def test_a_run_with_lost_rows_is_only_read_and_forked_before_the_loss(path: Path) -> None:
    store = Store.open(path, synchronous="NORMAL")
    rows = [started("a"), *(event("a", n, result="x" * 3000) for n in range(2, 40))]
    store.append(rows)
    store.close()
    spoil(path, path.stat().st_size * 3 // 4 // 4096 * 4096)
    report = repaired(path)
    (loss,) = report.losses
    store = Store.open(path)
    with pytest.raises(StoreDamaged, match=f"fork a@{loss.first_seq - 1}"):
        store.claim("a")
    told: list[BaseException | None] = []
    store.append([called("a", 40)], told.append)
    store.append([started("late", parent="a", cut=loss.first_seq)], told.append)
    store.append([started("early", parent="a", cut=loss.first_seq - 1)], told.append)
    store.flush()
    assert isinstance(told[0], StoreDamaged)
    assert "which has rows up to" in str(told[1])
    assert told[2] is None
    assert [row.seq for row in store.rows("early")] == list(range(1, loss.first_seq + 1))
    store.close()


def test_a_fork_of_what_was_lost_is_damaged_too(path: Path) -> None:
    store = Store.open(path, synchronous="NORMAL")
    store.append([started("a"), *(event("a", n, result="x" * 3000) for n in range(2, 40))])
    store.append([started("before", parent="a", cut=2), started("after", parent="a", cut=39)])
    store.close()
    spoil(path, path.stat().st_size * 3 // 4 // 4096 * 4096)
    losses = {loss.run_id: loss.first_seq for loss in repaired(path).losses}
    assert losses["after"] == losses["a"]
    assert "before" not in losses


def test_a_missing_blob_marks_its_run(path: Path) -> None:
    many(path, 2)
    blobs = path.parent / "blobs"
    doomed = next(blobs.iterdir())
    doomed.unlink()
    store = Store.open(path)
    found = check(path, store._readers, lambda _: None)
    store.close()
    assert len(found.faults) == 1
    assert doomed.name in found.faults[0]
    (loss,) = repaired(path).losses
    assert loss.first_seq == 300
    store = Store.open(path)
    assert store.run(loss.run_id).status == "damaged"
    store.close()


def test_a_first_page_that_is_gone_costs_the_tables_beside_the_log(path: Path) -> None:
    kept = many(path)
    spoil(path, 0)
    with pytest.raises(StoreDamaged, match="kaizen-tui repair"):
        Store.open(path)
    report = repaired(path)
    assert "settings" in report.tables
    assert report.losses == []
    store = Store.open(path)
    assert all(list(store.rows(name)) == rows for name, rows in kept.items())
    store.close()


def test_figures_that_are_wrong_are_told_apart_from_rows_that_are_lost(path: Path) -> None:
    many(path)
    link = sqlite3.connect(path, isolation_level=None)
    link.execute("UPDATE run_states SET steps = 99999 WHERE run_id = 'run2'")
    link.close()
    readers = Readers(path, 1.0)
    found = check(path, readers, lambda _: None)
    assert (found.faults, found.stale) == ([], ["run2"])
    store = Store.open(path)
    store.rebuild()
    store.close()
    assert check(path, readers, lambda _: None).stale == []
    readers.close()


def test_a_changed_payload_is_noticed_though_it_still_reads(path: Path) -> None:
    store = Store.open(path, synchronous="NORMAL")
    store.append([started("a"), event("a", 2, result="the sum is 100 dollars")])
    store.close()
    content = path.read_bytes()
    assert content.count(b"100 dollars") == 1
    path.write_bytes(content.replace(b"100 dollars", b"900 dollars"))
    store = Store.open(path)
    with pytest.raises(StoreDamaged, match="row 2 of run a is damaged"):
        list(store.rows("a"))
    store.close()


WRITE = """
import os, signal, sys
from pathlib import Path
from tests.store.making import event, started
from workbench.store.store import Store
store = Store.open(Path(sys.argv[1]))
store.append([started("a")])
for seq in range(2, 201):
    store.append([event("a", seq, result="x" * 500)])
    store.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def killed(path: Path) -> Path:
    """A database whose program was killed after 200 acknowledged rows, most of them in the log."""
    done = subprocess.run([sys.executable, "-c", WRITE, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Path(f"{path}-wal").stat().st_size > 100_000
    return path


def test_after_a_kill_everything_is_there(killed: Path) -> None:
    store = Store.open(killed)
    assert store.last_seq("a") == 200
    store.close()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_log_that_was_damaged_is_refused_and_saved(killed: Path, part: float) -> None:
    log = Path(f"{killed}-wal")
    spoil(log, int(log.stat().st_size * part), 1)
    with pytest.raises(StoreDamaged, match=r"cannot be read.*kaizen-tui repair"):
        Store.open(killed)
    report = repaired(killed)
    store = Store.open(killed)
    there = [row.seq for row in store.rows("a")]
    lost = sum(loss.rows for loss in report.losses)
    assert len(there) + lost == 200 or report.losses == []
    assert len(there) >= 198
    store.close()


def test_a_log_cut_short_is_refused(killed: Path) -> None:
    os.truncate(f"{killed}-wal", 0)
    with pytest.raises(StoreDamaged, match="are missing"):
        Store.open(killed)


def test_a_log_of_another_database_is_not_taken_up(killed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "workbench.db"
    other.parent.mkdir()
    Path(f"{other}-wal").write_bytes(Path(f"{killed}-wal").read_bytes())
    with pytest.raises(StoreDamaged, match=r"its database .* is not"):
        Store.open(other)


def test_a_stale_index_does_no_harm(killed: Path) -> None:
    memory = Path(f"{killed}-shm")
    memory.write_bytes(random.Random(1).randbytes(32_768))
    store = Store.open(killed)
    assert store.last_seq("a") == 200
    store.close()


@pytest.mark.parametrize("steps", range(1, 7))
def test_a_repair_that_was_killed_is_finished_by_the_next_opening(
    path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = many(path)
    spoil(path, path.stat().st_size * 3 // 4 // 4096 * 4096)

    class Killed(BaseException):
        pass

    left = [steps]
    replace = Path.replace

    def counted(this: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return replace(this, target)

    Path(f"{path}-wal").touch()
    monkeypatch.setattr(Path, "replace", counted)
    with suppress(Killed):
        repaired(path)
    monkeypatch.undo()
    store = Store.open(path)
    damaged = [run for run in store.runs() if run.status == "damaged"]
    assert damaged
    assert len(store.runs()) == len(kept) + 1
    store.close()


def test_what_is_open_elsewhere_is_not_repaired(store: Store, path: Path) -> None:
    with pytest.raises(StoreError, match=f"open elsewhere .process {os.getpid()}"):
        repaired(path)
    assert store.runs() == []


def test_a_blob_that_is_damaged_is_not_read_as_anything(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = blobs.write(b"content")
    for damage in (b"", b"cont", b"contenu", b"content "):
        (tmp_path / name).write_bytes(damage)
        with pytest.raises(StoreDamaged):
            Blobs(tmp_path).read(name)
