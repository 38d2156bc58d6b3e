"""The writer under failure: what was acknowledged is there, what was refused left no trace."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from tests.store.making import called, event, started, whole_run
from workbench.errors import StoreDamaged, StoreError, StoreNewer
from workbench.journal.events import Event
from workbench.store import schema
from workbench.store.store import Store


def outcome(store: Store, *events: Event) -> BaseException | None:
    told: list[BaseException | None] = []
    store.append(list(events), told.append)
    store.flush()
    return told[0]


def foreign(path: Path) -> sqlite3.Connection:
    """Somebody else's connection to the same file."""
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def test_rows_after_a_failed_batch_do_not_leave_a_gap(store: Store, path: Path) -> None:
    assert outcome(store, *whole_run("a", 3)) is None
    other = foreign(path)
    other.execute("BEGIN IMMEDIATE")
    locked = outcome(store, called("a", 4))
    other.execute("ROLLBACK")
    assert "is locked by another program" in str(locked)
    assert "would leave a gap: its next row is 4" in str(outcome(store, called("a", 5)))
    assert outcome(store, called("a", 4), called("a", 5)) is None


def test_one_bad_value_does_not_take_the_batch_with_it(store: Store) -> None:
    gate, told = threading.Event(), dict[str, BaseException | None]()

    def hold(_: BaseException | None) -> None:
        gate.wait()

    store.append([started("z")], hold)
    too_many = 2**70  # JSON carries it, an integer column does not
    rows = [started("a"), called("a", 2, input_tokens=too_many), started("b"), called("b", 2)]
    for row in rows:
        name = f"{row.run_id}{row.seq}"
        store.append([row], lambda error, name=name: told.update({name: error}))
    gate.set()
    store.flush()
    assert [name for name, error in told.items() if error is None] == ["a1", "b1", "b2"]
    assert "no row can carry" in str(told["a2"])
    assert store.usage("a").calls == 0


def test_a_time_or_a_key_that_is_none_is_refused(store: Store) -> None:
    assert outcome(store, started("a")) is None
    nowhen = Event("a", 2, float("nan"), "step.finished", "", {})
    assert "has the time nan" in str(outcome(store, nowhen))
    assert "not text" in str(outcome(store, event("a", 2, key="\udc80")))
    assert outcome(store, called("a", 2)) is None


def test_the_database_disappearing_stops_writing(store: Store, path: Path) -> None:
    assert outcome(store, started("a")) is None
    path.rename(path.with_suffix(".gone"))
    error = outcome(store, called("a", 2))
    assert isinstance(error, StoreError)
    assert "No such file" in str(error)
    path.with_suffix(".gone").rename(path)
    assert outcome(store, called("a", 2)) is None


def test_another_wal_stops_writing(store: Store, path: Path) -> None:
    assert outcome(store, started("a")) is None
    wal = path.with_name(path.name + "-wal")
    wal.rename(wal.with_suffix(".old"))
    wal.touch()
    assert "was replaced while it was open" in str(outcome(store, called("a", 2)))
    wal.with_suffix(".old").rename(wal)
    assert outcome(store, called("a", 2)) is None


def test_a_schema_that_a_later_version_upgraded_stops_writing(store: Store, path: Path) -> None:
    assert outcome(store, started("a")) is None
    foreign(path).execute(f"PRAGMA user_version={schema.VERSION + 1}")
    assert isinstance(outcome(store, called("a", 2)), StoreNewer)


def test_what_another_connection_wrote_is_noticed(store: Store, path: Path) -> None:
    assert outcome(store, *whole_run("a", 2)) is None
    second = Store.open(path, synchronous="NORMAL")
    assert outcome(second, called("a", 3)) is None
    assert "is there already: its next row is 4" in str(outcome(store, called("a", 3)))
    assert outcome(store, called("a", 4)) is None
    assert store.run("a").calls == 3
    second.close()


def test_the_writer_refuses_to_wait_for_itself(store: Store) -> None:
    caught: list[BaseException] = []

    def done(_: BaseException | None) -> None:
        try:
            store.flush()
        except StoreError as error:
            caught.append(error)

    store.append([started("a")], done)
    store.flush()
    assert "cannot wait for itself" in str(caught[0])


def test_a_listener_whose_loop_is_closed_does_no_harm(store: Store) -> None:
    def done(_: BaseException | None) -> None:
        raise RuntimeError("Event loop is closed")

    store.append([started("a")], done)
    assert outcome(store, called("a", 2)) is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_in_the_thread_leaves_nobody_waiting(path: Path) -> None:
    store = Store.open(path)
    gate, told = threading.Event(), list[BaseException | None]()

    def faulty(_: BaseException | None) -> None:
        gate.wait()
        raise LookupError("ours")

    store.append([started("a")], faulty)
    store.append([called("a", 2)], told.append)
    gate.set()
    with pytest.raises(StoreError, match="was closed"):
        store.flush()
    with pytest.raises(StoreError, match="was closed"):
        store.append([called("a", 3)])
    with pytest.raises(StoreError):
        store.close()
    again = Store.open(path)
    assert len(told) == 1
    assert again.last_seq("a") == (2 if told == [None] else 1)
    again.close()


def test_close_commits_what_is_queued(path: Path) -> None:
    store = Store.open(path)
    for row in whole_run("a", 500):
        store.append([row])
    store.close()
    assert not path.with_name(path.name + "-wal").exists()
    again = Store.open(path, readonly=True)
    assert len(list(again.rows("a"))) == 500
    again.close()


def test_many_threads_may_append_and_read(store: Store) -> None:
    def work(name: str) -> None:
        for row in whole_run(name, 100):
            store.append([row])
            if row.seq % 20 == 0:
                store.flush()
                assert len(list(store.rows(name))) == row.seq

    threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.run_id: run.last_seq for run in store.runs()} == {f"t{n}": 100 for n in range(8)}


def test_a_long_iteration_lets_the_wal_be_reset(store: Store, path: Path) -> None:
    assert outcome(store, *whole_run("a", 3000)) is None
    rows = store.rows("a")
    next(rows)
    busy, _, _ = foreign(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    assert len(list(rows)) == 2999


def test_rows_of_a_kilobyte_take_less_than_twice_that(path: Path) -> None:
    store = Store.open(path, synchronous="NORMAL")
    store.append([started("a"), *(event("a", n, result="x" * 1000) for n in range(2, 4000))])
    store.close()
    assert path.stat().st_size < 2 * 4000 * 1024


def test_a_readonly_store_refuses_to_write(path: Path) -> None:
    Store.open(path).close()
    store = Store.open(path, readonly=True)
    for deed in (lambda: store.append([started("a")]), lambda: store.claim("a"), store.rebuild):
        with pytest.raises(StoreError, match="not open for writing"):
            deed()
    store.flush()
    store.close()


def test_damage_met_while_reading_is_said(path: Path) -> None:
    store = Store.open(path, synchronous="NORMAL")
    store.append(whole_run("a", 2000))
    store.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8 * 4096] = b"\x55" * 8 * 4096
    path.write_bytes(content)
    again = Store.open(path)
    with pytest.raises(StoreDamaged, match="is damaged"):
        list(again.rows("a"))
    again.close()
