from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.acts import (
    DONE,
    GATES,
    begun,
    beside,
    gate,
    line,
    study,
    work,
)
from tests.run.stage import (
    WRITER,
    acted,
    in_turn,
    opened,
    rows_of,
    seen,
    until,
)
from workbench.agent.conversation import ModelRequest
from workbench.bench import Workbench
from workbench.errors import WorkbenchError
from workbench.run.run import Run
from workbench.workflow.effects import Repeat
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, together, use


async def _suspended(bench: Workbench, run: Run) -> None:
    outcome = await run.finished()
    assert outcome.outcome == "suspended"
    assert bench.store.run(run.run_id).status == "suspended"


@acted
async def test_a_graceful_interrupt_lets_what_runs_finish_and_starts_nothing_new(
    tmp_path: Path,
) -> None:
    gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("b")
        run.interrupt("graceful", by="tester", reason="lunch")
        GATES["b"].set()
        await _suspended(bench, run)
        assert DONE == ["a begins", "a ends", "b begins", "b ends"]
        (row,) = rows_of(bench, run, "run.suspended")
        assert (row.data["by"], row.data["reason"]) == ("tester", "lunch")
        again = await bench.resume(run.run_id)
        assert await again.result() == ["a", "b", "c"]
        assert [f"{name} {what}" for name in "abc" for what in ("begins", "ends")] == DONE


@acted
async def test_an_immediate_interrupt_stops_what_runs_and_resume_repeats_only_that(
    tmp_path: Path,
) -> None:
    gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("b")
        run.interrupt("immediate")
        await _suspended(bench, run)
        assert DONE == ["a begins", "a ends", "b begins"]
        GATES["b"].set()
        again = await bench.resume(run.run_id)
        assert await again.result() == ["a", "b", "c"]
        assert DONE.count("a begins") == 1
        assert DONE.count("b begins") == 2
        assert DONE.count("c begins") == 1


@acted
async def test_a_stopped_model_call_is_asked_again_and_its_attempts_are_rows(
    tmp_path: Path,
) -> None:
    hang = asyncio.Event()

    async def answer(_request: ModelRequest) -> str:
        DONE.append("asked")
        if len(DONE) == 1:
            await hang.wait()
        return "text"

    async with opened(tmp_path, answer) as bench:
        run = await bench.start("ask", agent=WRITER, inputs={"task": "x"})
        await DONE.has("asked")
        run.interrupt("immediate")
        await _suspended(bench, run)
        again = await bench.resume(run.run_id)
        assert (await again.result()).text == "text"
        started = [r for r in rows_of(bench, run, "step.started") if r.data["effect"] == "model"]
        assert [row.data["attempt"] for row in started] == [1, 2]
        assert [row.data["end"] for row in rows_of(bench, run, "attempt.ended")] == ["stopped"]


@acted
async def test_an_interrupt_reaches_every_path_and_resume_goes_on_with_the_rest(
    tmp_path: Path,
) -> None:
    gate("b", "c")
    async with opened(tmp_path) as bench:
        run = await bench.start(beside)
        await begun("a", "b", "c")
        await until(bench, lambda: len(run.steps) == 2 or None)
        run.interrupt("immediate")
        await _suspended(bench, run)
        GATES["b"].set()
        GATES["c"].set()
        again = await bench.resume(run.run_id)
        assert await again.result() == ["a", "b", "c"]
        assert DONE.count("a begins") == 1


@acted
async def test_a_run_can_be_resumed_the_moment_it_rests(tmp_path: Path) -> None:
    gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("b")
        for _ in range(5):
            run.interrupt("immediate")
            await run.finished()
            run = await bench.resume(run.run_id)
        GATES["b"].set()
        assert await run.result() == ["a", "b", "c"]


@acted
async def test_closing_the_workbench_suspends_what_runs(tmp_path: Path) -> None:
    gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("b")
    assert run.status == "suspended"
    GATES.clear()
    async with opened(tmp_path) as bench:
        again = await bench.resume(run.run_id, what=line)
        assert await again.result() == ["a", "b", "c"]
        reasons = [row.data["reason"] for row in rows_of(bench, run, "run.suspended")]
        assert reasons == ["the workbench was closed"]


@acted
async def test_a_suspended_run_says_how_to_go_on(tmp_path: Path) -> None:
    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("a")
        run.interrupt("immediate")
        with pytest.raises(WorkbenchError, match=f"kaizen-tui resume {run.run_id}"):
            await run.result()


@acted
async def test_a_pause_holds_back_what_is_new_until_go_on(tmp_path: Path) -> None:
    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("a")
        run.pause()
        assert run.status == "paused"
        finished = asyncio.ensure_future(seen(bench, "step.finished"))
        await asyncio.sleep(0)
        GATES["a"].set()
        await finished
        assert not run.steps
        assert "b begins" not in DONE
        run.go_on()
        assert await run.result() == ["a", "b", "c"]
        assert rows_of(bench, run, "run.suspended") == []


@acted
async def test_a_paused_run_can_be_interrupted_and_cancelled(tmp_path: Path) -> None:
    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("a")
        run.pause()
        run.interrupt("immediate")
        await _suspended(bench, run)
        again = await bench.resume(run.run_id)
        await DONE.has("a begins", 2)
        again.pause()
        GATES["a"].set()
        await seen(bench, "step.finished")
        again.cancel()
        assert (await again.finished()).outcome == "cancelled"
        assert "b begins" not in DONE


@acted
async def test_a_pause_does_not_undo_an_interrupt(tmp_path: Path) -> None:
    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("a")
        run.interrupt("graceful")
        run.pause()
        GATES["a"].set()
        await _suspended(bench, run)


@pytest.mark.parametrize("how", ["graceful", "immediate"])
@pytest.mark.parametrize("at", range(1, 13))
def test_interrupted_after_any_row_a_run_resumes_to_the_same_result(
    tmp_path: Path, at: int, how: Any
) -> None:
    @pattern
    async def mixed() -> list[Any]:
        found: list[Any] = [await call(work, "first", repeat=Repeat.PURE)]
        found += await together(ask(WRITER, task="a"), ask(WRITER, task="b"))
        found.append(await use(study, topic="owls"))
        return [str(one) for one in found]

    @acted
    async def interrupted() -> None:
        async with opened(tmp_path, in_turn("text")) as bench:
            whole = await (await bench.start(mixed)).result()
            run = await bench.start(mixed, run_id="cut")

            def told(event: Any) -> None:
                if getattr(event, "seq", 0) == at and event.run_id == "cut":
                    bench.runs["cut"].interrupt(how)

            stop = bench.subscribe(told)
            if (await run.finished()).outcome == "suspended":
                stop()
                run = await bench.resume("cut")
            assert await run.result() == whole
            outcomes = [r.key for r in rows_of(bench, run, "step.finished")]
            assert len(outcomes) == len(set(outcomes))

    interrupted()
