"""Who drives a run: one process at a time, and none for longer than it lives."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.store.making import called, started, whole_run
from workbench.errors import Fenced, RunOwned
from workbench.journal.requests import LEASE_S
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


HOLD = """
import sys, threading
from pathlib import Path
from workbench.store.store import Store
store = Store.open(Path(sys.argv[1]), synchronous="NORMAL")
def hold(link):
    print("holding", flush=True)
    threading.Event().wait(60)
store._writer.perform(hold)
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
    assert isinstance(told[0], Fenced)
    assert "run a was taken over by process" in str(told[0])
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
    assert [p.name for p in locks.glob("*.run")] == ["a%2F..%2F..%2Fb.run"]
    store.release("a/../../b")
    store.close()
    assert {p.name for p in locks.iterdir()} == {"workbench.db.lock", "workbench.db.open"}


def test_a_lock_on_a_file_that_was_just_removed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, lock_now = [ownership.RunLock.take(tmp_path, "a")], ownership.lock_now

    def lock_late(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
        if first:  # lets go between another one's opening and locking of the file
            first.pop().release()
        return lock_now(descriptor, how)

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
    assert f"process {os.getpid()} has been writing for 0.2 s" in str(told[0])
    store.append([started("a")], told.append)
    store.flush()
    assert told[1] is None
    lock.close()


def test_a_lock_says_who_drives_since_when_and_where(store: Store) -> None:
    before = time.time()
    store.claim("a")
    owner = store.shared.driver("a")
    assert owner is not None
    assert (owner.pid, owner.host, owner.is_stopped) == (os.getpid(), "", False)
    assert before <= owner.since <= time.time()
    assert owner.silent_s < 30
    assert store.shared.driver("b") is None


def test_a_lock_of_an_older_version_names_the_pid_it_holds(store: Store, path: Path) -> None:
    locks = path.parent / "locks"
    descriptor = os.open(locks / "a.run", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(descriptor, b"4242")
    assert ownership.lock_now(descriptor)
    assert store.owner("a") == 4242
    os.close(descriptor)
    assert store.owner("a") is None


@pytest.mark.parametrize("said", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b'{"pid": null}'])
def test_whatever_a_lock_says_only_the_lock_counts(store: Store, path: Path, said: bytes) -> None:
    descriptor = os.open(path.parent / "locks" / "a.run", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(descriptor, said)
    assert ownership.lock_now(descriptor)
    assert store.owner("a") == 0
    with pytest.raises(RunOwned, match="a process that has not said its number"):
        store.claim("a")
    os.close(descriptor)
    assert store.claim("a") == 1


def test_two_who_only_look_do_not_take_each_other_for_an_owner(store: Store, path: Path) -> None:
    store.claim("a")
    looking = os.open(path.parent / "locks" / "b.run", os.O_RDWR | os.O_CREAT, 0o600)
    assert ownership.lock_now(looking, fcntl.LOCK_SH)
    assert store.owner("b") is None
    os.close(looking)


def test_a_stopped_owner_is_taken_over_on_order_or_when_it_is_silent_for_long(
    store: Store, path: Path
) -> None:
    process = claiming(path)
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    with pytest.raises(RunOwned, match=r"which is stopped .* --take-over"):
        store.claim("a")
    lock = path.parent / "locks" / "a.run"
    silent = time.time() - 31
    os.utime(lock, (silent, silent))
    assert store.claim("a") == 2, "silent for 31 s and stopped"
    process.send_signal(signal.SIGCONT)
    end(process)
    assert store.owner("a") == os.getpid()


def test_a_silent_owner_that_is_awake_is_not_taken_over(store: Store, path: Path) -> None:
    process = claiming(path)
    silent = time.time() - 3600
    os.utime(path.parent / "locks" / "a.run", (silent, silent))
    with pytest.raises(RunOwned, match=f"process {process.pid}"):
        store.claim("a")
    end(process)


def test_a_sign_of_life_finds_out_who_was_taken_over(store: Store, path: Path) -> None:
    second = Store.open(path, synchronous="NORMAL")
    second.claim("a")
    second.claim("b")
    assert second.shared.beat() == []
    store.claim("a", take_over=True)
    (fenced,) = second.shared.beat()
    assert fenced.data["run_id"] == "a"
    assert fenced.data["pid"] == os.getpid()
    second.close()


def test_taking_over_rings_the_owner_of_before(store: Store, path: Path) -> None:
    second = Store.open(path, synchronous="NORMAL")
    second.claim("a")
    bell = second.shared.bell
    assert bell is not None
    assert select.select([bell.descriptor], [], [], 0)[0] == []
    store.claim("a", take_over=True)
    assert select.select([bell.descriptor], [], [], 5)[0] == [bell.descriptor]
    bell.hush()
    assert select.select([bell.descriptor], [], [], 0)[0] == []
    second.close()


def test_a_lock_file_that_a_person_removed_is_made_anew(store: Store, path: Path) -> None:
    second = Store.open(path, synchronous="NORMAL")
    second.claim("a")
    (path.parent / "locks" / "a.run").unlink()
    assert store.owner("a") is None
    assert second.shared.beat() == []
    assert store.owner("a") == os.getpid()
    with pytest.raises(RunOwned):
        store.claim("a")
    second.close()
    assert store.owner("a") is None
    assert list((path.parent / "locks").glob(".*.run")) == []


def test_who_claims_a_run_whose_lock_file_was_removed_fences_its_owner(
    store: Store, path: Path
) -> None:
    second = Store.open(path, synchronous="NORMAL")
    second.claim("a")
    (path.parent / "locks" / "a.run").unlink()
    assert store.claim("a") == 2
    assert [fenced.data["run_id"] for fenced in second.shared.beat()] == ["a"]
    second.release("a")
    second.close()
    assert store.owner("a") == os.getpid()


def test_whether_a_run_is_surely_ours_is_confirmed_by_every_commit(
    store: Store, path: Path
) -> None:
    store.claim("a")
    assert store._writer is not None
    store._writer.confirmed["a"] -= LEASE_S + 1
    assert not store.shared.is_surely_ours("a")
    store.append([started("a")])
    store.flush()
    assert store.shared.is_surely_ours("a")
    store._writer.confirmed["a"] -= LEASE_S + 1
    told: list[BaseException | None] = []
    store.shared.confirm("a", told.append)
    store.flush()
    assert told == [None]
    assert store.shared.is_surely_ours("a")
    second = Store.open(path, synchronous="NORMAL")
    second.claim("a", take_over=True)
    store.shared.confirm("a", told.append)
    store.flush()
    assert isinstance(told[1], Fenced)
    second.close()


def test_the_process_that_left_a_run_is_known_by_name(store: Store, path: Path) -> None:
    assert store.shared.left_by("a") == ""
    process = claiming(path)
    end(process)
    assert store.shared.left_by("a") == f"process {process.pid}"
    assert store.shared.stale_locks() == ["a"]
    store.claim("a")
    assert store.shared.stale_locks() == []


def test_a_database_copied_with_its_locks_is_nobodys(store: Store, path: Path) -> None:
    store.append([started("a")])
    store.claim("a")
    store.flush()
    copy = path.parent.parent / "copy"
    shutil.copytree(path.parent, copy, ignore=shutil.ignore_patterns("*.bell"))
    other = Store.open(copy / path.name, synchronous="NORMAL")
    assert other.owner("a") is None
    assert other.claim("a") == 2
    other.close()


def test_who_stops_in_a_transaction_is_named_and_readers_are_not_blocked(
    store: Store, path: Path
) -> None:
    store.append(whole_run("a", 3))
    store.flush()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    told: list[BaseException | None] = []
    store.append([called("a", 4)], told.append)
    store.flush()
    assert f"process {process.pid} has been writing" in str(told[0])
    assert "and is stopped" in str(told[0])
    assert [row.seq for row in store.rows("a")] == [1, 2, 3]
    end(process)
    store.append([called("a", 4)], told.append)
    store.flush()
    assert told[1] is None


def test_a_thousand_locks_do_not_make_the_list_slow(store: Store) -> None:
    for number in range(1000):
        store.append([started(f"r{number}")])
        if number % 2:
            store.claim(f"r{number}")
    store.flush()
    rows = store.runs(limit=2000)
    driven = [row.run_id for row in rows if row.status == "running"]
    assert len(rows) == 1000
    assert len(driven) == 500


def test_a_beat_makes_nothing_anew_of_what_is_let_go_of_at_the_same_moment(tmp_path: Path) -> None:
    def beat(held: ownership.RunLock) -> None:
        for _ in range(3):
            held.keep()

    for _ in range(300):
        lock = ownership.RunLock.take(tmp_path, "a")
        beating = threading.Thread(target=beat, args=[lock])
        beating.start()
        lock.release()
        mine = os.open(tmp_path / "mine", os.O_CREAT | os.O_RDWR)  # often of the same number
        beating.join()
        os.close(mine)
        assert ownership.driver(tmp_path, "a") is None
        assert not [*tmp_path.glob("*.run")]
