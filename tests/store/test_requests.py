"""Requests in the store: added by one process, read by another, settled once; and the bell."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from tests.store.making import NOON, called, started
from workbench.errors import UsageError
from workbench.journal.requests import Request
from workbench.store import bell, requests
from workbench.store.store import Store


def asked(name: str, run_id: str = "a", at: float = NOON, **data: object) -> Request:
    return Request(name, run_id, "steer", data, "kim@4243", at)


def test_a_request_is_seen_by_every_process_until_it_is_settled(store: Store, path: Path) -> None:
    owner = Store.open(path, synchronous="NORMAL")
    owner.claim("a")
    store.shared.ask(asked("one", agent="coder", text="mind \udcff the tests"))
    store.shared.ask(asked("two", "b"))
    found = owner.shared.open_requests()
    assert [request.id for request in found] == ["one", "two"]
    assert found[0] == asked("one", agent="coder", text="mind \udcff the tests")
    owner.shared.settle([("one", "taken", "")])
    assert [request.id for request in owner.shared.open_requests()] == ["two"]
    owner.close()
    told = store.shared.request("one")
    assert told is not None
    assert told.outcome == "taken"


def test_what_is_said_of_a_request_first_stands(store: Store) -> None:
    store.shared.ask(asked("one"))
    store.shared.settle([("one", "late", "answered already by kim@1")])
    store.shared.settle([("one", "taken", "")])
    told = store.shared.request("one")
    assert told is not None
    assert (told.outcome, told.told) == ("late", "answered already by kim@1")


def test_asking_rings_the_owner(store: Store, path: Path) -> None:
    owner = Store.open(path, synchronous="NORMAL")
    owner.claim("a")
    hung = owner.shared.bell
    assert hung is not None
    assert stat.S_IMODE(os.fstat(hung.descriptor).st_mode) == 0o600
    store.shared.ask(asked("one"))
    assert os.read(hung.descriptor, 10) == b"!"
    owner.close()
    store.shared.ask(asked("two"))  # nobody listens, and it waits all the same
    assert [request.id for request in store.shared.open_requests()] == ["one", "two"]


def test_a_request_can_be_added_while_the_owner_writes(store: Store, path: Path) -> None:
    owner = Store.open(path, synchronous="NORMAL")
    owner.append([started("a")])
    for seq in range(2, 3000):
        owner.append([called("a", seq)])
        if seq % 30 == 0:
            store.shared.ask(asked(f"r{seq}"))
    owner.flush()
    assert len(owner.shared.open_requests()) == 99
    assert owner.last_seq("a") == 2999
    owner.close()


def test_a_request_that_is_too_large_is_refused_and_not_kept(store: Store) -> None:
    with pytest.raises(UsageError, match="at most 1048576 bytes"):
        store.shared.ask(asked("one", text="x" * requests.MOST_BYTES))
    assert store.shared.open_requests() == []


def test_settled_requests_go_after_a_week_and_open_ones_stay(store: Store) -> None:
    store.shared.ask(asked("old"))
    store.shared.ask(asked("waits"))
    store.shared.settle([("old", "taken", "")])
    store.shared.ask(asked("new", at=time.time() + requests.KEPT_S + 60))
    assert store.shared.request("old") is None
    assert [request.id for request in store.shared.open_requests()] == ["waits", "new"]


def test_a_bell_whose_process_is_gone_is_taken_down(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1-dead.bell")
    hung = bell.Bell(tmp_path)
    bell.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [hung.name]
    assert bell.ring(tmp_path, hung.name)
    hung.take_down()
    assert not bell.ring(tmp_path, hung.name)
    assert list(tmp_path.iterdir()) == []


def test_a_bell_can_be_rung_any_number_of_times(tmp_path: Path) -> None:
    hung = bell.Bell(tmp_path)
    assert all(bell.ring(tmp_path, hung.name) for _ in range(70_000))
    hung.hush()
    with pytest.raises(BlockingIOError):
        os.read(hung.descriptor, 1)
    hung.take_down()


def test_only_a_bell_beside_the_locks_is_rung(tmp_path: Path) -> None:
    (tmp_path / "plain.bell").write_text("")
    os.mkfifo(tmp_path / "other")
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "link.bell").symlink_to(tmp_path / "other")
    assert not bell.ring(tmp_path, "plain.bell")
    assert (tmp_path / "plain.bell").read_text() == ""
    assert not bell.ring(tmp_path / "locks", "link.bell")
    assert not bell.ring(tmp_path / "locks", "../other")


def test_a_watch_tells_commits_of_others_and_nothing_else(store: Store, path: Path) -> None:
    other = Store.open(path, synchronous="NORMAL")
    watch = store.shared.watch()
    assert watch.has_news()
    assert not watch.has_news()
    other.append([started("a")])
    other.flush()
    assert watch.has_news()
    assert not watch.has_news()
    watch.close()
    other.close()
