"""The attempts of a model call: who is asked next, when it is over, and what of it is recorded."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.run.stage import BOUND_S, acted, opened, rows_of, scripted
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.errors import Denied, InputError, LimitReached, ModelError, StepFailed
from workbench.models.failures import failed
from workbench.run.trying import GIVES_WAY, Trying, chain_of
from workbench.script.rows import text_of
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

REASONS = sorted(GIVES_WAY | {"refused", "unknown_model", "unsupported", "malformed", "empty"})


def model_error(reason: Any, **more: Any) -> ModelError:
    return failed(f"it was {reason}", reason, **more)


def test_an_agents_own_models_come_before_the_settings():
    rules = {"a": ["b", "a"], "*": ["c"]}
    assert chain_of("a", ["x"], rules) == ("a", "x")
    assert chain_of("a", [], rules) == ("a", "b")
    assert chain_of("z", [], rules) == ("z", "c")
    assert chain_of("z", [], {}) == ("z",)


@pytest.mark.parametrize("reason", ["unreachable", "rate_limited", "too_long"])
def test_a_model_that_another_attempt_cannot_mend_gives_way_at_once(reason: str):
    trying = Trying(("a", "b"), 3, 300.0)
    assert trying.after(model_error(reason, retry_after_s=60.0), 0.1) == 0.0
    assert trying.model == "b"
    passed = {"model": "a", "reason": reason, "message": f"it was {reason}"}
    assert trying.said == {"instead_of": [passed]}


@pytest.mark.parametrize("reason", ["server", "timeout", "truncated", "worker"])
def test_what_may_pass_is_tried_again_before_another_model_is(reason: str):
    trying = Trying(("a", "b"), 3, 300.0)
    assert [trying.after(model_error(reason), 0.1) for _ in range(2)] == [1.0, 2.0]
    assert trying.model == "a"
    assert trying.after(model_error(reason), 0.1) == 0.0
    assert trying.model == "b"


@pytest.mark.parametrize(
    "error",
    [
        LimitReached("no more money"),
        Denied("no"),
        model_error("refused"),
        model_error("unknown_model"),
        model_error("unsupported"),
        ValueError("odd"),
    ],
)
def test_no_refusal_leads_to_another_model(error: BaseException):
    trying = Trying(("a", "b"), 3, 300.0)
    with pytest.raises(type(error)):
        trying.after(error, 0.0)
    assert trying.said == {}


def test_a_server_is_waited_for_as_it_asks_unless_that_is_too_long():
    assert Trying(("a",), 3, 300.0).after(model_error("rate_limited", retry_after_s=45), 1) == 45
    with pytest.raises(ModelError, match=r"models\.wait_s") as caught:
        Trying(("a",), 3, 300.0).after(model_error("rate_limited", retry_after_s=3600), 1)
    assert caught.value.data["retry_after_s"] == 3600


@given(
    st.lists(
        st.tuples(
            st.sampled_from(REASONS),
            st.floats(0, 200),
            st.one_of(st.none(), st.floats(0, 1000)),
        )
    ),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_all_attempts_together_stay_within_their_limit(
    faults: list[tuple[str, float, float | None]], models: int, most: int
):
    limit_s = 300.0
    trying, spent, attempts = Trying(tuple("abcd"[:models]), most, limit_s), 0.0, 0
    try:
        for reason, took, after in faults:
            attempts += 1
            took = min(took, trying.left_s)  # noqa: PLW2901 - the gate cuts an attempt so
            spent += took
            spent += trying.after(model_error(reason, retry_after_s=after), took)
    except ModelError:
        pass
    assert spent <= limit_s + 1e-6
    assert attempts <= models * most
    assert len(trying.passed) < models


SECOND = Agent("judge", "claim: str -> verdict: str", model=["ollama:big", "playbook:small"])


def test_several_models_are_written_as_a_list_and_read_back():
    assert (SECOND.model, SECOND.fallback) == ("ollama:big", ("playbook:small",))
    assert SECOND.definition()["model"] == ["ollama:big", "playbook:small"]
    assert Agent.from_definition(SECOND.definition()) == SECOND
    for wrong in ([], ["a", 3], [""], [3], [None, "a"]):
        with pytest.raises(InputError, match="models are names"):
            Agent("judge", "claim: str -> verdict: str", model=wrong)  # type: ignore[arg-type]


@pattern
async def judging(agent: Agent) -> str:
    """Ask once."""
    return (await ask(agent, claim="so")).verdict


@acted
async def test_the_step_says_who_answered_instead_of_whom_and_each_attempt_is_charged(
    tmp_path: Path,
):
    def answer(request: ModelRequest) -> ModelReply:
        if request.model == "ollama:big":
            spent = {"input_tokens": 7, "output_tokens": 3, "cost_usd": 0.5}
            raise model_error("rate_limited", retry_after_s=600.0, usage=spent)
        return ModelReply('{"verdict": "yes"}', usage=Usage(10, 5, 0.25), model="small")

    async with opened(tmp_path, answer) as bench:
        run = await bench.start(judging, agent=SECOND)
        async with asyncio.timeout(BOUND_S):
            assert await run.result() == "yes"
        assert [r.model for r in scripted(bench).requests] == ["ollama:big", "playbook:small"]
        starts = [r for r in rows_of(bench, run, "step.started") if r.data["effect"] == "model"]
        assert [r.data["model"] for r in starts] == ["ollama:big", "playbook:small"]
        (ended,) = rows_of(bench, run, "attempt.ended")
        assert (ended.data["model"], ended.data["error"]["data"]["reason"]) == (
            "ollama:big",
            "rate_limited",
        )
        (done,) = [r for r in rows_of(bench, run, "step.finished") if r.data["effect"] == "model"]
        assert done.data["instead_of"] == [
            {"model": "ollama:big", "reason": "rate_limited", "message": "it was rate_limited"}
        ]
        assert text_of(done).startswith("instead of ollama:big (rate_limited): ")
        assert round(bench.store.run(run.run_id).cost_usd, 6) == 0.75


@acted
async def test_without_another_model_the_failure_is_the_first_ones(tmp_path: Path):
    def answer(request: ModelRequest) -> ModelReply:
        raise model_error("refused", hint="Look at the key")

    async with opened(tmp_path, answer) as bench:
        bench.world.fallback = {"*": ["playbook:small"]}
        run = await bench.start(judging, agent=SECOND)
        with pytest.raises(StepFailed, match="it was refused"):
            await run.result()
        assert len(scripted(bench).requests) == 1
