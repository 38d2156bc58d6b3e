from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import (
    WRITER,
    Ledger,
    acted,
    calling,
    in_turn,
    opened,
    rows_of,
    seen,
    until,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import Cancelled, NotAValue, StepFailed, WorkbenchError
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.workflow.effects import Repeat
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, follow, now, question, race, sleep, together, use

DONE = Ledger()
GATES: dict[str, asyncio.Event] = {}
"""What a function waits for, by its name: the tests open them."""


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()
    GATES.clear()


async def work(name: str) -> str:
    DONE.append(f"{name} begins")
    if name in GATES:
        await GATES[name].wait()
    DONE.append(f"{name} ends")
    return name


def nothing() -> object:
    return object()


def a_tuple() -> tuple[int, tuple[int, int]]:
    return 1, (2, 3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


async def _begun(*names: str) -> None:
    """Wait until these functions have begun."""
    for name in names:
        await DONE.has(f"{name} begins")


def _gate(*names: str) -> None:
    for name in names:
        GATES[name] = asyncio.Event()


@pattern
async def line() -> list[str]:
    first = await call(work, "a", repeat="pure")
    second = await call(work, "b", repeat="pure")
    return [first, second, await call(work, "c", repeat="pure")]


@pattern
async def beside() -> list[str]:
    return await together(call(work, name, repeat="pure") for name in "abc")


# -- results ------------------------------------------------------------------------------------


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


# -- interrupts ---------------------------------------------------------------------------------


async def _suspended(bench: Workbench, run: Run) -> None:
    outcome = await run.finished()
    assert outcome.outcome == "suspended"
    assert bench.store.run(run.run_id).status == "suspended"


@acted
async def test_a_graceful_interrupt_lets_what_runs_finish_and_starts_nothing_new(
    tmp_path: Path,
) -> None:
    _gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("b")
        run.interrupt("graceful", by="tester", reason="lunch")
        GATES["b"].set()
        await _suspended(bench, run)
        assert DONE == ["a begins", "a ends", "b begins", "b ends"]
        (row,) = rows_of(bench, run, "run.suspended")
        assert row.data == {"by": "tester", "reason": "lunch"}
        again = await bench.resume(run.run_id)
        assert await again.result() == ["a", "b", "c"]
        assert DONE == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


@acted
async def test_an_immediate_interrupt_stops_what_runs_and_resume_repeats_only_that(
    tmp_path: Path,
) -> None:
    _gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("b")
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
    _gate("b", "c")
    async with opened(tmp_path) as bench:
        run = await bench.start(beside)
        await _begun("a", "b", "c")
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
    _gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("b")
        for _ in range(5):
            run.interrupt("immediate")
            await run.finished()
            run = await bench.resume(run.run_id)
        GATES["b"].set()
        assert await run.result() == ["a", "b", "c"]


@acted
async def test_closing_the_workbench_suspends_what_runs(tmp_path: Path) -> None:
    _gate("b")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("b")
    assert run.status == "suspended"
    GATES.clear()
    async with opened(tmp_path) as bench:
        again = await bench.resume(run.run_id, what=line)
        assert await again.result() == ["a", "b", "c"]
        reasons = [row.data["reason"] for row in rows_of(bench, run, "run.suspended")]
        assert reasons == ["the workbench was closed"]


@acted
async def test_a_suspended_run_says_how_to_go_on(tmp_path: Path) -> None:
    _gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("a")
        run.interrupt("immediate")
        with pytest.raises(WorkbenchError, match=f"kaizen-tui resume {run.run_id}"):
            await run.result()


@acted
async def test_a_pause_holds_back_what_is_new_until_go_on(tmp_path: Path) -> None:
    _gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("a")
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
    _gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("a")
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
    _gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await _begun("a")
        run.interrupt("graceful")
        run.pause()
        GATES["a"].set()
        await _suspended(bench, run)


# -- cancelling ---------------------------------------------------------------------------------


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
        await _begun("dig")
        (key,) = run.steps
        run.cancel(key)
        assert (await run.result()).text == "I gave up"
        heard = bench.world.models.requests[1].entries[-1]  # type: ignore[attr-defined]
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

    _gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(careful)
        await _begun("a")
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

    _gate("cleanup")
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
        await _begun("block")
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="enough"))
        assert await run.result() == "enough"
        release.set()
        (row,) = rows_of(bench, run, "step.cancelled")
        assert row.data["end"] == "unknown"


# -- steering -----------------------------------------------------------------------------------


@tool(danger="SAFE", repeat="pure")
async def study(topic: str) -> str:
    """Study a topic."""
    await work("study")
    return f"all about {topic}"


STUDENT = Agent("student", "task: str -> text: str", tools=[study])


@acted
async def test_what_a_person_says_reaches_the_agent_at_its_next_model_call(
    tmp_path: Path,
) -> None:
    _gate("study")
    model = in_turn(calling(("study", {"topic": "owls"})), "done")
    async with opened(tmp_path, model) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await _begun("study")
        run.steer("student", "Be brief", by="tester")
        run.steer("somebody", "not for you")
        GATES["study"].set()
        assert (await run.result()).text == "done"
        first, second = bench.world.models.requests  # type: ignore[attr-defined]
        assert [entry.text for entry in first.entries if entry.role == "user"] == ["task: learn"]
        assert (second.entries[-1].role, second.entries[-1].text) == ("user", "Be brief")
        (row, _) = rows_of(bench, run, "message.sent")
        assert row.data["text"] == "Be brief"


@acted
async def test_steering_replays_and_is_heard_once(tmp_path: Path) -> None:
    _gate("study")

    def answer(request: ModelRequest) -> Any:
        said = [entry.text for entry in request.entries if entry.role == "user"]
        rounds = sum(entry.role == "assistant" for entry in request.entries)
        if rounds < 2:
            return calling(("study", {"topic": str(rounds)}))
        return " | ".join(said)

    async with opened(tmp_path, answer) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await _begun("study")
        run.steer("student", "Be brief")
        GATES["study"].set()
        GATES["study"] = asyncio.Event()
        await DONE.has("study begins", 2)
        run.interrupt("immediate")
        await run.finished()
        GATES["study"].set()
        again = await bench.resume(run.run_id)
        assert (await again.result()).text == "task: learn | Be brief"


@acted
async def test_words_said_before_an_interrupt_and_not_yet_heard_are_kept(tmp_path: Path) -> None:
    _gate("study")
    model = in_turn(calling(("study", {"topic": "owls"})), "done")
    async with opened(tmp_path, model) as bench:
        run = await bench.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await _begun("study")
        run.steer("student", "Be brief")
        run.interrupt("immediate")
        await run.finished()
        GATES["study"].set()
        again = await bench.resume(run.run_id)
        await again.result()
        last = bench.world.models.requests[-1]  # type: ignore[attr-defined]
        assert last.entries[-1].text == "Be brief"


# -- scopes and time ----------------------------------------------------------------------------


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
        assert "# here" in Path(__file__).read_text().splitlines()[number - 1]


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

