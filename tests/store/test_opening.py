"""Files that are there already: whose they are, and what is said when one cannot be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.making import called, started, whole_run
from workbench.errors import StoreDamaged, StoreError, StoreForeign, StoreNewer
from workbench.store import schema
from workbench.store.store import Store


def made(path: Path) -> Path:
    store = Store.open(path, synchronous="NORMAL")
    store.append(whole_run("a", 200))
    store.close()
    return path


def test_what_is_made_is_private(path: Path) -> None:
    store = Store.open(path)
    store.append([started("a"), *(called("a", 2) for _ in range(1))])
    store.blobs.write(b"x")
    store.claim("a")
    modes = {p.name: p.stat().st_mode & 0o777 for p in (path.parent, *path.parent.rglob("*"))}
    store.close()
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}
    assert {"state", "workbench.db", "workbench.db-wal", "blobs", "locks"} <= set(modes)


def test_an_existing_file_is_tightened_and_its_folder_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "workbench.db"
    path.touch(mode=0o644)
    Store.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = Store.open(path)
    assert store.runs() == []
    store.close()


def test_a_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    sqlite3.connect(path, isolation_level=None).execute("CREATE TABLE mine (x)")
    path.chmod(0o644)
    before = path.read_bytes()
    for readonly in (False, True):
        with pytest.raises(StoreForeign, match=r"workbench.db is a database of another program"):
            Store.open(path, readonly=readonly)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o644
    assert {p.name for p in path.parent.iterdir()} == {"workbench.db", "locks"}


def test_something_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("dear diary, " * 500)
    with pytest.raises(StoreDamaged, match=r"is not a database.*kaizen-tui repair"):
        Store.open(path)
    assert path.read_text().startswith("dear diary")


def test_a_file_cut_short_is_refused(path: Path) -> None:
    size = made(path).stat().st_size
    os.truncate(path, size // 2 // 4096 * 4096)
    with pytest.raises(StoreDamaged, match="is damaged"):
        Store.open(path)


def test_a_newer_file_is_read_and_not_written(path: Path) -> None:
    link = sqlite3.connect(made(path), isolation_level=None)
    link.execute(f"PRAGMA user_version={schema.VERSION + 3}")
    link.close()
    with pytest.raises(StoreNewer, match=f"has schema {schema.VERSION + 3}"):
        Store.open(path)
    store = Store.open(path, readonly=True)
    assert store.run("a").last_seq == 200
    store.close()


def test_a_file_that_somebody_locked_whole_is_said_to_be_locked(path: Path) -> None:
    link = sqlite3.connect(made(path), isolation_level=None)
    link.execute("PRAGMA locking_mode=EXCLUSIVE")
    link.execute("BEGIN EXCLUSIVE")
    for readonly in (False, True):
        with pytest.raises(StoreError, match="is locked by another program"):
            Store.open(path, readonly=readonly, patience_s=0.05)
    link.close()
    Store.open(path).close()


def test_reading_what_is_not_there_is_refused(path: Path) -> None:
    with pytest.raises(StoreError, match="there is no database at"):
        Store.open(path, readonly=True)
    assert not path.exists()


def test_a_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match="is a folder"):
        Store.open(path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(StoreError, match="cannot be used"):
        Store.open(tmp_path / "state" / "workbench.db")


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Root may open everything: be somebody else for the test."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield
    os.seteuid(user)


@pytest.mark.parametrize("readonly", [False, True])
def test_a_file_one_may_not_open_is_a_sentence(
    readonly: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = made(tmp_path / "workbench.db")
    path.chmod(0o000)
    for folder in list(path.parents)[:-2]:
        folder.chmod(0o755)
    request.getfixturevalue("without_rights")
    with pytest.raises(StoreError, match=r"workbench.db cannot be .*Check that it and its folder"):
        Store.open(path, readonly=readonly)


def test_a_folder_one_may_not_write_is_a_sentence(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    for folder in list((tmp_path / "x").parents)[:-2]:
        folder.chmod(0o755)
    request.getfixturevalue("without_rights")
    if os.access(tmp_path, os.W_OK, effective_ids=True):
        tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="cannot be used: Permission denied"):
        Store.open(tmp_path / "state" / "workbench.db")


def test_the_newest_rows_of_a_killed_process_are_recovered_from_its_wal(path: Path) -> None:
    store = Store.open(path)
    store.append(whole_run("a", 50))
    store.flush()
    copies = path.with_name("copy.db")
    for suffix in ("", "-wal"):  # what a crash would leave: no checkpoint was made
        copies.with_name(copies.name + suffix).write_bytes(
            path.with_name(path.name + suffix).read_bytes()
        )
    store.close()
    again = Store.open(copies)
    assert again.last_seq("a") == 50
    again.close()
