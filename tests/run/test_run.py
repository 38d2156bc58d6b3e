from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.acts import (
    DONE,
    a_tuple,
    begun,
    cancels_itself,
    gate,
    line,
    nothing,
    work,
)
from tests.run.stage import (
    acted,
    calling,
    in_turn,
    opened,
    requests,
    rows_of,
    until,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.errors import Cancelled, NotAValue, StepFailed, WorkbenchError
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, follow, now, question, race, sleep, use

SOURCE = Path(__file__).read_text(encoding="utf-8")


# -- results -------------------------------------------------------------------------------------


@acted
async def test_a_result_is_the_value_its_row_has(tmp_path: Path) -> None:
    @pattern
    async def types() -> str:
        return repr(await call(a_tuple))

    async with opened(tmp_path) as bench:
        assert await (await bench.start(types)).result() == "[1, [2, 3]]"


@acted
async def test_a_function_that_returns_no_value_is_a_failed_step(tmp_path: Path) -> None:
    @pattern
    async def trying() -> str:
        try:
            await call(nothing)
        except StepFailed as error:
            return error.error_code
        return ""

    async with opened(tmp_path) as bench:
        assert await (await bench.start(trying)).result() == "not_a_value"


@acted
async def test_a_pattern_that_returns_no_value_fails(tmp_path: Path) -> None:
    @pattern
    async def returning() -> object:
        return object()

    @pattern
    async def following() -> Any:
        return await follow(returning)

    async with opened(tmp_path) as bench:
        run = await bench.start(returning)
        with pytest.raises(NotAValue, match="object"):
            await run.result()
        assert bench.store.run(run.run_id).status == "failed"
        run = await bench.start(following)
        with pytest.raises(StepFailed, match="no row can carry"):
            await run.result()


@acted
async def test_a_function_that_cancels_itself_fails_and_does_not_hang(tmp_path: Path) -> None:
    @pattern
    async def calling_it() -> None:
        await call(cancels_itself)

    async with opened(tmp_path) as bench:
        with pytest.raises(StepFailed, match="cancelled itself"):
            await (await bench.start(calling_it)).result()


@acted
async def test_what_a_workflow_raises_is_what_its_result_raises(tmp_path: Path) -> None:
    @pattern
    async def failing() -> None:
        await now()
        raise WorkbenchError("no agreement", hint="Try more rounds", votes=3)

    async with opened(tmp_path) as bench:
        run = await bench.start(failing)
        with pytest.raises(WorkbenchError, match="no agreement") as raised:
            await run.result()
        assert raised.value.data == {"votes": 3}
        outcome = await run.finished()
        assert outcome.outcome == "failed"
        assert outcome.error is not None
        assert outcome.error["message"] == "no agreement. Try more rounds"


@acted
async def test_events_are_the_rows_of_the_log_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        told = [event async for event in run.events()]
        assert told == rows_of(bench, run)
        assert [event.seq for event in told] == list(range(1, len(told) + 1))


# -- cancelling ----------------------------------------------------------------------------------


@acted
async def test_cancelling_one_call_is_told_to_the_agent(tmp_path: Path) -> None:
    @tool(danger="SAFE")
    async def dig(depth: int) -> str:
        """Dig."""
        DONE.append("dig begins")
        await asyncio.Event().wait()
        return str(depth)

    agent = Agent("digger", "task: str -> text: str", tools=[dig])
    model = in_turn(calling(("dig", {"depth": 3})), "I gave up")
    async with opened(tmp_path, model) as bench:
        run = await bench.start("ask", agent=agent, inputs={"task": "dig"})
        await begun("dig")
        (key,) = run.steps
        run.cancel(key)
        assert (await run.result()).text == "I gave up"
        heard = requests(bench)[1].entries[-1]
        assert heard.failed
        assert "a person ended this call" in heard.text
        (row,) = rows_of(bench, run, "step.cancelled")
        assert row.data["reason"] == "call"


@acted
async def test_cancelling_the_run_lets_its_cleanup_be_recorded(tmp_path: Path) -> None:
    @pattern
    async def careful() -> None:
        try:
            await call(work, "a")
        finally:
            await call(work, "cleanup")

    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(careful)
        await begun("a")
        run.cancel(by="tester", reason="enough")
        outcome = await run.finished()
        assert outcome.outcome == "cancelled"
        with pytest.raises(Cancelled):
            await run.result()
        assert DONE == ["a begins", "cleanup begins", "cleanup ends"]
        kinds = [row.kind for row in rows_of(bench, run)]
        assert kinds[-5:] == [
            "run.cancelled",
            "step.cancelled",
            "step.started",
            "step.finished",
            "run.finished",
        ]
        assert bench.store.run(run.run_id).status == "cancelled"


@acted
async def test_a_cleanup_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    @pattern
    async def careless() -> None:
        try:
            await sleep(60)
        finally:
            await call(work, "cleanup", repeat="pure")

    gate("cleanup")
    async with opened(tmp_path) as bench:
        bench.world.cleanup_s = 0.05
        run = await bench.start(careless)
        await until(bench, lambda: run.steps or None)
        run.cancel()
        outcome = await run.finished()
        assert outcome.outcome == "failed"
        assert outcome.error is not None
        assert "cleanup took longer than 0.05 s" in outcome.error["message"]


@acted
async def test_a_call_that_is_cancelled_before_its_first_line_has_an_outcome(
    tmp_path: Path,
) -> None:
    @pattern
    async def racing() -> str:
        return str(await race(now(), call(work, "a")))

    async with opened(tmp_path) as bench:
        run = await bench.start(racing)
        assert (await run.result()).startswith("20")
        assert DONE == []
        (row,) = rows_of(bench, run, "step.cancelled")
        assert row.data["end"] == "never"


@acted
async def test_a_thread_that_cannot_be_stopped_has_an_unknown_end(tmp_path: Path) -> None:
    import threading

    release = threading.Event()

    @tool(danger="SAFE")
    def block(name: str) -> str:
        """Block."""
        DONE.append("block begins")
        release.wait(20)
        return name

    @pattern
    async def racing() -> Any:
        return await race(use(block, name="x"), question("enough?"))

    async with opened(tmp_path) as bench:
        run = await bench.start(racing)
        await begun("block")
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="enough"))
        assert await run.result() == "enough"
        release.set()
        (row,) = rows_of(bench, run, "step.cancelled")
        assert row.data["end"] == "unknown"


@acted
async def test_a_sleep_resumes_only_for_the_rest(tmp_path: Path) -> None:
    @pattern
    async def sleeping() -> str:
        await sleep(1000)
        return "awake"

    clock: list[float] = [1_000_000.0]
    async with opened(tmp_path) as bench:
        bench.world.clock = lambda: clock[0]
        run = await bench.start(sleeping)
        await until(bench, lambda: rows_of(bench, run, "step.started") or None)
        run.interrupt("graceful")
        await run.finished()
        clock[0] += 999.99
        again = await bench.resume(run.run_id)
        assert await again.result() == "awake"


@acted
async def test_a_live_run_says_where_it_waits(tmp_path: Path) -> None:
    @pattern
    async def waits() -> None:
        await question("where?")  # here

    async with opened(tmp_path) as bench:
        run = await bench.start(waits)
        (one,) = await waiting(bench)
        file, number = bench.where(run.run_id)[one.key]
        assert file == __file__
        assert "# here" in SOURCE.splitlines()[number - 1]
