"""Who drives a run: one process at a time, and none for longer than it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.making import called, started, whole_run
from workbench.errors import RunOwned, StoreError
from workbench.store import ownership
from workbench.store.store import Store

CLAIM = """
import sys
from pathlib import Path
from workbench.store.store import Store
store = Store.open(Path(sys.argv[1]), synchronous="NORMAL")
print(store.claim("a"), flush=True)
sys.stdin.read()
"""


def claiming(path: Path) -> subprocess.Popen[str]:
    """Another process that has claimed run ``a`` and waits."""
    command = [sys.executable, "-c", CLAIM, str(path)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdigit()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_living_owner_is_named(store: Store, path: Path) -> None:
    process = claiming(path)
    with pytest.raises(RunOwned, match=f"process {process.pid}"):
        store.claim("a")
    assert store.owner("a") == process.pid
    assert store.claim("b") == 1
    end(process)


def test_a_killed_owner_frees_the_run_at_once(store: Store, path: Path) -> None:
    process = claiming(path)
    end(process)
    assert store.owner("a") is None
    assert store.claim("a") == 2


def test_an_owner_that_was_taken_over_is_fenced_when_it_wakes(store: Store, path: Path) -> None:
    sleeper = Store.open(path, synchronous="NORMAL")
    sleeper.claim("a")
    sleeper.append(whole_run("a", 3))
    sleeper.flush()
    assert store.claim("a", take_over=True) == 2
    told: list[BaseException | None] = []
    sleeper.append([called("a", 4)], told.append)
    sleeper.append([started("b")], told.append)
    sleeper.flush()
    assert isinstance(told[0], StoreError)
    assert "this process is fenced: run a was taken over (epoch 2, and ours was 1)" in str(told[0])
    assert told[1] is None
    store.append([called("a", 4)])
    store.flush()
    sleeper.close()
    assert store.owner("a") == os.getpid(), "letting go must not free the new owner's lock"
    with pytest.raises(RunOwned):
        ownership.RunLock.take(path.parent / "locks", "a")


def test_the_same_process_may_take_over_from_itself(store: Store) -> None:
    assert [store.claim("a"), store.claim("a", take_over=True)] == [1, 2]
    store.append([started("a")])
    store.flush()
    store.release("a")
    assert store.owner("a") is None


def test_two_stores_of_one_process_cannot_both_claim(store: Store, path: Path) -> None:
    second = Store.open(path)
    store.claim("a")
    with pytest.raises(RunOwned, match="which is this one"):
        second.claim("a")
    second.close()


def test_letting_go_leaves_no_file(store: Store, path: Path) -> None:
    store.claim("a/../../b")
    locks = path.parent / "locks"
    assert sorted(p.name for p in locks.iterdir()) == ["a%2F..%2F..%2Fb.run", "workbench.db.lock"]
    store.release("a/../../b")
    assert [p.name for p in locks.iterdir()] == ["workbench.db.lock"]


def test_a_lock_on_a_file_that_was_just_removed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, lock_now = [ownership.RunLock.take(tmp_path, "a")], ownership.lock_now

    def lock_late(descriptor: int) -> bool:
        if first:  # lets go between another one's opening and locking of the file
            first.pop().release()
        return lock_now(descriptor)

    monkeypatch.setattr(ownership, "lock_now", lock_late)
    second = ownership.RunLock.take(tmp_path, "a")
    with pytest.raises(RunOwned):
        ownership.RunLock.take(tmp_path, "a")
    second.release()


def test_closing_lets_every_run_go(path: Path) -> None:
    store = Store.open(path)
    store.claim("a")
    store.claim("b")
    store.close()
    again = Store.open(path)
    assert (again.claim("a"), again.claim("b")) == (2, 2)
    again.close()


def test_a_batch_waits_for_another_process_and_then_says_so(store: Store, path: Path) -> None:
    lock = ownership.FileLock(path, 0.05)
    with lock.held():
        told: list[BaseException | None] = []
        store.append([started("a")], told.append)
        store.flush()
    assert "another workbench has been writing for 0.2 s" in str(told[0])
    store.append([started("a")], told.append)
    store.flush()
    assert told[1] is None
    lock.close()
