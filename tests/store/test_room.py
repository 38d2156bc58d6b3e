"""A full disk: nothing is lost or damaged, what waits is recorded in order when there is room."""

from __future__ import annotations

import resource
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.store.making import called, event, started
from tests.store.small_disk import SmallDisk, small_disk
from workbench.errors import StoreFull
from workbench.store.store import Store

BOUND_S = 10.0
BIG = "x" * 40_000


class Heard:
    """What a store says about room, and what became of each row."""

    def __init__(self, store: Store) -> None:
        self.rows: list[tuple[int, BaseException | None]] = []
        self.sentences: list[str] = []
        self.full, self.room = threading.Event(), threading.Event()
        store.watch_room(self._told)

    def _told(self, full: StoreFull | None) -> None:
        (self.room if full is None else self.full).set()
        (self.full if full is None else self.room).clear()
        if full is not None:
            self.sentences.append(str(full))

    def row(self, seq: int, error: BaseException | None) -> None:
        self.rows.append((seq, error))


def append(store: Store, heard: Heard, seqs: range, size: int = 3000) -> None:
    for seq in seqs:
        row = event("a", seq, result="x" * size)
        store.append([row], lambda error, seq=seq: heard.row(seq, error))


def integrity(path: Path) -> str:
    link = sqlite3.connect(path)
    try:
        return link.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        link.close()


def limit_pages(store: Store, pages: int) -> None:
    assert store._writer is not None
    store._writer.perform(lambda link: link.execute(f"PRAGMA max_page_count={pages}"))


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """No file of this process may grow beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


def test_rows_wait_for_room_and_are_stored_in_order(store: Store, path: Path) -> None:
    store.append([started("a")])
    limit_pages(store, 1)  # SQLite takes it as: not one page more than there are
    heard = Heard(store)
    append(store, heard, range(2, 60))
    assert heard.full.wait(BOUND_S)
    with pytest.raises(StoreFull, match="there is no room left for"):
        store.flush()
    store.catch_up()
    kept = store.last_seq("a")
    assert kept < 59
    assert [error for _, error in heard.rows] == [None] * (kept - 1), "nobody is told of a failure"
    pages = sqlite3.connect(path)
    assert store._writer is not None
    # What lifts the limit is no job of the writer's: it answers none while rows wait.
    store._writer._connection.execute("PRAGMA max_page_count=1000000")
    assert heard.room.wait(BOUND_S)
    store.flush()
    assert heard.rows == [(seq, None) for seq in range(2, 60)]
    assert [row.seq for row in store.rows("a")] == list(range(1, 60))
    pages.close()
    assert integrity(path) == "ok"


def test_a_blob_without_room_holds_its_row_and_what_follows(store: Store, path: Path) -> None:
    store.append([started("a")])
    store.flush()
    heard = Heard(store)
    with files_up_to(path.with_name("workbench.db-wal").stat().st_size + 20_000):
        append(store, heard, range(2, 3), size=1000)
        append(store, heard, range(3, 4), size=2_000_000)
        append(store, heard, range(4, 5), size=1000)
        assert heard.full.wait(BOUND_S)
        store.catch_up()
        assert store.last_seq("a") == 2
        assert [name.name for name in (path.parent / "blobs").iterdir()] == []
    store.catch_up()
    assert heard.room.wait(BOUND_S)
    assert [row.seq for row in store.rows("a")] == [1, 2, 3, 4]


def test_what_has_happened_is_recorded_with_the_ballast(disk: SmallDisk) -> None:
    path = disk.folder / "workbench.db"
    store = Store.open(path)
    store.append([started("a")])
    store.flush()
    heard = Heard(store)
    disk.fill()
    append(store, heard, range(2, 40), size=9000)
    assert heard.full.wait(BOUND_S)
    store.flush()
    assert store.last_seq("a") == 39
    assert not path.with_name("workbench.db.ballast").exists()
    disk.empty()
    assert heard.room.wait(BOUND_S)
    assert path.with_name("workbench.db.ballast").exists()
    store.close()
    assert integrity(path) == "ok"


def test_without_ballast_rows_wait_until_there_is_room(disk: SmallDisk) -> None:
    path = disk.folder / "workbench.db"
    store = Store.open(path)
    store.append([started("a")])
    store.flush()
    heard = Heard(store)
    disk.fill()
    append(store, heard, range(2, 400), size=9000)
    assert heard.full.wait(BOUND_S)
    store.catch_up()
    assert store.last_seq("a") < 399
    assert heard.sentences
    disk.empty()
    assert heard.room.wait(BOUND_S)
    store.flush()
    assert heard.rows == [(seq, None) for seq in range(2, 400)]
    store.close()
    assert integrity(path) == "ok"


def test_a_store_closed_while_full_says_what_was_not_recorded(disk: SmallDisk) -> None:
    path = disk.folder / "workbench.db"
    store = Store.open(path)
    store.append([started("a")])
    store.flush()
    heard = Heard(store)
    disk.fill()
    append(store, heard, range(2, 400), size=9000)
    with pytest.raises(StoreFull):
        store.close()
    lost = [seq for seq, error in heard.rows if isinstance(error, StoreFull)]
    kept = [seq for seq, error in heard.rows if error is None]
    assert [*kept, *lost] == list(range(2, 400))
    disk.empty()
    again = Store.open(path)
    assert [row.seq for row in again.rows("a")] == [1, *kept]
    again.append([called("a", kept[-1] + 1)])
    again.close()
    assert integrity(path) == "ok"


def test_a_run_whose_rows_wait_is_not_let_go(disk: SmallDisk) -> None:
    store = Store.open(disk.folder / "workbench.db")
    store.claim("a")
    store.append([started("a")])
    store.flush()
    heard = Heard(store)
    disk.fill()
    append(store, heard, range(2, 400), size=9000)
    with pytest.raises(StoreFull):
        store.release("a")
    assert store.owner("a") is not None
    disk.empty()
    assert heard.room.wait(BOUND_S)
    store.release("a")
    assert store.owner("a") is None
    store.close()


def test_what_fits_into_the_ballast_can_be_kept_and_claimed_on_a_full_disk(disk: SmallDisk) -> None:
    store = Store.open(disk.folder / "workbench.db")
    heard = Heard(store)
    disk.fill()
    store.set_setting("mode", "plan" * 1000)
    store.claim("a")
    assert store.get_setting("mode") == "plan" * 1000
    assert heard.full.is_set() or not disk._free()
    store.close()


def test_a_full_disk_can_be_looked_at(disk: SmallDisk) -> None:
    path = disk.folder / "workbench.db"
    store = Store.open(path)
    store.append([started("a"), called("a", 2)])
    store.close()
    disk.fill()
    again = Store.open(path)
    assert [run.run_id for run in again.runs()] == ["a"]
    again.close()


@pytest.mark.parametrize("free", [0, 4096, 8192, 20_480, 36_864, 65_536, 131_072, 262_144])
def test_wherever_room_ends_the_file_is_whole(tmp_path: Path, free: int) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        path = disk.folder / "workbench.db"
        store = Store.open(path)
        heard = Heard(store)
        store.claim("a")
        store.append([started("a")])
        store.flush()
        path.with_name("workbench.db.ballast").unlink()
        disk.fill(free)
        append(store, heard, range(2, 30), size=500)
        append(store, heard, range(30, 40), size=40_000)
        append(store, heard, range(40, 60), size=9000)
        store.catch_up()
        disk.empty()
        while store.last_seq("a") < 59:
            store.catch_up()
        store.flush()
        assert heard.rows == [(seq, None) for seq in range(2, 60)]
        store.close()
        assert integrity(path) == "ok"
