"""Limits of a day, of an agent and of a session: over many runs, and over processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, opened, rows_of, scripted, until, waiting
from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.bench import Workbench
from workbench.errors import LimitReached
from workbench.journal.usage import Amount, day_at
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, now, together

NOON = 1_763_640_000.0
DAY_S = 86_400

HANG = """
import asyncio, sys
from pathlib import Path
from tests.run.stage import WRITER, opened, scripted
from workbench.agent.conversation import ModelRequest

async def hangs(_request: ModelRequest) -> str:
    print("asked", flush=True)
    await asyncio.sleep(3600)
    return ""

async def main() -> None:
    async with opened(Path(sys.argv[1]), hangs, limits={"day": {"tokens": 9000}}) as bench:
        scripted(bench).known_price = (0.0, 0.0)
        run = await bench.start("ask", {"agent": WRITER, "inputs": {"task": "x"}}, run_id="hung")
        await run.result()

asyncio.run(main())
"""


@pattern
async def crowd(many: int) -> int:
    return len(await together(ask(WRITER, task=f"{n:04}") for n in range(many)))


@pattern
async def counting(many: int) -> int:
    for _ in range(many):
        await now()
    return many


async def _answers(_request: ModelRequest) -> ModelReply:
    await asyncio.sleep(0.001)
    return ModelReply("x", usage=Usage(99, 1, 0.0), model="scripted")


def _free(*benches: Workbench) -> None:
    for bench in benches:
        scripted(bench).known_price = (0.0, 0.0)


def _used(bench: Workbench, agent: str = "") -> tuple[Amount, Amount]:
    bench.store.flush()
    return bench.store.dues(day_at(bench.world.clock())).of(agent)


@acted
async def test_two_workbenches_on_one_file_share_a_day(tmp_path: Path) -> None:
    limits = {"day": {"tokens": 5000}}
    async with (
        opened(tmp_path, _answers, limits=limits) as one,
        opened(tmp_path, _answers, limits=limits) as two,
    ):
        _free(one, two)
        runs = [await bench.start(crowd, many=60) for bench in (one, two)]
        ends = [await run.finished() for run in runs]
        assert [end.outcome for end in ends] == ["out_of_budget"] * 2
        assert all("the day's limit of 5000 tokens" in str(end.error) for end in ends)
        spent, held = _used(one)
        assert held == Amount()
        assert 4900 <= spent.tokens <= 5000
        assert spent.tokens == sum(e.usage.input_tokens + e.usage.output_tokens for e in ends)


@acted
async def test_an_agent_is_limited_over_all_its_runs_of_a_day(tmp_path: Path) -> None:
    limits = {"agent": {"*": {"tokens": 1000}, "other": {"tokens": 5}}}
    async with opened(tmp_path, _answers, limits=limits) as bench:
        _free(bench)
        await (await bench.start(crowd, many=6)).result()
        outcome = await (await bench.start(crowd, many=6)).finished()
        assert outcome.outcome == "out_of_budget"
        assert "agent writer's limit of 1000 tokens" in str(outcome.error)
        assert _used(bench, "writer")[0].tokens == 1000
        bench.world.clock = lambda: NOON + DAY_S
        await (await bench.start(crowd, many=6)).result()


@acted
async def test_a_day_ends_at_midnight_utc_and_what_waits_goes_on(tmp_path: Path) -> None:
    at = NOON + DAY_S / 2 - 10
    async with opened(tmp_path, limits={"day": {"steps": 5}}) as bench:
        bench.world.clock = lambda: at
        bench.budgets.on_limit = "ask"
        run = await bench.start(counting, many=8)
        (asked,) = await waiting(bench)
        assert asked.id.endswith(":budget/day.steps#0")
        at += 20
        assert await run.result() == 8
        assert not bench.waiting
        days = {day: bench.store.dues(day).of("")[0].steps for day in (day_at(NOON), day_at(at))}
        assert list(days.values()) == [5, 3]


@acted
async def test_what_is_reserved_before_midnight_counts_for_that_day(tmp_path: Path) -> None:
    at = NOON
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def answer(_request: ModelRequest) -> ModelReply:
        asked.set()
        await go_on.wait()
        return ModelReply("x", usage=Usage(99, 1, 0.0), model="scripted")

    async with opened(tmp_path, answer, limits={"day": {"tokens": 5000}}) as bench:
        _free(bench)
        bench.world.clock = lambda: at
        run = await bench.start(crowd, many=1)
        await asked.wait()
        at += DAY_S
        go_on.set()
        await run.result()
        bench.store.flush()
        assert bench.store.dues(day_at(NOON)).of("")[0].tokens == 100
        assert bench.store.dues(day_at(at)).of("") == (Amount(), Amount())


def killed_in_a_call(folder: Path) -> None:
    """A process that dies while it waits for a model."""
    command = [sys.executable, "-c", HANG, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        os.kill(process.pid, signal.SIGKILL)


@acted
async def test_a_call_of_a_killed_program_stays_reserved(tmp_path: Path) -> None:
    await asyncio.to_thread(killed_in_a_call, tmp_path)
    async with opened(tmp_path, _answers, limits={"day": {"tokens": 9000}}) as bench:
        _free(bench)
        spent, held = _used(bench)
        assert spent == Amount()
        assert 4096 < held.tokens < 4300
        bench.store.rebuild()
        assert _used(bench) == (spent, held)
        run = await bench.resume("hung")
        await run.result()
        spent, still = _used(bench)
        assert spent.tokens == 100
        assert (still.tokens, still.steps) == (held.tokens, 0), "nobody will ever know"
        outcome = await (await bench.start(crowd, many=99)).finished()
        assert outcome.outcome == "out_of_budget"
        spent, still = _used(bench)
        assert spent.tokens + still.tokens <= 9000


@acted
async def test_a_session_is_limited_over_its_runs(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"session": {"steps": 10}}) as bench:
        await (await bench.start(counting, many=6)).result()
        run = await bench.start(counting, many=6)
        with pytest.raises(LimitReached, match="the session's limit of 10 steps"):
            await run.result()
        bench.set_ceilings({"session": {"steps": 12}})
        again = await bench.resume(run.run_id)
        assert await again.result() == 6
    async with opened(tmp_path, limits={"session": {"steps": 10}}) as bench:
        await (await bench.start(counting, many=9)).result()


@acted
async def test_without_such_limits_no_intent_is_waited_for(tmp_path: Path) -> None:
    async with opened(tmp_path, _answers) as bench:
        run = await bench.start(crowd, many=3)
        await run.result()
        started = rows_of(bench, run, "step.started")
        assert not any("reserved" in row.data for row in started)


@acted
async def test_a_limit_of_steps_gives_every_effect_an_intent(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"day": {"steps": 3}}) as bench:
        run = await bench.start(counting, many=3)
        await run.result()
        started = rows_of(bench, run, "step.started")
        assert [row.data["reserved"] for row in started] == [{"steps": 1}] * 3
        finished = rows_of(bench, run, "step.finished")
        assert [row.data["settles"] for row in finished] == [1] * 3


@acted
async def test_another_process_that_settles_lets_this_one_go_on(tmp_path: Path) -> None:
    """It is not asked about what somebody alive may still give back."""
    go_on = asyncio.Event()

    async def holds(_request: ModelRequest) -> ModelReply:
        await go_on.wait()
        return ModelReply("x", usage=Usage(99, 1, 0.0), model="scripted")

    limits: dict[str, Any] = {"day": {"tokens": 4300}}
    async with (
        opened(tmp_path, holds, limits=limits) as one,
        opened(tmp_path, _answers, limits=limits) as two,
    ):
        _free(one, two)
        two.budgets.on_limit = "ask"
        first = await one.start(crowd, many=1)
        await until(one, lambda: rows_of(one, first, "step.started")[1:] or None)
        second = await two.start(crowd, many=1)
        await asyncio.sleep(0)
        assert not two.waiting
        go_on.set()
        await first.result()
        assert await second.result() == 1
        assert not rows_of(two, second, "question.asked")


@acted
async def test_an_extended_day_is_extended_for_this_opening(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"day": {"steps": 2}}) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(counting, many=3)
        await bench.answer((await waiting(bench))[0].id, Answer(answer="extend 1"))
        await run.result()
        (row,) = rows_of(bench, run, "budget.changed")
        assert row.data == {"limits": {"steps": 3}, "by": "user", "scope": "day", "who": ""}
        assert run.budget.limits.steps is None
    async with opened(tmp_path, limits={"day": {"steps": 2}}) as bench:
        assert (await (await bench.start(counting, many=1)).finished()).rests
