"""Crashes and what is done about effects whose end nobody knows."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run import crashing
from tests.run.crashing import LINES, RUN, doomed, holding, writing
from tests.run.stage import Ledger, acted, opened, rows_of, seen, until, waiting
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import InDoubt, RunOwned, StepFailed, UnknownName
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.workflow.keyed import IdempotencyKey
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, sleep, use

REPOSITORY = Path(crashing.__file__).parents[2]


def _program(folder: Path, point: str) -> list[str]:
    code = f"from tests.run.crashing import run; run({str(folder)!r}, {point!r})"
    return [sys.executable, "-c", code]


def _crashed(folder: Path, point: str) -> None:
    """Run the program in a process of its own, which kills itself."""
    ended = subprocess.run(
        _program(folder, point), cwd=REPOSITORY, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _ledger(folder: Path) -> list[str]:
    file = folder / "ledger"
    return file.read_text().split() if file.exists() else []


async def _answer_truly(bench: Workbench, run: Run, folder: Path) -> list[str]:
    """Answer each doubt as a person would who looks at the ledger; which lines were asked about."""
    asked: list[str] = []
    ended = asyncio.ensure_future(run.finished())
    told = asyncio.Event()
    bench.subscribe(lambda _event: told.set())
    while not ended.done():
        for one in bench.waiting:
            line = str(one.arguments["arguments"][1])
            asked.append(line)
            done = line in _ledger(folder)
            answer = Answer(answer="done", result=f"{line} is there") if done else None
            await bench.answer(one.id, answer or Answer(answer="run again"))
        told.clear()
        waits = asyncio.ensure_future(told.wait())
        await asyncio.wait({ended, waits}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        waits.cancel()
    return asked


@pytest.mark.parametrize(
    ("point", "doubts"),
    [
        ("row:2", ["one"]),
        ("row:3", []),
        ("row:4", []),
        ("row:6", ["three", "two"]),
        ("before:three", ["three", "two"]),
        ("after:two", ["three", "two"]),
        ("before:four", ["four"]),
        ("after:five", ["five"]),
    ],
)
def test_after_a_kill_each_line_is_written_exactly_once_and_doubts_are_asked(
    tmp_path: Path, point: str, doubts: list[str]
) -> None:
    _crashed(tmp_path, point)
    before = _ledger(tmp_path)

    @acted
    async def resumed() -> None:
        async with opened(tmp_path) as bench:
            assert bench.store.run(RUN).status == "suspended"
            recorded = rows_of(bench, RUN)
            run = await bench.resume(RUN, what=doomed)
            asked = await _answer_truly(bench, run, tmp_path)
            assert await run.result() == [f"{line} is there" for line in LINES]
            assert set(asked) <= set(doubts)
            if len(doubts) == 1:
                assert asked == doubts
            assert sorted(_ledger(tmp_path)) == sorted(LINES)
            assert _ledger(tmp_path)[: len(before)] == before
            assert rows_of(bench, RUN)[: len(recorded)] == recorded

    resumed()


def test_a_run_that_another_process_drives_cannot_be_resumed_until_that_has_gone(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        _program(tmp_path, "hold"), cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"holding\n"

        @acted
        async def refused() -> None:
            async with opened(tmp_path) as bench:
                with pytest.raises(RunOwned, match=f"process {other.pid}") as raised:
                    await bench.resume(RUN, what=holding)
                assert raised.value.data["pid"] == other.pid

        @acted
        async def taken() -> None:
            async with opened(tmp_path) as bench:
                run = await bench.resume(RUN, what=holding)
                (one,) = await waiting(bench)
                assert one.id.endswith("/question#0")
                await bench.answer(one.id, Answer(answer="no"))
                assert await run.result() == "no"

        try:
            refused()
        finally:
            other.kill()
            other.wait()
        taken()


# -- by class, without a crash: a hard stop leaves the same doubt --------------------------------

DONE = Ledger()
_HANGS: list[bool] = []
"""Something in it: what is performed never ends."""


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()
    _HANGS[:] = [True]


async def act(text: str, *, key: IdempotencyKey) -> str:
    assert len(key) == 32
    DONE.append(text)
    if _HANGS:
        await asyncio.Event().wait()
    return f"{text} done"


@tool(danger="SAFE", repeat="keyed")
async def pay(amount: int, key: IdempotencyKey) -> str:
    """Pay an amount."""
    DONE.append(f"paid {amount} under {key}")
    if _HANGS:
        await asyncio.Event().wait()
    return f"paid {amount}"


@tool(danger="SAFE")
async def launch(name: str) -> str:
    """Launch."""
    DONE.append(f"launched {name}")
    if _HANGS:
        await asyncio.Event().wait()
    return f"launched {name}"


@pattern
async def acting(repeat: str) -> str:
    return await call(act, "x", repeat=repeat)


@pattern
async def launching() -> str:
    return await use(launch, name="x")


async def _stopped(bench: Workbench, what: Any, line: str, **inputs: Any) -> Run:
    """Start, stop hard in mid-act, and resume."""
    run = await bench.start(what, **inputs)
    await DONE.has(line)
    run.interrupt("immediate")
    await run.finished()
    _HANGS.clear()
    return await bench.resume(run.run_id)


@pytest.mark.parametrize("repeat", ["pure", "keyed"])
def test_what_can_be_repeated_simply_runs_again(tmp_path: Path, repeat: str) -> None:
    @acted
    async def again() -> None:
        async with opened(tmp_path) as bench:
            run = await _stopped(bench, acting, "x", repeat=repeat)
            assert await run.result() == "x done"
            assert DONE == ["x", "x"]
            assert rows_of(bench, run, "question.asked") == []

    again()


@pytest.mark.parametrize(
    ("answer", "ends", "done"),
    [
        (Answer(answer="done", result="I saw it"), "I saw it", 1),
        (Answer(answer="done"), "a person confirmed that", 1),
        (Answer(answer="run again"), "x done", 2),
        (Answer(answer="not done"), StepFailed, 1),
        (Answer(answer="abort"), StepFailed, 1),
    ],
)
def test_a_person_says_what_became_of_what_cannot_be_repeated(
    tmp_path: Path, answer: Answer, ends: Any, done: int
) -> None:
    @acted
    async def asked() -> None:
        async with opened(tmp_path) as bench:
            run = await _stopped(bench, acting, "x", repeat="unsafe")
            (one,) = await waiting(bench)
            assert one.kind == "in_doubt"
            assert one.choices == ("done", "not done", "run again", "abort")
            assert DONE == ["x"]
            await bench.answer(one.id, answer)
            if isinstance(ends, str):
                assert (await run.result()).startswith(ends)
            else:
                with pytest.raises(ends):
                    await run.result()
            assert ["x"] * done == DONE
            (asked, answered) = rows_of(bench, run, "question.asked", "question.answered")
            assert asked.data["asked_as"] == "in_doubt"
            assert answered.data["answer"] == answer.answer

    asked()


@acted
async def test_an_answer_that_is_no_choice_is_refused_and_the_doubt_stays(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await _stopped(bench, acting, "x", repeat="unsafe")
        (one,) = await waiting(bench)
        with pytest.raises(UnknownName, match="not done"):
            await bench.answer(one.id, Answer(answer="not dne"))
        assert [w.id for w in bench.waiting] == [one.id]
        await bench.answer(one.id, Answer(answer="abort"))
        with pytest.raises(StepFailed) as raised:
            await run.result()
        assert raised.value.error_code == InDoubt.code


@acted
async def test_an_unsafe_tool_is_in_doubt_and_running_it_again_is_permitted_anew(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await _stopped(bench, launching, "launched x")
        (one,) = await waiting(bench)
        assert (one.kind, one.tool) == ("in_doubt", "launch")
        bench.set_mode("plan")
        await bench.answer(one.id, Answer(answer="run again"))
        assert await run.result() == "launched x"
        attempts = [row.data["attempt"] for row in rows_of(bench, run, "step.started")]
        assert attempts == [1, 2]


@acted
async def test_a_doubt_that_nobody_answered_is_asked_again_after_another_stop(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await _stopped(bench, acting, "x", repeat="unsafe")
        (one,) = await waiting(bench)
        run.interrupt("graceful")
        await run.finished()
        again = await bench.resume(run.run_id)
        (two,) = await waiting(bench)
        assert two.id == one.id
        assert DONE == ["x"]
        await bench.answer(two.id, Answer(answer="done", result="yes"))
        assert await again.result() == "yes"


@pytest.mark.parametrize("happened", [True, False])
def test_a_file_that_may_have_been_written_is_looked_at_and_nobody_is_asked(
    tmp_path: Path, happened: bool
) -> None:
    _crashed(tmp_path, "intent")
    note = tmp_path / "work" / "note.txt"
    assert not note.exists()
    if happened:
        note.write_text("hello")

    @acted
    async def probed() -> None:
        rules = [{"verdict": "allow", "tool": "write_file"}]
        async with opened(tmp_path, rules=rules) as bench:
            run = await bench.resume(RUN, what=writing)
            await run.result()
            assert note.read_text() == "hello"
            assert rows_of(bench, RUN, "question.asked", "approval.asked") == []
            attempts = [row.data["attempt"] for row in rows_of(bench, RUN, "step.started")]
            assert attempts == ([1] if happened else [1, 2])

    probed()


@acted
async def test_a_doubtful_loser_is_flagged_and_nobody_is_asked(tmp_path: Path) -> None:
    from workbench.workflow.verbs import race

    @pattern
    async def racing() -> Any:
        return await race(sleep(0.05), call(act, "x"))

    async with opened(tmp_path) as bench:
        run = await bench.start(racing)
        await DONE.has("x")
        run.interrupt("immediate")
        await run.finished()
        again = await bench.resume(run.run_id)
        assert await again.result() is None
        ended = [row for row in rows_of(bench, run, "step.cancelled") if "call" in row.key]
        assert [row.data["end"] for row in ended] == ["unknown"]
        assert DONE == ["x"]
        await until(bench, lambda: not bench.waiting or None)


@acted
async def test_a_question_of_a_run_is_told_before_it_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        asked = asyncio.ensure_future(seen(bench, "question.asked"))
        run = await bench.start(holding)
        (row,) = await asked
        assert row.data["text"] == "hold?"
        run.cancel()
        await run.finished()
