"""Damage at random places of the database, its log, its index and its blobs.

What must hold each time: the file opens with everything in it, or it is refused in a sentence, or a
damaged row is; nothing is ever missing without a word, and what a repair leaves is a beginning of
what was there, with every missing row counted.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.store.making import NOON, called, event, started
from workbench.errors import StoreDamaged, StoreError, UnknownName, WorkbenchError
from workbench.journal.events import Event
from workbench.store import salvage
from workbench.store.checking import check
from workbench.store.connection import Readers
from workbench.store.presence import alone
from workbench.store.store import Store

RUNS, ROWS = 4, 150
BIG = "x" * 40_000


def rows_of(number: int) -> list[Event]:
    """What run ``number`` consists of: small rows, rows over several pages, blobs."""
    name = f"run{number}"
    made = [started(name, title=f"about {number}")]
    for seq in range(2, ROWS + 1):
        if seq % 50 == 0:
            made.append(event(name, seq, result=f"{name} {seq} {BIG}"))
        elif seq % 7 == 0:
            made.append(event(name, seq, result=f"{name} {seq} " + "y" * (seq * 60)))
        else:
            made.append(called(name, seq))
    return made


def write(path: Path, *, killed: bool) -> None:
    """Write the database; killed, most of it stands in the log."""
    store = Store.open(path)
    for number in range(RUNS):
        for row in rows_of(number):
            store.append([row])
            if row.seq % 10 == 0:
                store.flush()
    store.append([started("fork", parent="run1", cut=100), called("fork", 102)])
    store.flush()
    if killed:
        os.kill(os.getpid(), signal.SIGKILL)
    store.close()


class Base:
    """Two databases to damage copies of: one that was closed, and one whose program was killed."""

    def __init__(self, folder: Path) -> None:
        self.kept = {f"run{number}": rows_of(number) for number in range(RUNS)}
        self.kept["fork"] = [started("fork", parent="run1", cut=100), called("fork", 102)]
        self._folder = folder
        write(folder / "closed" / "workbench.db", killed=False)
        command = [sys.executable, "-m", "tests.stress.damage", str(folder / "killed/workbench.db")]
        done = subprocess.run(command, check=False)
        assert done.returncode == -signal.SIGKILL, done

    @contextmanager
    def copy(self, which: str) -> Generator[Path]:
        """A copy that may be spoilt."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            shutil.copytree(self._folder / which, folder / "state")
            yield folder / "state" / "workbench.db"
        finally:
            shutil.rmtree(folder)


def _flip_bit(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _flip_bytes(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content))
    length = chance.randrange(1, 200)
    content[at : at + length] = chance.randbytes(len(content[at : at + length]))


def _zero(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content)) // 512 * 512
    content[at : at + 512] = bytes(len(content[at : at + 512]))


def _lose_a_page(content: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(content)) // 4096 * 4096
    content[at : at + 4096] = b"\x55" * len(content[at : at + 4096])


def _cut(content: bytearray, chance: random.Random) -> None:
    del content[chance.randrange(len(content)) :]


def _grow(content: bytearray, chance: random.Random) -> None:
    content += chance.randbytes(chance.randrange(1, 10_000))


def _head(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(min(100, len(content)))] = chance.randrange(256)


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    *(_flip_bit, _flip_bit, _flip_bytes, _zero, _lose_a_page, _cut, _grow, _head),
)


def spoil(path: Path, chance: random.Random) -> str:
    """Damage one of the files; which and how, in words."""
    blobs = sorted((path.parent / "blobs").iterdir())
    files = [path, path, path, Path(f"{path}-wal"), Path(f"{path}-wal"), Path(f"{path}-shm")]
    there = [file for file in [*files, chance.choice(blobs)] if file.exists()]
    file, damage = chance.choice(there), chance.choice(DAMAGES)
    content = bytearray(file.read_bytes())
    damage(content, chance)
    file.write_bytes(content)
    return f"{damage.__name__} {file.suffix or 'blob'}"


def trial(base: Base, seed: int) -> tuple[str, str]:
    """Spoil a copy and look: what was done, and how it ended. AssertionError if wrong."""
    chance = random.Random(seed)
    with base.copy(chance.choice(("closed", "killed"))) as path:
        what = spoil(path, chance)
        try:
            store = Store.open(path, patience_s=1.0)
        except StoreError as error:
            with pytest.raises(StoreError):  # and not opened the next time
                Store.open(path, patience_s=1.0).close()
            _repair(base, path, what)
            return what, f"refused ({type(error).__name__})"
        try:
            damaged = _looked_through(base, store, what)
        finally:
            with suppress(WorkbenchError):
                store.close()
        if damaged:
            _repair(base, path, what)
            return what, "opened, and damaged rows were refused"
        return what, "opened whole"


def _looked_through(base: Base, store: Store, what: str) -> bool:
    """Whether anything was refused; all that is not must be what was written."""
    damaged = False
    for name, rows in base.kept.items():
        try:
            found = [row for row in store.rows(name) if row.run_id == name]
        except StoreDamaged:
            damaged = True
        except UnknownName:
            raise AssertionError(f"{what}: {name} is gone without a word") from None
        else:
            assert found == rows, f"{what}: {name} is not what was written"
    for look in (store.runs, store.tail, store.approvals, lambda: store.usage("run1")):
        try:
            look()
        except StoreError:
            damaged = True
    told: list[BaseException | None] = []
    store.append([called("run2", ROWS + 1)], told.append)
    with suppress(StoreError):
        store.flush()
    assert told[0] is None or isinstance(told[0], StoreError), what
    return damaged


def _repair(base: Base, path: Path, what: str) -> None:
    if not path.stat().st_size:
        return
    with alone(path, "repaired"):
        report = salvage.salvage(path, NOON)
    losses = {loss.run_id: loss for loss in report.losses}
    store = Store.open(path)
    try:
        for name, rows in base.kept.items():
            try:
                found = [row for row in store.rows(name) if row.run_id == name]
            except StoreDamaged:
                assert name in losses, f"{what}: {name} cannot be read after the repair"
                continue
            except UnknownName:
                assert name in losses or report.is_cut, f"{what}: {name} was lost unsaid"
                continue
            found = [row for row in found if row.seq <= ROWS]  # one was added
            assert all(row in rows for row in found), f"{what}: {name} has rows it never had"
            is_said = name in losses or report.is_cut
            assert len(found) == len(rows) or is_said, f"{what}: {name} lost rows unsaid"
    finally:
        store.close()
    readers = Readers(path, 1.0)
    found = check(path, readers, lambda _: None)
    readers.close()
    assert not found.faults, f"{what}: after the repair {found.faults}"


def run(count: int, seed: int, say: Callable[[str], None]) -> dict[str, object]:
    """Many trials; what came of them."""
    ended: Counter[str] = Counter()
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        base = Base(Path(folder))
        for number in range(seed, seed + count):
            try:
                what, how = trial(base, number)
            except AssertionError as error:
                wrong.append(f"seed {number}: {error}")
                say(wrong[-1])
            else:
                ended[how] += 1
                ended[what] += 0
    return {"trials": count, "wrong": wrong, **{k: v for k, v in sorted(ended.items()) if v}}


if __name__ == "__main__":
    write(Path(sys.argv[1]), killed=True)
