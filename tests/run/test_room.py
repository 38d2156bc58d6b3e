"""A full disk under a run: it holds, nothing is done unrecorded, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import BOUND_S, acted, rows_of, until
from tests.store.small_disk import SmallDisk, small_disk
from workbench.bench import Workbench
from workbench.errors import StoreFull
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, now, together

SIZE = 20_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", 10) as made:
        yield made


@asynccontextmanager
async def opened(folder: Path, **settings: Any) -> AsyncGenerator[Workbench]:
    work = folder.parent / "work"
    work.mkdir(exist_ok=True)
    config = {"model": "playbook:default", "features": {"sandbox": False}}
    config |= {"min_free_mib": 0, **settings}
    path = folder / "workbench.db"
    async with Workbench.open(path, workspace=work, config=config) as bench:
        yield bench


def write_line(folder: str, text: str) -> str:
    """Add a line to a ledger on another disk, and say much about it."""
    with Path(folder, "ledger").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{text}\n")
    return text * (SIZE // len(text))


def ledger_of(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@pattern
async def deeds(folder: str, count: int) -> int:
    """Do so many things that cannot be repeated, two at a time."""
    for number in range(0, count, 2):
        await together(
            call(write_line, folder, f"deed{number}"), call(write_line, folder, f"deed{number + 1}")
        )
        await now()
    return count


def sentences(bench: Workbench) -> list[str]:
    said: list[str] = []

    def told(event: Any) -> None:
        if isinstance(event, Live) and event.kind == "room":
            said.append(event.data["text"])

    bench.subscribe(told)
    return said


async def held(bench: Workbench, ledger: Path) -> int:
    """Wait until the disk is full and what was going on has come to rest; how much was done."""
    await until(bench, lambda: bench.world.room.full is not None)
    run = next(iter(bench.runs.values()))
    async with asyncio.timeout(BOUND_S):
        while begun := [step.task for step in run.steps.values() if step.begun and step.task]:
            await asyncio.wait(begun)
    return len(ledger_of(ledger))


async def finished_honestly(bench: Workbench, ledger: Path) -> Any:
    """Resume the run and answer each doubt by what the ledger says; what the run returns."""
    run = await bench.resume("doomed", what=deeds)
    ended = asyncio.ensure_future(run.result())

    async def answer() -> None:
        while True:
            for waiting in await until(bench, lambda: bench.world.inbox.unanswered or None):
                assert waiting.kind == "in_doubt"
                text = waiting.arguments["arguments"][1]
                is_done = text in ledger_of(ledger)
                said = Answer(answer="done" if is_done else "run again", reason="was there")
                await bench.answer(waiting.id, said)

    answering = asyncio.ensure_future(answer())
    try:
        return await ended
    finally:
        answering.cancel()


@acted
async def test_a_run_holds_while_the_disk_is_full_and_goes_on_by_itself(
    disk: SmallDisk, tmp_path: Path
) -> None:
    async with opened(disk.folder) as bench:
        said = sentences(bench)
        run = await bench.start(deeds, folder=str(tmp_path), count=40)
        await until(bench, lambda: len(ledger_of(tmp_path)) >= 4)
        disk.fill()
        done = await held(bench, tmp_path)
        assert run.status == "running"
        await asyncio.sleep(0.3)
        assert len(ledger_of(tmp_path)) == done < 40, "nothing is done that is not recorded"
        disk.empty()
        assert await run.result() == 40
        assert sorted(ledger_of(tmp_path)) == sorted(f"deed{n}" for n in range(40))
        outcomes = rows_of(bench, run, "step.finished")
        assert sum(row.data["effect"] == "call" for row in outcomes) == 40
        assert "no room left" in said[0]
        assert "the runs go on" in said[-1]


@acted
async def test_a_run_interrupted_while_full_rests_and_resumes_without_a_doubt(
    disk: SmallDisk, tmp_path: Path
) -> None:
    async with opened(disk.folder) as bench:
        run = await bench.start(deeds, folder=str(tmp_path), count=40, run_id="doomed")
        await until(bench, lambda: len(ledger_of(tmp_path)) >= 4)
        disk.fill()
        await held(bench, tmp_path)
        run.interrupt("immediate")
        assert (await run.finished()).outcome == "suspended"
        with pytest.raises(StoreFull):
            await bench.resume("doomed")
        with pytest.raises(StoreFull):
            await bench.start(deeds, folder=str(tmp_path), count=2)
        disk.empty()
        await until(bench, lambda: bench.world.room.full is None)
        assert await finished_honestly(bench, tmp_path) == 40
    assert sorted(ledger_of(tmp_path)) == sorted(f"deed{n}" for n in range(40))


@acted
async def test_a_workbench_closed_while_full_leaves_a_run_that_resumes(
    disk: SmallDisk, tmp_path: Path
) -> None:
    async with asyncio.timeout(BOUND_S):
        async with opened(disk.folder) as bench:
            await bench.start(deeds, folder=str(tmp_path), count=40, run_id="doomed")
            await until(bench, lambda: len(ledger_of(tmp_path)) >= 4)
            disk.fill()
            await held(bench, tmp_path)
    disk.empty()
    async with opened(disk.folder) as bench:
        assert await finished_honestly(bench, tmp_path) == 40
    assert sorted(ledger_of(tmp_path)) == sorted(f"deed{n}" for n in range(40))


@acted
async def test_nothing_is_done_without_the_least_room(disk: SmallDisk, tmp_path: Path) -> None:
    async with opened(disk.folder, min_free_mib=10_000) as bench:
        said = sentences(bench)
        disk.fill(2**19)  # less than a tenth of this disk
        run = await bench.start(deeds, folder=str(tmp_path), count=2)
        await until(bench, lambda: said or None)
        assert ledger_of(tmp_path) == []
        assert "are needed (min_free_mib)" in said[0]
        disk.empty()
        assert await run.result() == 2
