"""Depth, fan-out and repeats: a loop that nobody meant ends exactly at its ceiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import acted, calling, in_turn, opened, rows_of
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.errors import StepFailed
from workbench.journal.limits import REPEATS
from workbench.run.ceilings import MOST_REFUSED
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import as_they_finish, ask, call, follow, now, race, together, use

DONE: list[str] = []


@tool(repeat="pure", danger="SAFE")
async def look(at: str) -> str:
    """Look at something."""
    DONE.append(at)
    return at


def give(text: str) -> str:
    return text


@pattern
async def deeper(level: int) -> int:
    """A pattern that follows itself for ever."""
    DONE.append(str(level))
    return await follow("deeper", level=level + 1)


@pytest.mark.parametrize("most", [1, 7, 32])
def test_a_pattern_that_follows_itself_ends_at_the_depth(tmp_path: Path, most: int) -> None:
    @acted
    async def followed() -> None:
        DONE.clear()
        async with opened(tmp_path) as bench:
            bench.world.patterns["deeper"] = deeper
            limits = {} if most == 32 else {"depth": most}
            run = await bench.start(deeper, level=0, limits=limits)
            outcome = await run.finished()
            assert (outcome.outcome, outcome.rests) == ("out_of_budget", False)
            assert len(DONE) == most + 1
            opened_scopes = [r for r in rows_of(bench, run, "step.started") if r.data.get("scope")]
            assert len(opened_scopes) == most
            assert outcome.error is not None
            data = outcome.error["data"]
            assert (data["limit"], data["most"]) == ("depth", most)
            assert data["line"].startswith("test_ceilings.py:")
            assert f"limit of depth is {most}" in outcome.error["message"]

    followed()


@acted
async def test_a_name_that_looks_like_a_scope_is_none(tmp_path: Path) -> None:
    odd = Agent("x:ask.y", "task: str -> text: str")

    @pattern
    async def once() -> str:
        return (await ask(odd, task="x")).text

    async with opened(tmp_path, lambda _request: "fine") as bench:
        run = await bench.start(once, limits={"depth": 1})
        assert await run.result() == "fine"


def _wide(kind: str, many: int) -> Any:
    async def part(number: int) -> int:
        DONE.append(str(number))
        await now()
        return number

    @pattern
    async def wide() -> int:
        if kind == "stream":
            async with as_they_finish(part(n) for n in range(many)) as results:
                return len([one async for one in results])
        if kind == "race":
            return await race(part(n) for n in range(many))
        return len(await together(part(n) for n in range(many)))

    return wide


@pytest.mark.parametrize("kind", ["together", "race", "stream"])
def test_a_combinator_that_is_too_wide_starts_no_path(tmp_path: Path, kind: str) -> None:
    @acted
    async def combined() -> None:
        DONE.clear()
        async with opened(tmp_path) as bench:
            run = await bench.start(_wide(kind, 21), limits={"fan_out": 20})
            outcome = await run.finished()
            assert (outcome.outcome, DONE) == ("out_of_budget", [])
            assert outcome.error is not None
            assert outcome.error["data"]["limit"] == "fan_out"
            assert outcome.error["data"]["used"] == 21
            run = await bench.start(_wide(kind, 20), limits={"fan_out": 20})
            assert await run.result() is not None

    combined()


@acted
async def test_ten_thousand_paths_are_the_default_and_one_more_is_too_many(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(_wide("together", 10_000))
        assert await run.result() == 10_000
        run = await bench.start(_wide("together", 10_001))
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert outcome.usage.steps == 0


@acted
async def test_a_model_that_always_wants_the_same_call_ends_at_the_repeats(tmp_path: Path) -> None:
    DONE.clear()
    stuck = Agent("stuck", "task: str -> text: str", tools=(look,), max_rounds=500)

    async with opened(tmp_path, lambda _request: calling(("look", {"at": "it"}))) as bench:
        run = await bench.start("ask", {"agent": stuck, "inputs": {"task": "x"}})
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert len(DONE) == REPEATS
        assert outcome.error is not None
        data = outcome.error["data"]
        assert (data["limit"], data["most"]) == ("repeats", REPEATS)
        assert "'look' was asked for 51 times in one turn" in outcome.error["message"]
        DONE.clear()
        run = await bench.start(
            "ask", {"agent": stuck, "inputs": {"task": "x"}}, limits={"repeats": 3}
        )
        await run.finished()
        assert len(DONE) == 3


@acted
async def test_an_agent_that_is_asked_often_may_begin_each_turn_alike(tmp_path: Path) -> None:
    DONE.clear()
    careful = Agent("careful", "task: str -> text: str", tools=(look,))

    @pattern
    async def often() -> int:
        for number in range(REPEATS + 5):
            await ask(careful, task=f"{number}")
        return len(DONE)

    async with opened(tmp_path, in_turn(calling(("look", {"at": "it"})), "fine")) as bench:
        run = await bench.start(often)
        assert await run.result() == REPEATS + 5
        assert run.budget.calls == {}


@acted
async def test_code_may_repeat_itself_unless_a_limit_says_otherwise(tmp_path: Path) -> None:
    @pattern
    async def polling(many: int) -> int:
        for _ in range(many):
            await use(look, at="it")
            await call(give, "x", repeat="pure")
        return many

    async with opened(tmp_path) as bench:
        assert await (await bench.start(polling, many=REPEATS + 5)).result() == REPEATS + 5
        run = await bench.start(polling, many=9, limits={"repeats": 4})
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert outcome.usage.steps == 8


@acted
async def test_repeats_are_counted_on_by_the_next_process(tmp_path: Path) -> None:
    from tests.run.stage import waiting
    from workbench.run.waiting import Answer
    from workbench.workflow.verbs import question

    @pattern
    async def halves() -> None:
        for _ in range(3):
            await use(look, at="it")
        await question("on?")
        for _ in range(3):
            await use(look, at="it")

    async with opened(tmp_path) as bench:
        DONE.clear()
        run = await bench.start(halves, limits={"repeats": 5})
        await waiting(bench)
        run.interrupt("immediate")
        await run.finished()
        again = await bench.resume(run.run_id)
        await bench.answer((await waiting(bench))[0].id, Answer(answer="yes"))
        assert (await again.finished()).outcome == "out_of_budget"
        assert len(DONE) == 5


@acted
async def test_a_workflow_that_takes_no_for_no_answer_ends_all_the_same(tmp_path: Path) -> None:
    @pattern
    async def stubborn() -> None:
        while True:
            try:
                await use(look, at="it")
            except StepFailed:
                continue

    async with opened(tmp_path) as bench:
        run = await bench.start(stubborn, limits={"repeats": 1})
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert outcome.usage.steps == 1
        assert len(rows_of(bench, run, "step.failed")) == MOST_REFUSED + 1


@acted
async def test_a_fork_has_the_shape_of_its_source_and_a_fresh_budget(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"steps": 30}) as bench:
        run = await bench.start(_wide("together", 9), limits={"fan_out": 9, "steps": 9})
        await run.result()
        fork = await bench.fork(run.run_id, 2)
        assert fork.header.limits == {"steps": 30, "fan_out": 9}
        assert await fork.result() == 9
        assert fork.budget.spent.steps == 8, "one was shared"
