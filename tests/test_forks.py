from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import (
    WRITER,
    Ledger,
    acted,
    opened,
    rows_of,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.bench import Workbench
from workbench.errors import InputError, UnknownName
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, checkpoint, question, recall, remember

DONE = Ledger()


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


def add(text: str) -> str:
    DONE.append(text)
    return text


@pattern
async def three(agent: Agent) -> list[str]:
    await call(add, "one")
    first = (await ask(agent, task="first")).text
    await checkpoint("middle")
    await call(add, "two")
    second = (await ask(agent, task="second")).text
    await call(add, "three")
    return [first, second]


def _named(request: ModelRequest) -> str:
    """Who was asked, how, and what."""
    told = "rude" if "Be rude" in request.system else "kind"
    return f"{request.model} {told} {request.inputs['task']}"


def _all(bench: Workbench, run_id: str) -> list[Any]:
    return rows_of(bench, run_id)


@pattern
async def asks_in_the_middle() -> list[Any]:
    return [await call(add, "a"), await question("go on?"), await call(add, "b")]


@acted
async def test_a_fork_shares_the_rows_before_its_cut_and_leaves_its_parent_as_it_was(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        whole = await run.result()
        before = _all(bench, run.run_id)
        fork = await bench.fork(run.run_id, "middle")
        assert await fork.result() == whole
        assert DONE == ["one", "two", "three", "two", "three"]
        cut = fork.header.cut
        assert (before[cut - 1].kind, before[cut - 1].data["effect"]) == (
            "step.finished",
            "checkpoint",
        )
        rows = _all(bench, fork.run_id)
        assert rows[:cut] == before[:cut]
        assert rows[cut].kind == "run.started"
        assert (rows[cut].run_id, rows[cut].seq) == (fork.run_id, cut + 1)
        assert rows[cut].data["parent"] == run.run_id
        assert _all(bench, run.run_id) == before
        assert [row.run_id for row in bench.store.children(run.run_id)] == [fork.run_id]


@acted
async def test_another_model_and_instructions_apply_only_after_the_cut(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        kind = await run.result()
        fork = await bench.fork(
            run.run_id, "middle", model="playbook:other", instructions="Be rude"
        )
        first, second = await fork.result()
        assert first == kind[0]
        assert second == "playbook:other rude second"
        assert kind[1] == "playbook:default kind second"


@acted
async def test_instructions_can_be_for_one_agent_by_name(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        await run.result()
        bench.agents["somebody"] = Agent("somebody", "task: str -> text: str")
        fork = await bench.fork(run.run_id, "middle", instructions={"somebody": "Be rude"})
        assert (await fork.result())[1] == "playbook:default kind second"
        fork = await bench.fork(run.run_id, "middle", instructions={"writer": "Be rude"})
        assert (await fork.result())[1] == "playbook:default rude second"


@acted
async def test_an_edited_reply_is_what_the_agent_said(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        await run.result()
        before = _all(bench, run.run_id)
        fork = await bench.fork(run.run_id, "middle", reply="something else")
        assert await fork.result() == ["something else", "playbook:default kind second"]
        edited = [r for r in _all(bench, fork.run_id) if r.data.get("edited")]
        assert [row.data["result"]["text"] for row in edited] == ["something else"]
        assert _all(bench, run.run_id) == before


@acted
async def test_a_fork_of_a_fork_goes_on_from_both(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        await run.result()
        fork = await bench.fork(run.run_id, "middle", instructions="Be rude")
        await fork.result()
        before = _all(bench, fork.run_id)
        two = next(row.seq for row in before if row.seq > fork.header.cut and "call" in row.key)
        second = await bench.fork(fork.run_id, two, model="playbook:third")
        assert (await second.result())[1] == "playbook:third rude second"
        assert _all(bench, fork.run_id) == before
        assert bench.store.run(second.run_id).parent_id == fork.run_id
        early = await bench.fork(second.run_id, "middle")
        assert await early.result()
        assert _all(bench, fork.run_id) == before


@acted
async def test_a_fork_at_every_row_of_a_run_ends_as_the_run_did(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        whole = await run.result()
        before = _all(bench, run.run_id)
        for row in before:
            fork = await bench.fork(run.run_id, row.seq)
            assert await fork.result() == whole, row
        assert _all(bench, run.run_id) == before


@acted
async def test_a_fork_of_a_running_run_asks_anew_for_what_was_in_flight(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        (one,) = await waiting(bench)
        fork = await bench.fork(run.run_id)
        both = await waiting(bench, 2)
        ids = {waits.id for waits in both}
        assert one.id in ids
        for waits in both:
            await bench.answer(waits.id, Answer(answer=waits.run_id))
        assert await fork.result() == ["a", fork.run_id, "b"]
        assert await run.result() == ["a", run.run_id, "b"]


@acted
async def test_the_memory_of_a_run_follows_its_forks_and_that_of_the_workspace_is_shared(
    tmp_path: Path,
) -> None:
    @pattern
    async def remembering() -> list[Any]:
        await remember("mine", "before")
        await remember("ours", "before", scope="workspace")
        await checkpoint("here")
        await question("go on?")
        return [await recall("mine"), await recall("ours", scope="workspace")]

    async with opened(tmp_path) as bench:
        run = await bench.start(remembering)
        await waiting(bench)
        bench.world.memory["ours"] = "after"
        fork = await bench.fork(run.run_id, "here")
        for one in await waiting(bench, 2):
            await bench.answer(one.id, Answer(answer="yes"))
        assert await fork.result() == ["before", "after"]
        assert await run.result() == ["before", "after"]


@acted
async def test_what_a_fork_may_change_is_a_fixed_list(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        await waiting(bench)
        with pytest.raises(UnknownName, match="'model'"):
            await bench.fork(run.run_id, modle="x")
        with pytest.raises(UnknownName, match="no checkpoint 'nowhere'"):
            await bench.fork(run.run_id, "nowhere")
        with pytest.raises(InputError, match="no row 999"):
            await bench.fork(run.run_id, 999)
        run.cancel()
        await run.finished()


@acted
async def test_a_branch_costs_one_row_and_is_driven_when_resumed(tmp_path: Path) -> None:
    async with opened(tmp_path, _named) as bench:
        run = await bench.start(three, agent=WRITER)
        whole = await run.result()
        branch = bench.branches.branch(run.run_id, "middle")
        own = [row for row in _all(bench, branch) if row.run_id == branch]
        assert [row.kind for row in own] == ["run.started"]
        assert await (await bench.resume(branch)).result() == whole
