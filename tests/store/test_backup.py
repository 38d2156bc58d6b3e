"""Backups and compaction: whole, of one moment, while others write; and back in place."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.store.making import NOON, called, event, started, whole_run
from workbench.errors import StoreDamaged, StoreError, StoreForeign, StoreNewer, UsageError
from workbench.store import backup, schema
from workbench.store.blobs import Blobs
from workbench.store.compacting import compact
from workbench.store.presence import alone
from workbench.store.store import Store

BIG = "x" * 40_000


@pytest.fixture
def filled(store: Store, path: Path) -> Path:
    store.append([*whole_run("a", 50), event("a", 51, result=BIG)])
    before = store.blobs.write(b"the file as it was")
    store.append([event("a", 52, "file.changed", before=before)])
    store.append([started("b", parent="a", cut=51)])
    store.flush()
    return path


def test_a_backup_is_whole_and_private(filled: Path, tmp_path: Path) -> None:
    made = backup.back_up(filled, tmp_path / "copy")
    assert (made.runs, made.rows, made.blobs) == (2, 53, 2)
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert backup.check_backup(tmp_path / "copy") == made
    assert [file.name for file in tmp_path.iterdir() if "part" in file.name] == []
    with pytest.raises(UsageError, match="is there already"):
        backup.back_up(filled, tmp_path / "copy")


def test_a_backup_shows_one_moment_while_others_write(store: Store, path: Path) -> None:
    store.append(whole_run("a", 2000))
    store.flush()
    stop = threading.Event()

    def write() -> None:
        seq = 2001
        while not stop.is_set():
            store.append([called("a", seq), started(f"r{seq}"), called(f"r{seq}", 2)])
            store.flush()
            seq += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            made = backup.back_up(path, path.with_name(f"copy{number}"))
            link = sqlite3.connect(path.with_name(f"copy{number}"))
            odd = "SELECT count(*) FROM events WHERE run_id LIKE 'r%'"
            count = link.execute(odd).fetchone()[0]
            link.close()
            assert count % 2 == 0
            assert made.rows == 2000 + count // 2 * 3
    finally:
        stop.set()
        writer.join()


def test_a_backup_can_be_put_back(store: Store, filled: Path) -> None:
    backup.back_up(filled, filled.with_name("copy"))
    rows = list(store.rows("a"))
    store.append([called("a", 53)])
    store.close()
    for blob in (filled.parent / "blobs").iterdir():
        blob.unlink()
    with alone(filled, "replaced"):
        aside = backup.restore(filled.with_name("copy"), filled, NOON)
    again = Store.open(filled)
    assert list(again.rows("a")) == rows
    assert again.blobs.read(rows[-1].data["before"]) == b"the file as it was"
    again.append([called("b", 53)])
    again.close()
    assert aside is not None
    kept = sqlite3.connect(aside)
    assert kept.execute("SELECT count(*) FROM events WHERE run_id = 'a'").fetchone() == (53,)
    kept.close()


def test_what_is_no_backup_is_not_put_back(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with pytest.raises(StoreError, match="there is no file"):
        backup.check_backup(copy)
    copy.write_text("dear diary " * 500)
    with pytest.raises(StoreDamaged):
        backup.check_backup(copy)
    copy.unlink()
    link = sqlite3.connect(filled)
    link.execute("VACUUM INTO ?", (str(copy),))
    link.close()
    with pytest.raises(StoreForeign, match="is no backup"):
        backup.check_backup(copy)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_damaged_backup_is_noticed(filled: Path, tmp_path: Path, part: float) -> None:
    copy = tmp_path / "copy"
    backup.back_up(filled, copy)
    content = bytearray(copy.read_bytes())
    at = int(len(content) * part) // 4096 * 4096
    content[at : at + 4096] = b"\x55" * 4096
    copy.write_bytes(content)
    with pytest.raises(StoreError):
        backup.check_backup(copy)


def test_a_database_that_cannot_be_read_gets_no_backup(filled: Path, tmp_path: Path) -> None:
    for blob in (filled.parent / "blobs").iterdir():
        blob.write_bytes(b"changed")
    with pytest.raises(StoreDamaged):
        backup.back_up(filled, tmp_path / "copy")
    assert list(tmp_path.glob("*copy*")) == []


def test_a_backup_of_a_later_version_is_not_put_back(filled: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    backup.back_up(filled, copy)
    link = sqlite3.connect(copy, isolation_level=None)
    link.execute(f"PRAGMA user_version={schema.VERSION + 1}")
    link.close()
    with pytest.raises(StoreNewer):
        backup.restore(copy, tmp_path / "state" / "other.db", NOON)


def test_compacting_gives_room_back_and_keeps_every_row(store: Store, filled: Path) -> None:
    store.append([started("big"), *(event("big", n, result="y" * 9000) for n in range(2, 300))])
    store.append([event("big", 300, "run.finished", outcome="returned")])
    store.flush()
    store.delete_runs(["big"])
    rows, place = list(store.rows("b")), store.last_place()
    with pytest.raises(StoreError, match=f"cannot be compacted while .*{os.getpid()}"):
        compact(filled)
    store.close()
    found = compact(filled)
    assert found.after_bytes < found.before_bytes / 5
    again = Store.open(filled)
    assert list(again.rows("b")) == rows
    assert again.last_place() == place
    again.close()


def test_whoever_opens_it_meanwhile_waits(path: Path) -> None:
    Store.open(path).close()
    with alone(path, "compacted"), pytest.raises(StoreError, match="being repaired or compacted"):
        Store.open(path, patience_s=0.05)
    Store.open(path).close()


def test_a_blob_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    name = blobs.write(b"x")
    long_ago = time.time() - 9999
    os.utime(tmp_path / name, (long_ago, long_ago))
    found = blobs.untouched(time.time() - 10)
    assert blobs.remove(found) == 1
    with suppress(FileNotFoundError):
        (tmp_path / name).unlink()
    assert blobs.remove(found) == 0
