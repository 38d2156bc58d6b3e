"""Two and three real processes on one run: stopped, killed, taken over, and asked for things."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.run.owning import PATTERNS, POINTS, RUN
from tests.run.stage import acted, opened, rows_of, until, waiting
from tests.run.two import waits_for
from workbench.bench import Workbench
from workbench.errors import RunOwned
from workbench.file_locks import lock_now
from workbench.journal.events import Event
from workbench.journal.requests import Request
from workbench.permission.doubting import AGAIN, DONE
from workbench.run.run import Run
from workbench.run.waiting import Answer

REPOSITORY = Path(__file__).parents[2]


class Process:
    """Another process, and the words it says."""

    def __init__(self, function: str, *given: str) -> None:
        self.folder = Path(given[0])
        code = f"from tests.run.owning import {function}; import sys; {function}(*sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *given],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self.process.pid

    def says(self, beginning: str) -> str:
        """Wait for a line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(beginning):
                return line.strip()
        raise AssertionError(f"it ended without saying {beginning!r}")

    def stop(self) -> None:
        """Stop it where it writes nothing: within a transaction it would keep all others out."""
        while True:
            self.process.send_signal(signal.SIGSTOP)
            self.is_stopped()
            if not self.writes():
                return
            self.go_on()

    def is_stopped(self) -> None:
        """Wait until it is."""
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def writes(self) -> bool:
        """Whether it holds the lock around a batch."""
        with (self.folder / "state/locks/workbench.db.lock").open("rb") as lock:
            return not lock_now(lock.fileno())

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> int:
        self.process.kill()
        with self.process:  # its pipe is closed
            return self.process.wait()


@contextmanager
def driving(folder: Path, what: str, point: str = "") -> Generator[Process]:
    """A process that drives a run."""
    process = Process("drive", str(folder), what, *([point] if point else []))
    try:
        yield process
    finally:
        process.end()


def killed_by(
    owner: Process, folder: Path, ask: Callable[[Workbench], Coroutine[Any, Any, Request]]
) -> Request:
    """Ask an owner for something that it dies of."""

    async def asked() -> Request:
        async with opened(folder) as bench:
            return await ask(bench)

    request = asyncio.run(asked())
    assert owner.process.wait(20) == -signal.SIGKILL
    return request


def ledger(folder: Path) -> list[str]:
    path = folder / "ledger"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


async def take_over(bench: Workbench, what: str) -> Run:
    bench.world.patterns |= PATTERNS
    return await bench.resume(RUN, what=PATTERNS[what], take_over=True)


def epochs_and_rows(rows: list[Event]) -> None:
    """Every row has one place, and each owner goes on where the last one ended."""
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))


def test_an_owner_stopped_in_its_approval_is_taken_over_and_fenced_when_it_wakes(
    tmp_path: Path,
) -> None:
    with driving(tmp_path, "approving") as owner:
        owner.says("asked")
        owner.stop()

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                with pytest.raises(RunOwned, match=r"which is stopped .* --take-over"):
                    await bench.resume(RUN, what=PATTERNS["approving"])
                run = await take_over(bench, "approving")
                (one,) = await waiting(bench)
                owner.go_on()
                assert f"taken over by process {os.getpid()}" in owner.says("notice run driven was")
                owner.says(f"following process {os.getpid()}")
                await bench.answer(one.id, Answer("allow"))
                assert await run.result() == "deed is there"
                owner.says("row run.finished")
                assert ledger(tmp_path) == ["deed"]
                epochs_and_rows(rows_of(bench, RUN))

        played()


def test_an_owner_stopped_in_a_model_call_leaves_no_trace_of_it_after_it_is_taken_over(
    tmp_path: Path,
) -> None:
    with driving(tmp_path, "thinking") as owner:
        owner.says("model")
        owner.stop()

        @acted
        async def played() -> None:
            async with opened(tmp_path, lambda _request: "thought") as bench:
                run = await take_over(bench, "thinking")
                assert (await run.result()).text == "thought"
                before = rows_of(bench, RUN)
                owner.go_on()
                owner.says("notice run driven was")
                assert rows_of(bench, RUN) == before
                epochs_and_rows(before)

        played()


def test_what_a_stopped_owner_had_begun_is_in_doubt_for_who_takes_over(tmp_path: Path) -> None:
    with driving(tmp_path, "acting") as owner:
        owner.says("acting")
        owner.stop()

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                run = await take_over(bench, "acting")
                (one,) = await waiting(bench)
                assert one.kind == "in_doubt"
                owner.go_on()
                owner.says("notice run driven was")
                await bench.answer(one.id, Answer(answer="done"))
                await run.finished()
                assert ledger(tmp_path) == ["act"], "it was begun once, by whoever was stopped"
                epochs_and_rows(rows_of(bench, RUN))

        played()


def test_a_silent_stopped_owner_is_taken_over_without_an_order(tmp_path: Path) -> None:
    with driving(tmp_path, "approving") as owner:
        owner.says("asked")
        owner.stop()
        lock = tmp_path / "state" / "locks" / f"{RUN}.run"
        silent = lock.stat().st_mtime - 31
        os.utime(lock, (silent, silent))

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                run = await bench.resume(RUN, what=PATTERNS["approving"])
                (resumed,) = rows_of(bench, RUN, "run.resumed")
                assert f"taken over from process {owner.pid}, silent for" in resumed.data["left"]
                run.interrupt("immediate")
                await run.finished()

        played()


def test_an_owner_stopped_as_a_file_takes_its_name_writes_nothing_when_it_wakes(
    tmp_path: Path,
) -> None:
    with driving(tmp_path, "filing", "renaming") as owner:
        owner.says("renaming")
        owner.is_stopped()
        (left,) = (tmp_path / "work").glob(".writing-*")

        @acted
        async def played() -> None:
            async with opened(tmp_path, mode="edits") as bench:
                run = await take_over(bench, "filing")
                assert [one["size_bytes"] for one in await run.result()] == [5, 6]
                assert not left.exists()
                before = rows_of(bench, RUN)
                (tmp_path / "work/a").write_text("mine")
                owner.go_on()
                owner.says("notice run driven was")
                assert (tmp_path / "work/a").read_text() == "mine"
                assert rows_of(bench, RUN) == before
                assert [*(tmp_path / "work").iterdir()] == [tmp_path / "work/a"]
                epochs_and_rows(before)

        played()


def test_what_a_killed_owner_left_half_written_goes_with_the_next_write(tmp_path: Path) -> None:
    with driving(tmp_path, "filing", "renaming") as owner:
        owner.says("renaming")
        owner.is_stopped()
    assert [one.name[:9] for one in (tmp_path / "work").iterdir()] == [".writing-"]

    @acted
    async def played() -> None:
        async with opened(tmp_path, mode="edits") as bench:
            bench.world.patterns |= PATTERNS
            await (await bench.resume(RUN, what=PATTERNS["filing"])).result()
            assert [*(tmp_path / "work").iterdir()] == [tmp_path / "work/a"]

    played()


def test_a_killed_owner_is_known_by_name_to_who_goes_on(tmp_path: Path) -> None:
    with driving(tmp_path, "approving") as owner:
        owner.says("asked")
        owner.end()

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                run = await bench.resume(RUN, what=PATTERNS["approving"])
                (resumed,) = rows_of(bench, RUN, "run.resumed")
                assert f"its driver, process {owner.pid}, is gone" in resumed.data["left"]
                run.interrupt("immediate")
                await run.finished()

        played()


@pytest.mark.parametrize("point", POINTS)
def test_an_owner_killed_at_any_step_of_a_request_neither_loses_nor_doubles_it(
    tmp_path: Path, point: str
) -> None:
    with driving(tmp_path, "approving", point) as owner:
        owner.says("asked")

        async def steer(bench: Workbench) -> Request:
            return await bench.request(RUN, "steer", agent="x", text="once")

        request = killed_by(owner, tmp_path, steer)

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                run = await bench.resume(RUN, what=PATTERNS["approving"])
                told = await _settled(bench, request)
                assert told.outcome == "taken"
                (row,) = rows_of(bench, RUN, "message.sent")
                assert row.data["by"] == told.signature
                run.interrupt("immediate")
                await run.finished()

        played()


@pytest.mark.parametrize("point", POINTS)
def test_an_approval_asked_of_an_owner_that_is_killed_leads_to_one_deed_at_most(
    tmp_path: Path, point: str
) -> None:
    with driving(tmp_path, "approving", point) as owner:
        owner.says("asked")

        async def allow(bench: Workbench) -> Request:
            (one,) = bench.following.waiting(RUN)
            data = {"waiting": one.id, "verdict": "allow", "digest": one.digest}
            return await bench.request(RUN, "answer", **data)

        request = killed_by(owner, tmp_path, allow)

        @acted
        async def played() -> None:
            async with opened(tmp_path) as bench:
                ended = _status(bench) == "returned"  # it may have got there before it died
                run = None if ended else await bench.resume(RUN, what=PATTERNS["approving"])
                assert (await _settled(bench, request)).outcome == "taken"
                if run is not None:
                    await _to_its_end(bench, run, tmp_path)
                assert ledger(tmp_path) == ["deed"]
                signed = [row.data["by"] for row in rows_of(bench, RUN, "approval.answered")]
                assert signed.count(request.signature) == 1

        played()


def _status(bench: Workbench) -> str:
    row = bench.store.run(RUN)
    assert row is not None
    return row.status


async def _to_its_end(bench: Workbench, run: Run, folder: Path) -> None:
    finished = asyncio.ensure_future(run.finished())
    while not finished.done():
        # An approval is good for one attempt: recorded and not used, it is asked anew.
        await waits_for(lambda: bench.waiting or finished.done() or None)
        for one in bench.waiting:
            looked = DONE if ledger(folder) else AGAIN
            given = Answer("allow", answer=looked if one.kind == "in_doubt" else None)
            await bench.answer(one.id, given)
            await waits_for(lambda: not bench.waiting or None)


@pytest.mark.parametrize("point", ["added", "rung"])
def test_a_requester_killed_once_it_has_asked_is_heard_all_the_same(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.run.requests.BEAT_S", 0.2)

    @acted
    async def played() -> None:
        async with opened(tmp_path) as bench:
            run = await bench.start(PATTERNS["approving"], run_id=RUN, folder=str(tmp_path))
            await waiting(bench)
            bench.store.flush()
            requester = Process("request", str(tmp_path), point)
            sent = await until(bench, lambda: rows_of(bench, RUN, "message.sent") or None)
            assert requester.process.wait(20) == -signal.SIGKILL
            requester.end()
            assert [row.data["text"] for row in sent] == ["once"]
            run.interrupt("immediate")
            await run.finished()

    played()


async def _settled(bench: Workbench, request: Request) -> Request:
    def found() -> Request | None:
        told = bench.store.shared.request(request.id)
        return told if told is not None and told.outcome else None

    return await waits_for(found)
