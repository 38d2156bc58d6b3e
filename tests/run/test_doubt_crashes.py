"""Kills over a doubt: while it is asked, around its answer, and in the attempt it orders."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.run import doubting
from tests.run.doubting import RUN, launches, launching, scribbling
from tests.run.stage import acted, opened, rows_of, until, waiting
from workbench.run.waiting import Answer

REPOSITORY = Path(doubting.__file__).parents[2]


def _killed(folder: Path, *points: str) -> None:
    """Run the program again and again, each time to the point at which it kills itself."""
    for point in points:
        _kills_itself(f"run({str(folder)!r}, {point!r})")


def _kills_itself(call: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", f"from tests.run.doubting import run, scribbled; {call}"],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, (call, ended.stderr.decode())


@pytest.mark.parametrize(
    ("points", "asked"),
    [
        ((), ["doubt#1", "approval#1"]),
        (("asked",), ["doubt#1", "approval#1"]),
        (("asked", "asked"), ["doubt#1", "approval#1"]),
        (("answered",), ["doubt#1", "approval#1"]),
        (("answered", "asked"), ["doubt#1", "approval#1"]),
        (("answer row",), ["approval#1"]),
        (("asked", "answered", "answer row"), ["approval#1"]),
        (("approved",), ["approval#2"]),
        (("launched:2",), ["doubt#2", "approval#2"]),
        (("answer row", "launched:2"), ["doubt#2", "approval#2"]),
    ],
)
def test_an_answer_is_used_once_wherever_the_program_is_killed(
    tmp_path: Path, points: tuple[str, ...], asked: list[str]
) -> None:
    _killed(tmp_path, "launched:1", *points)
    before = launches(tmp_path)

    @acted
    async def resumed() -> None:
        async with opened(tmp_path) as bench:
            run = await bench.resume(RUN, what=launching)
            seen: list[str] = []
            for _ in asked:
                (one,) = await until(bench, lambda: bench.world.inbox.unanswered or None)
                seen.append(one.id)
                answer = Answer(answer="run again") if one.kind == "in_doubt" else Answer()
                await bench.answer(one.id, answer)
            assert await run.result() == f"launched {before + 1}"
            assert [name.rpartition("/")[2] for name in seen] == asked
            answers = rows_of(bench, RUN, "question.answered")
            ids = [row.data["id"] for row in answers]
            assert len(ids) == len(set(ids)) == before
            starts = rows_of(bench, RUN, "step.started")
            assert [row.data["attempt"] for row in starts] == list(range(1, before + 2))
            assert len({row.data["idempotency_key"] for row in starts}) == 1
            assert len({row.data["digest"] for row in starts}) == 1

    resumed()


def test_an_effect_in_doubt_is_asked_about_by_every_process_and_done_by_none(
    tmp_path: Path,
) -> None:
    _killed(tmp_path, "launched:1", "asked", "asked", "asked")
    assert launches(tmp_path) == 1


def test_the_answer_of_a_killed_program_to_abort_ends_the_run(tmp_path: Path) -> None:
    _killed(tmp_path, "launched:1")

    @acted
    async def answered() -> None:
        async with opened(tmp_path) as bench:
            run = await bench.resume(RUN, what=launching)
            (one,) = await waiting(bench)
            await bench.answer(one.id, Answer(answer="abort"))
            outcome = await run.finished()
            assert outcome.outcome == "failed"
            assert outcome.error is not None
            assert outcome.error["code"] == "in_doubt"
            (cancelled,) = rows_of(bench, RUN, "run.cancelled")
            assert cancelled.data["by"] == "user"

    answered()


def test_the_question_names_the_files_that_a_killed_call_has_changed(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/old").write_text("as it was")
    (tmp_path / "work/untouched").write_text("as it was")
    _kills_itself(f"scribbled({str(tmp_path)!r})")

    @acted
    async def asked() -> None:
        async with opened(tmp_path) as bench:
            run = await bench.resume(RUN, what=scribbling)
            (one,) = await waiting(bench)
            (row,) = rows_of(bench, RUN, "question.asked")
            changes = row.data["evidence"]["found"]["changes"]
            assert changes.splitlines() == ["created new (10 bytes)", "changed old (13 bytes)"]
            await bench.answer(one.id, Answer(answer="done"))
            await run.finished()

    asked()
