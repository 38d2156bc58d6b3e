from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import (
    acted,
    keys_of,
    opened,
    rows_of,
    seen,
    until,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.errors import StepFailed, UnknownName
from workbench.permission.rule import Rule
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import race, sleep, together, use

DONE: list[str] = []


@tool(danger="MEDIUM")
def deploy(place: str, times: int = 1) -> str:
    """Deploy to a place."""
    DONE.append(f"{place} {times}")
    return f"deployed to {place}"


@tool(danger="SAFE")
def look(place: str) -> str:
    """Look at a place."""
    return f"saw {place}"


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


@pattern
async def deploying(place: str) -> str:
    return await use(deploy, place=place)


@pattern
async def deploying_to_all(places: list[str]) -> list[str]:
    return await together(use(deploy, place=place) for place in places)


CODER = Agent("coder", "task: str -> text: str", tools=[deploy, "write_file"])


@acted
async def test_a_change_of_mode_decides_what_waits_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        await waiting(bench)
        bench.set_mode("plan")
        with pytest.raises(StepFailed, match="plan mode"):
            await run.result()
        assert [row.data["mode"] for row in rows_of(bench, run, "mode.changed")] == ["plan"]


@acted
async def test_a_new_rule_decides_what_waits_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        allowed = await bench.start(deploying, place="moon")
        await waiting(bench)
        bench.add_rule(Rule("allow", tool="deploy"))
        assert await allowed.result() == "deployed to moon"
        denied = await bench.start(deploying, place="mars")
        assert await denied.result() == "deployed to mars"
        bench.add_rule(Rule("deny", tool="deploy", reason="enough"))
        with pytest.raises(StepFailed, match="enough"):
            await (await bench.start(deploying, place="venus")).result()


@acted
async def test_nobody_answering_within_the_time_denies(tmp_path: Path) -> None:
    async with opened(tmp_path, approval_timeout_s=0.05) as bench:
        run = await bench.start(deploying, place="moon")
        with pytest.raises(StepFailed, match=r"nobody answered within 0\.05 s"):
            await run.result()
        assert DONE == []
        assert bench.waiting == []
        (row,) = rows_of(bench, run, "approval.answered")
        assert (row.data["verdict"], row.data["by"]) == ("deny", "timeout")


@acted
async def test_a_request_is_withdrawn_when_its_call_is_cancelled(tmp_path: Path) -> None:
    changes: list[str] = []
    async with opened(tmp_path) as bench:
        bench.subscribe(lambda e: changes.append(e.data["what"]) if e.kind == "waiting" else None)
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        run.cancel(one.key)
        assert (await run.finished()).outcome == "cancelled"
        assert bench.waiting == []
        assert changes == ["asked", "withdrawn"]
        (row,) = rows_of(bench, run, "approval.withdrawn")
        assert row.data["id"] == one.id
        (ended,) = rows_of(bench, run, "step.cancelled")
        assert ended.data["end"] == "never"
        with pytest.raises(UnknownName):
            await bench.answer(one.id, Answer())


@acted
async def test_a_request_of_a_lost_race_is_withdrawn(tmp_path: Path) -> None:
    @pattern
    async def racing() -> Any:
        return await race(use(deploy, place="moon"), sleep(0.02))

    async with opened(tmp_path) as bench:
        run = await bench.start(racing)
        assert await run.result() is None
        assert bench.waiting == []
        assert len(rows_of(bench, run, "approval.withdrawn")) == 1


@acted
async def test_a_pending_request_is_asked_again_under_the_same_id_after_a_suspension(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
    async with opened(tmp_path) as bench:
        run = await bench.resume(run.run_id, what=deploying)
        (again,) = await waiting(bench)
        assert again.id == one.id
        await bench.answer(again.id, Answer())
        assert await run.result() == "deployed to moon"
        assert DONE == ["moon 1"]


@acted
async def test_a_cleanup_that_would_need_a_person_is_denied(tmp_path: Path) -> None:
    @pattern
    async def cleaning() -> None:
        try:
            await sleep(60)
        finally:
            await use(deploy, place="moon")

    async with opened(tmp_path) as bench:
        run = await bench.start(cleaning)
        await until(bench, lambda: run.steps or None)
        run.cancel()
        outcome = await run.finished()
        assert outcome.outcome in {"cancelled", "failed"}
        assert DONE == []
        assert keys_of(rows_of(bench, run, "step.denied")) == ["tool.deploy"]


@acted
async def test_an_approval_is_good_for_one_call_only(tmp_path: Path) -> None:
    @pattern
    async def twice() -> None:
        await use(deploy, place="moon")
        await use(deploy, place="moon")

    async with opened(tmp_path) as bench:
        run = await bench.start(twice)
        (one,) = await waiting(bench)
        asked = asyncio.ensure_future(seen(bench, "approval.asked"))
        await asyncio.sleep(0)
        await bench.answer(one.id, Answer())
        await asked
        (two,) = bench.waiting
        assert two.id != one.id
        assert DONE == ["moon 1"]
        await bench.answer(two.id, Answer())
        await run.result()
