from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, opened, requests, rows_of, scripted, until
from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.errors import (
    ConfigError,
    LimitReached,
    ModelError,
    StepFailed,
    UnknownName,
    UsageError,
)
from workbench.journal.limits import Limits
from workbench.run.budget import CLEANUP_STEPS
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, now, together


@pattern
async def counting(many: int) -> int:
    for _ in range(many):
        await now()
    return many


@pattern
async def asking(many: int) -> list[str]:
    replies = await together(ask(WRITER, task=str(n)) for n in range(many))
    return [reply.text for reply in replies]


@pattern
async def asking_in_line(many: int) -> int:
    for n in range(many):
        await ask(WRITER, task=str(n))
    return many


def _priced(tokens: int, usd: float | None) -> Any:
    async def answer(_request: ModelRequest) -> ModelReply:
        await asyncio.sleep(0)
        return ModelReply("x", usage=Usage(tokens - 1, 1, usd), model="scripted")

    return answer


@acted
async def test_a_limit_of_steps_ends_the_run_out_of_budget(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(counting, many=5, limits={"steps": 5})
        assert await run.result() == 5
        run = await bench.start(counting, many=6, limits={"steps": 5})
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests) == ("out_of_budget", True)
        assert outcome.error is not None
        assert outcome.error["code"] == "limit"
        assert "limit of 5 steps is reached" in outcome.error["message"]
        assert bench.store.run(run.run_id).status == "out_of_budget"
        assert len(rows_of(bench, run, "step.finished")) == 5


@acted
async def test_a_run_that_rests_at_its_limit_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(counting, many=6, limits={"steps": 5})
        with pytest.raises(LimitReached, match="limit of 5 steps is reached"):
            await run.result()
        resting = await bench.resume(run.run_id)
        assert (await resting.finished()).outcome == "out_of_budget"
        again = await bench.resume(run.run_id)
        await again.finished()
        assert bench.store.run(run.run_id).rests


@acted
async def test_a_run_that_ends_at_its_limit_cleans_up_and_cannot_go_on(tmp_path: Path) -> None:
    cleaned: list[int] = []

    @pattern
    async def tidy() -> None:
        try:
            while True:
                await now()
        finally:
            for _ in range(CLEANUP_STEPS + 9):
                await now()
                cleaned.append(1)

    async with opened(tmp_path) as bench:
        bench.budgets.on_limit = "stop"
        run = await bench.start(tidy, limits={"steps": 4})
        outcome = await run.finished()
        assert (outcome.outcome, outcome.rests) == ("out_of_budget", False)
        assert outcome.error is not None
        assert outcome.error["data"]["limit"] == "steps"
        assert outcome.usage.steps == 4 + CLEANUP_STEPS
        assert len(cleaned) == CLEANUP_STEPS
        with pytest.raises(UsageError, match="has ended"):
            await bench.resume(run.run_id)


@pytest.mark.parametrize(
    ("limits", "spent"),
    [({"tokens": 100}, "tokens"), ({"usd": 1.0}, "usd")],
)
def test_a_limit_is_not_overshot_by_paths_that_run_together(
    tmp_path: Path, limits: dict[str, Any], spent: str
) -> None:
    @acted
    async def asked() -> None:
        async with opened(tmp_path, _priced(15, 0.3)) as bench:
            run = await bench.start(asking, many=10, limits=limits)
            outcome = await run.finished()
            assert outcome.outcome == "out_of_budget"
            tokens = outcome.usage.input_tokens + outcome.usage.output_tokens
            used = {"tokens": tokens, "usd": outcome.usage.cost_usd}
            assert 0 < used[spent] <= limits[spent]

    asked()


@acted
async def test_within_its_limits_a_run_is_not_hindered(tmp_path: Path) -> None:
    async with opened(tmp_path, _priced(15, 0.1)) as bench:
        limits = {"tokens": 150, "usd": 1.0, "steps": 10}
        run = await bench.start(asking, many=10, limits=limits)
        assert await run.result() == ["x"] * 10


@acted
async def test_a_free_model_passes_a_money_limit_of_zero(tmp_path: Path) -> None:
    async with opened(tmp_path, _priced(15, 0.0)) as bench:
        run = await bench.start(asking, many=3, limits={"usd": 0.0})
        assert (await run.finished()).outcome == "out_of_budget", "nobody said that it is free"
        scripted(bench).known_price = (0.0, 0.0)
        run = await bench.start(asking, many=3, limits={"usd": 0.0})
        assert await run.result() == ["x"] * 3


@acted
async def test_a_price_that_is_unknown_is_not_free(tmp_path: Path) -> None:
    async with opened(tmp_path, _priced(15, None)) as bench:
        run = await bench.start(asking_in_line, many=3, limits={"usd": 100.0})
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert outcome.usage.unpriced_calls == 1


@acted
async def test_raising_a_limit_lets_the_next_step_pass(tmp_path: Path) -> None:
    from workbench.run.waiting import Answer
    from workbench.workflow.verbs import question

    @pattern
    async def halfway() -> int:
        await now()
        await question("raise it?")
        await now()
        return 3

    async with opened(tmp_path) as bench:
        run = await bench.start(halfway, limits={"steps": 2})
        await until(bench, lambda: bench.waiting or None)
        bench.set_limits(run.run_id, {"steps": 9})
        await bench.answer(bench.waiting[0].id, Answer(answer="yes"))
        assert await run.result() == 3
        (row,) = rows_of(bench, run, "budget.changed")
        assert row.data == {"limits": {"steps": 9}, "by": "user"}


@acted
async def test_a_resumed_run_has_what_its_earlier_process_left(tmp_path: Path) -> None:
    from workbench.workflow.verbs import question

    @pattern
    async def long(many: int) -> int:
        for _ in range(many):
            await now()
        await question("on?")
        for _ in range(many):
            await now()
        return many

    async with opened(tmp_path) as bench:
        run = await bench.start(long, many=3, limits={"steps": 5})
        await until(bench, lambda: bench.waiting or None)
        used = run.budget.spent.steps
        run.interrupt("graceful")
        await run.finished()
        again = await bench.resume(run.run_id)
        assert again.budget.limits == Limits(steps=5)
        assert again.budget.spent.steps == used == 3


@acted
async def test_each_attempt_of_a_model_is_a_row_and_the_last_failure_is_typed(
    tmp_path: Path,
) -> None:
    tries: list[int] = []

    def failing(_request: ModelRequest) -> str:
        tries.append(len(tries))
        raise ModelError("try again", retry=True, retry_after_s=0)

    async with opened(tmp_path, failing) as bench:
        run = await bench.start(asking_in_line, many=1)
        with pytest.raises(StepFailed, match="try again") as raised:
            await run.result()
        assert raised.value.error_code == "model"
        assert tries == [0, 1, 2]
        started = rows_of(bench, run, "step.started")
        assert [row.data["attempt"] for row in started if row.data["effect"] == "model"] == [
            1,
            2,
            3,
        ]
        ended = rows_of(bench, run, "attempt.ended")
        assert [(row.data["attempt"], row.data["end"]) for row in ended] == [
            (1, "failed"),
            (2, "failed"),
        ]
        assert ended[0].data["error"]["message"] == "try again"


@acted
async def test_a_retried_model_call_answers_and_is_one_step(tmp_path: Path) -> None:
    tries: list[int] = []

    def second_time(_request: ModelRequest) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ModelError("busy", retry=True, retry_after_s=0)
        return "fine"

    async with opened(tmp_path, second_time) as bench:
        assert (await bench.ask(WRITER, task="x")).text == "fine"
        (run,) = bench.runs.values()
        assert len(rows_of(bench, run, "attempt.ended")) == 1
        assert (await run.finished()).usage.model_calls == 1


@acted
async def test_an_error_that_no_retry_can_mend_is_not_retried(tmp_path: Path) -> None:
    def refused(_request: ModelRequest) -> str:
        raise ModelError("no such key", retry=False)

    async with opened(tmp_path, refused) as bench:
        with pytest.raises(StepFailed, match="no such key"):
            await bench.ask(WRITER, task="x")
        assert len(requests(bench)) == 1


def test_a_misspelt_limit_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="tokens"):
        Limits.read({"token": 3})


@pytest.mark.parametrize("value", ["many", True, [1]])
def test_a_limit_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="which is no number"):
        Limits.read({"steps": value})
