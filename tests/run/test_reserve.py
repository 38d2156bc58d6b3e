"""Reserved before, settled after, never overshot: whatever the schedule."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.stage import world
from tests.run.stage import WRITER, acted, opened, rows_of, scripted
from workbench.agent.agent import Agent
from workbench.agent.conversation import (
    Capabilities,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    Usage,
)
from workbench.errors import ModelError, StepFailed
from workbench.journal.ledger import totals
from workbench.journal.usage import day_at
from workbench.run.estimate import size_of
from workbench.run.header import Header
from workbench.run.hooks import hook
from workbench.run.run import Run
from workbench.run.world import Acks
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, now, race, together

ROUNDING = 1e-9


@dataclass(frozen=True)
class Call:
    """How one call will go."""

    answer_tokens: int
    turns: int
    """How often the loop turns before it answers."""
    fails: str = ""


class Honest:
    """A model that counts a token for four bytes and keeps to the length it is allowed.

    It looks at the budget whenever it is called and before it answers.
    """

    def __init__(self, calls: Sequence[Call], price: tuple[float, float]) -> None:
        self.calls = calls
        self.known_price: tuple[float, float] = price
        self.run: Run | None = None
        self.answered: list[Usage] = []
        self.worst_tokens, self.worst_usd = 0.0, 0.0

    def look(self) -> None:
        assert self.run is not None
        budget = self.run.budget
        self.worst_tokens = max(self.worst_tokens, budget.spent.tokens + budget.held.tokens)
        self.worst_usd = max(self.worst_usd, budget.spent.usd + budget.held.usd)

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        del on_delta
        call = self.calls[int(str(request.inputs["task"]).split()[0])]
        self.look()
        for _ in range(call.turns):
            await asyncio.sleep(0)
        self.look()
        if call.fails:
            raise ModelError("no", reason=call.fails, retry=False)
        most = int(request.options.get("max_tokens", 10**9))
        said = min(call.answer_tokens, most)
        asked = size_of(request) // 4
        price = self.known_price
        usd = (asked * price[0] + said * price[1]) / 1e6
        usage = Usage(asked, said, usd)
        self.answered.append(usage)
        finish = "length" if said < call.answer_tokens else "stop"
        return ModelReply("x", usage=usage, model="honest", finish=finish)

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        del request
        return self.known_price

    async def capabilities(self, model: str) -> Capabilities:
        del model
        return Capabilities()

    async def models(self) -> list[ModelInfo]:
        return []


async def _driven(model: Honest, tokens: int | None, usd: float | None) -> Run:
    """A run of all calls beside each other, each on a path that takes a failure as it is."""
    worker = Agent("worker", "task: str -> text: str")

    async def one(number: int) -> int:
        try:
            await ask(worker, task=f"{number} {'long ' * (number % 7)}")
        except StepFailed:
            return 0
        return 1

    async def workflow() -> int:
        return sum(await together(one(number) for number in range(len(model.calls))))

    with tempfile.TemporaryDirectory() as folder:
        surroundings = world(Path(folder), model, traced=False)
        limits = {"tokens": tokens, "usd": usd}
        header = Header("r", "r", {}, limits={k: v for k, v in limits.items() if v is not None})
        run = Run(surroundings, Acks(asyncio.get_running_loop()), header, workflow())
        model.run = run
        run.begin()
        await run.finished()
        return run


calls = st.lists(
    st.builds(
        Call,
        answer_tokens=st.integers(1, 900),
        turns=st.integers(0, 6),
        fails=st.sampled_from(["", "", "", "", "unreachable", "truncated"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(calls=calls, tokens=st.integers(0, 6000))
def test_tokens_are_never_overshot(calls: list[Call], tokens: int) -> None:
    model = Honest(calls, (0.0, 0.0))
    run = asyncio.run(_driven(model, tokens, None))
    used = sum(usage.input_tokens + usage.output_tokens for usage in model.answered)
    assert run.budget.spent.tokens == used == run.usage.input_tokens + run.usage.output_tokens
    assert model.worst_tokens <= tokens
    assert used <= tokens
    # What is left reserved are calls that broke off: nobody knows what they took.
    broken = any(call.fails == "truncated" for call in calls)
    assert broken or run.budget.held.to_json() == {}


@settings(max_examples=100, deadline=None)
@given(calls=calls, cents=st.integers(0, 30))
def test_money_is_never_overshot(calls: list[Call], cents: int) -> None:
    model = Honest(calls, (3.0, 15.0))
    run = asyncio.run(_driven(model, None, cents / 100))
    used = sum(usage.cost_usd or 0.0 for usage in model.answered)
    assert abs(run.budget.spent.usd - used) < ROUNDING
    assert model.worst_usd <= cents / 100 + ROUNDING
    assert used <= cents / 100 + ROUNDING


@acted
async def test_a_thousand_children_draw_from_one_ceiling(tmp_path: Path) -> None:
    @pattern
    async def crowd() -> int:
        return len(await together(ask(WRITER, task=f"{n:04}") for n in range(1000)))

    async def answer(_request: ModelRequest) -> ModelReply:
        await asyncio.sleep(0.001)
        return ModelReply("x", usage=Usage(14, 1, 0.001), model="scripted")

    async with opened(tmp_path, answer) as bench:
        run = await bench.start(crowd, limits={"tokens": 3000, "steps": 700, "usd": 0.15})
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert outcome.error is not None
        assert outcome.error["data"]["limit"] == "usd"
        assert (run.budget.spent.tokens, run.budget.spent.steps) == (150 * 15, 150)
        assert run.budget.held.to_json() == {}
        assert len(scripted(bench).requests) == 150


@acted
async def test_calls_run_beside_each_other_where_there_is_room(tmp_path: Path) -> None:
    beside, most = 0, 0

    async def answer(_request: ModelRequest) -> ModelReply:
        nonlocal beside, most
        beside += 1
        most = max(most, beside)
        await asyncio.sleep(0.01)
        beside -= 1
        return ModelReply("x", usage=Usage(14, 1, 0.0), model="scripted")

    @pattern
    async def asking() -> int:
        return len(await together(ask(WRITER, task=f"{n}") for n in range(10)))

    async with opened(tmp_path, answer) as bench:
        scripted(bench).known_price = (0.0, 0.0)
        run = await bench.start(asking, limits={"tokens": 100_000, "usd": 1.0})
        assert await run.result() == 10
        assert most == 10


@acted
async def test_an_answer_longer_than_its_reservation_is_asked_for_again(tmp_path: Path) -> None:
    """And both attempts are charged: no reply is cut short by a budget that has room."""
    asked: list[int] = []

    def answer(request: ModelRequest) -> ModelReply:
        most = int(request.options["max_tokens"])
        asked.append(most)
        said = min(most, 5000)
        usage = Usage(50, said, 0.0)
        return ModelReply("x", usage=usage, model="m", finish="length" if said < 5000 else "stop")

    async with opened(tmp_path, answer) as bench:
        scripted(bench).known_price = (0.0, 0.0)
        run = await bench.start(
            "ask", {"agent": WRITER, "inputs": {"task": "x"}}, limits={"tokens": 50_000}
        )
        await run.result()
        assert asked == [4096, 8192]
        assert run.budget.spent.tokens == 4096 + 5000 + 100
        assert run.budget.spent.steps == 1
        (ended,) = rows_of(bench, run, "attempt.ended")
        assert "did not fit into the 4096 tokens" in ended.data["error"]["message"]


@acted
async def test_a_hook_that_chooses_a_dearer_model_is_reserved_at_its_price(tmp_path: Path) -> None:
    @hook("before.model")
    def dearer(call: object) -> dict[str, object]:
        return {**call.arguments, "model": "litellm:gold"}  # type: ignore[attr-defined]

    async with opened(tmp_path, lambda _request: "x") as bench:
        model = scripted(bench)
        model.price = lambda request: (  # type: ignore[method-assign]
            (1e6, 1e6) if "gold" in request.model else (0.0, 0.0)
        )
        bench.world.hooks.add(dearer)
        run = await bench.start(
            "ask", {"agent": WRITER, "inputs": {"task": "x"}}, limits={"usd": 1.0}
        )
        outcome = await run.finished()
        assert outcome.outcome == "out_of_budget"
        assert not model.requests


@acted
async def test_all_sums_agree(tmp_path: Path) -> None:
    @pattern
    async def mixed() -> list[str]:
        await now()
        first = await race(ask(WRITER, task="fast"), ask(WRITER, task="slow"))
        with suppress(StepFailed):
            await ask(WRITER, task="bad")
        return [first.text]

    slow_runs = asyncio.Event()

    async def answer(request: ModelRequest) -> ModelReply:
        if "bad" in str(request.inputs):
            raise ModelError("busy", retry=True, retry_after_s=0, reason="rate_limited")
        if "slow" in str(request.inputs):
            slow_runs.set()
            await asyncio.sleep(30)
        await slow_runs.wait()
        return ModelReply("x", usage=Usage(14, 1, None), model="scripted")

    async with opened(tmp_path, answer, limits={"day": {"tokens": 10_000}}) as bench:
        run = await bench.start(mixed)
        await run.result()
        bench.store.flush()
        rows = totals(bench.store.rows(run.run_id))
        tally, row = run.usage, bench.store.run(run.run_id)
        assert rows.steps == tally.steps == row.steps == run.budget.spent.steps == 4
        tokens = tally.input_tokens + tally.output_tokens
        assert rows.tokens == tokens == row.input_tokens + row.output_tokens == 15
        assert rows.unpriced == tally.unpriced_calls == row.unpriced_calls == 1
        assert run.budget.spent == rows == bench.budgets.session.spent
        usage = bench.store.usage(run.run_id)
        assert (usage.input_tokens, usage.unpriced_calls) == (14, 1)
        dues = bench.store.dues(day_at(bench.world.clock()))
        spent, held = dues.of("")
        assert spent == rows
        assert held.tokens > 0, "what the loser of the race took is not known: it stays reserved"
        assert held.steps == 0
        before = dues
        bench.store.rebuild()
        assert bench.store.dues(day_at(bench.world.clock())) == before
