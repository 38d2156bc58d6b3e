"""A disk that is filled under a run for real, at random moments, and emptied again.

A child drives a run whose deeds cannot be repeated and writes each into a ledger on another disk.
Meanwhile the small disk of its database is filled and emptied, and the child is killed, told to
leave or left alone. In the end every deed must stand in the ledger once, and the file be whole.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.store.small_disk import SmallDisk, small_disk
from workbench.bench import Workbench
from workbench.errors import StoreFull, UnknownName
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, now, together

DEEDS = 60
RUN = "filled"
_BOUND_S = 60.0


def write_line(folder: str, text: str) -> str:
    """Add a line to the ledger, and say much about it."""
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
    return text * 3000


@pattern
async def deeds(folder: str) -> int:
    """Do so many things that cannot be repeated, two at a time."""
    for number in range(0, DEEDS, 2):
        await together(
            call(write_line, folder, f"deed{number}"), call(write_line, folder, f"deed{number + 1}")
        )
        await now()
    return DEEDS


async def drive(disk: Path, folder: Path) -> None:
    """Start the run or go on with it, answering doubts by what the ledger says."""
    config = {"model": "playbook:default", "min_free_mib": 0}
    config |= {"features": {"sandbox": False, "plugins": False}}
    (folder / "work").mkdir(exist_ok=True)
    async with Workbench.open(
        disk / "workbench.db", workspace=folder / "work", config=config
    ) as bench:
        asked = asyncio.Event()
        bench.subscribe(lambda event: asked.set() if isinstance(event, Live) else None)
        loop = asyncio.get_running_loop()
        if _has_ended(bench):  # its last process was killed after the last row
            sys.stdout.write("returned\n")
            return
        run = await _begun(bench, folder)
        loop.add_signal_handler(signal.SIGTERM, run.interrupt, "immediate")
        ended = asyncio.ensure_future(run.finished())
        while not ended.done():
            waiter = asyncio.ensure_future(asked.wait())
            await asyncio.wait({ended, waiter}, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
            asked.clear()
            await _answer(bench, folder)
        sys.stdout.write(f"{ended.result().outcome}\n")


def _has_ended(bench: Workbench) -> bool:
    try:
        return bench.store.run(RUN).status == "returned"
    except UnknownName:
        return False


async def _begun(bench: Workbench, folder: Path) -> Run:
    try:
        return await bench.resume(RUN, what=deeds)
    except UnknownName:
        return await bench.start(deeds, {"folder": str(folder)}, run_id=RUN)


async def _answer(bench: Workbench, folder: Path) -> None:
    for waiting in bench.world.inbox.unanswered:
        text: str = waiting.arguments["arguments"][1]
        done = text in _ledger(folder)
        await bench.answer(waiting.id, Answer(answer="done" if done else "run again", reason="x"))


def _ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def trial(folder: Path, seed: int) -> Counter[str]:
    """One run under a disk that fills. AssertionError when something did not hold."""
    chance, done = random.Random(seed), Counter[str]()
    with small_disk(folder / "disk", 8) as disk:
        process = _child(disk, folder)
        for _ in range(chance.randrange(2, 7)):
            threading.Event().wait(chance.choice((0.05, 0.2, 0.5)))
            what = chance.choice(("fill", "fill", "empty", "kill", "leave"))
            done[what] += 1
            match what:
                case "fill":
                    disk.fill(chance.choice((0, 4096, 8192, 40_960, 200_000)))
                case "empty":
                    disk.empty()
                case "kill":
                    process.send_signal(signal.SIGKILL)
                    process.communicate()
                    process = _child(disk, folder)
                case _:
                    _leave(process)
                    process = _child(disk, folder)
        disk.empty()
        _finish(process, disk, folder)
        assert sorted(_ledger(folder)) == sorted(f"deed{n}" for n in range(DEEDS))
        link = sqlite3.connect(disk.folder / "workbench.db")
        assert link.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (outcomes,) = link.execute(
            "SELECT count(*) FROM events WHERE kind = 'step.finished' AND key LIKE '%call%'"
        ).fetchone()
        link.close()
        assert outcomes == DEEDS
    return done


def _child(disk: SmallDisk, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.stress.full", str(disk.folder), str(folder)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def _leave(process: subprocess.Popen[str]) -> None:
    """Told to leave, it does in bounded time, full disk or not."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=_BOUND_S)
    assert "Traceback" not in said, said


def _finish(process: subprocess.Popen[str], disk: SmallDisk, folder: Path) -> None:
    for _ in range(5):
        out, said = process.communicate(timeout=_BOUND_S)
        assert "Traceback" not in said, said
        if "returned" in out:
            return
        # It had left for want of room, or had been told to.
        process = _child(disk, folder)
    raise AssertionError("the run does not end though there is room")


def run(count: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Many trials; what came of them."""
    done, wrong = Counter[str](), list[str]()
    for number in range(seed, seed + count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                done += trial(Path(folder), number)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                wrong.append(f"seed {number}: {error}")
                say(wrong[-1])
    return {"trials": count, "wrong": wrong, **done}


if __name__ == "__main__":
    try:
        asyncio.run(drive(Path(sys.argv[1]), Path(sys.argv[2])))
    except StoreFull as full:
        sys.stdout.write(f"no room: {full}\n")
