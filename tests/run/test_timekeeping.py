"""The time a run may take: counted at work only, and noticed by itself when it is over."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.run.stage import acted, opened, rows_of, until, waiting
from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.run.stopwatch import Stopwatch, worked_before_s
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, now, question, sleep


class Hand:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


async def long(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@pattern
async def slow() -> str:
    for _ in range(1000):
        await call(long, 0.01, repeat="pure")
    return "all"


@pattern
async def stuck() -> None:
    await call(long, 3600, repeat="pure")


@pattern
async def asking() -> str:
    said = await question("well?")
    await now()
    return said


def _hand(run: Run) -> Hand:
    hand = Hand()
    stopwatch = Stopwatch(hand)
    stopwatch.run(on=True)
    run.budget.stopwatch = stopwatch
    return hand


async def _budget_question(bench: Workbench) -> str:
    found = await until(bench, lambda: [w for w in bench.waiting if w.kind == "budget"] or None)
    return found[0].id


@acted
async def test_a_run_whose_time_is_over_rests_and_can_go_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(slow, limits={"seconds": 0.1})
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests) == ("out_of_budget", True)
        assert outcome.error is not None
        assert outcome.error["data"]["limit"] == "seconds"
        (rest,) = rows_of(bench, run, "run.suspended")
        assert rest.data["worked_s"] >= 0.1
        again = await bench.resume(run.run_id)
        assert (await again.finished()).outcome == "out_of_budget"
        assert again.budget.stopwatch.worked_s >= rest.data["worked_s"]


@acted
async def test_what_does_not_end_by_itself_is_stopped_after_a_while(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.world.graceful_s = 0.05
        run = await bench.start(stuck, limits={"seconds": 0.05})
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests) == ("out_of_budget", True)


@acted
async def test_with_a_person_it_is_a_question_while_what_runs_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(slow, limits={"seconds": 0.05})
        asked = await _budget_question(bench)
        assert asked == f"{run.run_id}:budget/run.seconds#0"
        await bench.answer(asked, Answer(answer="extend 0.05"))
        asked = await until(
            bench, lambda: next((w.id for w in bench.waiting if w.id.endswith("#1")), None)
        )
        await bench.answer(asked, Answer(answer="stop"))
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests) == ("out_of_budget", False)


@acted
async def test_lifting_it_lets_the_run_end(tmp_path: Path) -> None:
    @pattern
    async def short() -> str:
        for _ in range(12):
            await call(long, 0.01, repeat="pure")
        return "all"

    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(short, limits={"seconds": 0.03})
        await bench.answer(await _budget_question(bench), Answer(answer="continue"))
        assert await run.result() == "all"
        assert not bench.waiting


@acted
async def test_the_time_in_which_a_person_is_waited_for_does_not_count(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asking, limits={"seconds": 60})
        hand = _hand(run)
        (asked,) = await waiting(bench)
        before = run.budget.stopwatch.worked_s
        hand.at += 3600
        assert run.budget.stopwatch.worked_s == before
        await bench.answer(asked.id, Answer(answer="yes"))
        assert await run.result() == "yes"


@acted
async def test_the_time_in_which_a_run_is_paused_does_not_count(tmp_path: Path) -> None:
    @pattern
    async def sleeping() -> None:
        await sleep(0.2)
        await now()

    async with opened(tmp_path) as bench:
        run = await bench.start(sleeping, limits={"seconds": 60})
        hand = _hand(run)
        run.pause()
        hand.at += 3600
        run.go_on()
        await run.result()
        assert run.budget.stopwatch.worked_s < 60


@acted
async def test_a_clock_that_jumps_ends_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        at = 1_763_640_000.0
        bench.world.clock = lambda: at
        run = await bench.start(asking, limits={"seconds": 30})
        (asked,) = await waiting(bench)
        at += 86_400 * 3
        await bench.answer(asked.id, Answer(answer="yes"))
        assert await run.result() == "yes"


def _row(at: float, kind: str, **data: object) -> Event:
    return Event("r", 1, at, kind, "", dict(data))


def test_what_an_earlier_process_worked_is_read_from_its_rows() -> None:
    rows = [
        _row(10, "run.started"),
        _row(12, "approval.asked", id="a"),
        _row(99, "approval.answered", id="a"),
        _row(100, "step.finished"),
        _row(500, "run.resumed"),
        _row(503, "step.finished"),
        _row(400, "step.finished"),
        _row(401, "run.suspended", worked_s=20.5),
        _row(900, "run.resumed"),
        _row(901, "step.finished"),
    ]
    assert worked_before_s(rows[:4]) == 3
    assert worked_before_s(rows[:7]) == 6
    assert worked_before_s(rows[:8]) == 20.5
    assert worked_before_s(rows) == 21.5


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1000)), max_size=40))
def test_a_stopwatch_counts_what_it_ran(moves: list[tuple[bool, float]]) -> None:
    hand, ran, on = Hand(), 0.0, False
    stopwatch = Stopwatch(hand)
    for wanted, passed in moves:
        assert stopwatch.run(on=wanted) is (wanted is not on)
        on = wanted
        hand.at += passed
        ran += passed if on else 0.0
    assert abs(stopwatch.worked_s - ran) < 1e-6
