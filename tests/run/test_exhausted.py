"""A used-up limit is a question, and one of three things happens."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, opened, rows_of, scripted, until, waiting
from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.bench import Workbench
from workbench.errors import InputError, LimitReached, StepFailed
from workbench.run.waiting import Answer, Waiting
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, now, question, race, together


async def give_back(number: int) -> int:
    await asyncio.sleep(0)
    return number


@pattern
async def beside(many: int) -> int:
    return len(await together(call(give_back, n, repeat="pure") for n in range(many)))


@pattern
async def asking(many: int) -> int:
    return len(await together(ask(WRITER, task=f"{n:03}") for n in range(many)))


@pattern
async def counting(many: int) -> int:
    for _ in range(many):
        await now()
    return many


def _takes(tokens: int) -> Any:
    async def answer(_request: ModelRequest) -> ModelReply:
        await asyncio.sleep(0)
        return ModelReply("x", usage=Usage(tokens - 1, 1, 0.0), model="scripted")

    return answer


async def _next(bench: Workbench, number: int) -> Waiting:
    """The question that is so many-th about its limit."""
    end = f"#{number}"
    found = await until(bench, lambda: [w for w in bench.waiting if w.id.endswith(end)] or None)
    return found[0]


@acted
async def test_whoever_waits_for_one_limit_makes_one_question(tmp_path: Path) -> None:
    async with opened(tmp_path, _takes(20)) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(asking, many=50, limits={"tokens": 400})
        (asked,) = await waiting(bench)
        assert asked.kind == "budget"
        assert asked.id == f"{run.run_id}:budget/run.tokens#0"
        assert asked.choices == ("continue", "extend", "stop")
        assert "the run's limit of 400 tokens is reached (400 used" in asked.text
        assert "writer wants" in asked.why
        assert "extend: 400 tokens more" in asked.preview
        await bench.answer(asked.id, Answer(answer="extend"))
        await bench.answer((await _next(bench, 1)).id, Answer(answer="continue"))
        assert await run.result() == 50
        assert run.budget.spent.tokens == 1000
        changed = rows_of(bench, run, "budget.changed")
        assert [row.data["limits"] for row in changed] == [{"tokens": 800}, {}]
        answered = rows_of(bench, run, "question.answered")
        assert [row.data["answer"] for row in answered] == ["extend", "continue"]


@acted
async def test_extending_lets_exactly_those_go_on_that_fit(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(beside, many=100, limits={"steps": 30})
        (asked,) = await waiting(bench)
        await bench.answer(asked.id, Answer(answer="extend 15"))
        again = await _next(bench, 1)
        await until(bench, lambda: len(rows_of(bench, run, "step.finished")) == 45)
        assert run.budget.spent.steps + run.budget.held.steps == 45
        bench.set_limits(run.run_id, {"steps": 99})
        await _next(bench, 2)
        assert again.id not in [one.id for one in bench.waiting]
        bench.set_limits(run.run_id, {"steps": None})
        assert await run.result() == 100
        assert not bench.waiting


@pytest.mark.parametrize(
    "said", ["extend much", "extend -5", "extend nan", "extend 1e99", "more", "", None, "stop now"]
)
def test_an_answer_that_is_none_is_refused_and_the_question_stays(
    tmp_path: Path, said: Any
) -> None:
    @acted
    async def asked() -> None:
        async with opened(tmp_path) as bench:
            bench.budgets.on_limit = "ask"
            run = await bench.start(counting, many=3, limits={"steps": 2})
            (asked,) = await waiting(bench)
            with pytest.raises(InputError):
                await bench.answer(asked.id, Answer(answer=said))
            await bench.answer(asked.id, Answer(answer="extend 1"))
            assert await run.result() == 3

    asked()


@acted
async def test_a_question_is_asked_again_under_its_id_by_the_next_process(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(counting, many=9, limits={"steps": 2})
        await bench.answer((await _next(bench, 0)).id, Answer(answer="extend 1"))
        first = await _next(bench, 1)
        run.interrupt("immediate")
        assert (await run.finished()).outcome == "suspended"
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.resume(run.run_id, what=counting)
        (again,) = await waiting(bench)
        assert (again.id, again.text) == (first.id, first.text)
        await bench.answer(again.id, Answer(answer="continue"))
        assert await run.result() == 9
        assert (await run.finished()).usage.steps == 9


@acted
async def test_stopping_is_a_cancellation_with_cleanup(tmp_path: Path) -> None:
    seen: list[str] = []

    @pattern
    async def tidy() -> None:
        try:
            for _ in range(9):
                await now()
        finally:
            await now()
            seen.append("tidied")

    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(tidy, limits={"steps": 2})
        (asked,) = await waiting(bench)
        await bench.answer(asked.id, Answer(answer="stop"))
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests, seen) == ("out_of_budget", False, ["tidied"])
        assert outcome.error is not None
        assert outcome.error["data"]["limit"] == "steps"


@acted
async def test_extending_by_rule_says_so_each_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "extend"
        run = await bench.start(counting, many=9, limits={"steps": 2})
        assert await run.result() == 9
        limits = [row.data["limits"]["steps"] for row in rows_of(bench, run, "budget.changed")]
        assert limits == [4, 8, 16]
        assert not rows_of(bench, run, "question.asked")


@acted
async def test_a_used_up_agent_fails_and_whoever_asked_it_may_ask_another(tmp_path: Path) -> None:
    @pattern
    async def second_choice() -> str:
        try:
            while True:
                await ask(WRITER, task="more")
        except StepFailed as error:
            told = error.data
            return f"{error.error_code}: {told['scope']} {told['who']} {told['limit']}"

    limits = {"agent": {"writer": {"tokens": 60}}}
    async with opened(tmp_path, _takes(20), limits=limits) as bench:
        bench.budgets.on_limit = "stop"
        run = await bench.start(second_choice)
        assert await run.result() == "limit: agent writer tokens"
        assert run.budget.spent.tokens == 60


@acted
async def test_a_limit_lowered_below_what_is_used_asks_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(counting, many=20, limits={"steps": 9})
        await waiting(bench)
        bench.set_limits(run.run_id, {"steps": 3})
        again = await _next(bench, 1)
        assert "limit of 3 steps is reached (9 used)" in again.text
        await bench.answer(again.id, Answer(answer="extend 11"))
        await _next(bench, 2)
        assert run.budget.spent.steps == 14
        run.cancel()
        await run.finished()


@acted
async def test_a_question_goes_when_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    @pattern
    async def racing() -> str:
        return await race(question("go on?"), ask(WRITER, task="x"))

    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "ask"
        run = await bench.start(racing, limits={"steps": 1})
        (other,) = [w for w in await waiting(bench, 2) if w.kind == "question"]
        await bench.answer(other.id, Answer(answer="yes"))
        assert await run.result() == "yes"
        assert not bench.waiting
        (row,) = [r for r in rows_of(bench, run, "question.answered") if ":budget/" in r.data["id"]]
        assert (row.data["answer"], row.data["by"]) == ("no longer needed", "budget")


@acted
async def test_one_limit_of_a_session_is_one_question_for_its_runs(tmp_path: Path) -> None:
    async with opened(tmp_path, limits={"session": {"steps": 10}}) as bench:
        bench.budgets.on_limit = "ask"
        runs = [await bench.start(counting, many=8) for _ in range(3)]
        (asked,) = await waiting(bench)
        assert asked.id.endswith(":budget/session.steps#0")
        assert "the session's limit of 10 steps" in asked.text
        host = bench.live(asked.run_id)
        host.interrupt("immediate")
        await host.finished()
        first = asked.id
        (asked,) = await until(bench, lambda: [w for w in bench.waiting if w.id != first] or None)
        await bench.answer(asked.id, Answer(answer="continue"))
        ends = [(await run.finished()).outcome for run in runs if run is not host]
        assert set(ends) == {"returned"}


@acted
async def test_without_a_person_the_error_names_limit_value_and_use(tmp_path: Path) -> None:
    async with opened(tmp_path, _takes(20)) as bench:
        run = await bench.start(asking, many=9, limits={"tokens": 70})
        with pytest.raises(LimitReached) as caught:
            await run.result()
        assert caught.value.data["limit"] == "tokens"
        assert (caught.value.data["most"], caught.value.data["used"]) == (70, 60)
        assert scripted(bench).requests[0].options["max_tokens"] < 70
