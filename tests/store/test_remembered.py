from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workbench.agent.memory import COLD_AFTER_S, COLD_BYTES, find
from workbench.errors import InputError
from workbench.store.memory import MemoryStore
from workbench.store.remembered import Remembered
from workbench.store.salvage import salvage
from workbench.store.store import Store
from workbench.values import copied

KEYS = st.sampled_from(["port", "the plan", "Stra\u00dfe", "caf\u00e9", "a_b", "\u8a08\u756b"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from(["port 8080", "CAF\u00c9 plan", "x" * COLD_BYTES, 2**70])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
WORDS = st.sampled_from(["", "port", "PORT 8080", "cafe", "plan", "b", "\u8a08\u756b", "%"])


class LikeADict(RuleBasedStateMachine):
    """Whatever is done, and wherever a value stands, it is what a dict in order of writes holds."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "workbench.db"
        self.kept: dict[str, Any] = {}
        self.later_s = 0.0
        self.open()

    def open(self) -> None:
        self.store = store = Store.open(self.path, synchronous="NORMAL")
        self.memory = Remembered(
            store._readers.read,  # pyright: ignore[reportPrivateUsage]
            store._write().perform,  # pyright: ignore[reportPrivateUsage]
            lambda: self.later_s,
        )

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(key=KEYS, value=VALUES)
    def write(self, key: str, value: Any) -> None:
        self.memory[key] = value
        self.kept.pop(key, None)
        self.kept[key] = copied(value)

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        assert self.memory.pop(key, "nothing") == self.kept.pop(key, "nothing")

    @rule()
    def let_everything_become_cold(self) -> None:
        self.later_s += COLD_AFTER_S
        self.memory.pack()
        assert self.memory.sizes().cold == len(self.kept)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()

    @rule()
    def repair(self) -> None:
        self.store.close()
        salvage(self.path, 1.0)
        self.open()

    @rule(search=WORDS)
    def search(self, search: str) -> None:
        assert self.store.memory.search(search, 3) == find(self.kept, search, 3)

    @invariant()
    def holds_the_same(self) -> None:
        assert list(self.store.memory.items()) == list(self.kept.items())
        assert [type(v) for v in self.memory.values()] == [type(v) for v in self.kept.values()]


TestLikeADict = LikeADict.TestCase
TestLikeADict.settings = settings(max_examples=10, stateful_step_count=15, deadline=None)


def test_what_another_process_writes_is_read_at_once(store: Store, path: Path) -> None:
    store.memory["port"] = 1
    other = Store.open(path, synchronous="NORMAL")
    other.memory["port"] = 2
    assert store.memory["port"] == 2
    other.memory["new"] = None
    other.close()
    assert store.memory["new"] is None
    assert "gone" not in store.memory


def test_none_is_remembered_and_a_missing_key_is_none_of_it(either: Store | MemoryStore) -> None:
    either.memory["nothing"] = None
    assert "nothing" in either.memory
    assert either.memory["nothing"] is None
    with pytest.raises(KeyError):
        either.memory["other"]
    with pytest.raises(InputError, match="51 words"):
        either.memory.search(" ".join(f"w{n}" for n in range(51)), 1)


_WRITES = """
import sys
from pathlib import Path
from workbench.store.store import Store
store = Store.open(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    store.memory["count"] = {"number": number, "filler": "word " * (number % 3 * 9000)}
    print(number, flush=True)
"""


def test_nothing_that_was_remembered_is_lost_or_stale_after_a_kill(path: Path) -> None:
    for _ in range(2):
        command = [sys.executable, "-c", _WRITES, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [int(process.stdout.readline()) for _ in range(20)]
            os.kill(process.pid, signal.SIGKILL)
            said += [int(line) for line in process.stdout.read().splitlines()]
        store = Store.open(path)
        number = store.memory["count"]["number"]
        assert number in {said[-1], said[-1] + 1}
        assert [one["key"] for one in store.memory.search(f"number {number}", 5)] == ["count"]
        store.close()


def test_what_an_older_version_kept_as_a_setting_is_taken_over(path: Path) -> None:
    store = Store.open(path)
    store.set_setting("memory", {"port": 8080, "none": None})
    store.close()
    salvage(path, 1.0)
    store = Store.open(path)
    assert dict(store.memory) == {"none": None, "port": 8080}
    assert store.memory.search("8080", 5) == [{"key": "port", "value": 8080}]
    assert store.get_setting("memory") is None
    store.close()
