"""Agents, tools, Python and the program changed between two drives of a run."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.run.acts import DONE, GATES, begun, gate, work
from tests.run.stage import acted, calling, in_turn, opened, requests, rows_of, seen, waiting
from workbench.agent.agent import Agent
from workbench.agent.tool import Tool, tool
from workbench.bench import Workbench
from workbench.errors import Diverged, UnknownName
from workbench.journal.events import Event
from workbench.run.header import Header
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, question


@tool(danger="SAFE", repeat="unsafe", name="study")
async def study(topic: str) -> str:
    """Study a topic."""
    await work("study")
    return f"all about {topic}"


@tool(danger="SAFE", repeat="unsafe", name="study")
async def studied(topic: str) -> str:
    """Study a topic deeply."""
    return f"all about {topic}"


STUDENT = Agent("student", "task: str -> text: str", instructions="Be brief.", tools=["study"])
LOUD = Agent("student", "task: str -> text: str", instructions="BE LOUD.", tools=["study"])
OTHER = Agent("other", "task: str -> text: str")
ANSWERS = in_turn(calling(("study", {"topic": "rain"})), "done")


@pattern
async def given(agent: Agent, task: str) -> list[str]:
    """An agent that the run was given, twice."""
    return [(await ask(agent, task=task)).text, (await ask(agent, task="again")).text]


@pattern
async def named(task: str) -> list[str]:
    """An agent by its name, twice."""
    return [(await ask("student", task=task)).text, (await ask("student", task="again")).text]


def known(bench: Workbench, agent: Agent = STUDENT, using: Tool = study) -> Workbench:
    """The registry as a process finds it."""
    bench.world.agents["student"] = agent
    bench.world.agents["other"] = OTHER
    bench.world.tools["study"] = using
    for one in (given, named, asking):
        bench.world.patterns[one.name] = one
    return bench


def listening(bench: Workbench) -> list[str]:
    """What a person is told from now on."""
    told: list[str] = []

    def heard(event: Event | Live) -> None:
        if isinstance(event, Live) and event.kind == "notice":
            told.append(str(event.data["text"]))

    bench.subscribe(heard)
    return told


async def stopped_in_a_turn(folder: Path, name: str, **inputs: Any) -> str:
    """A run that was stopped while its first turn used a tool."""
    gate("study")
    async with opened(folder, ANSWERS) as bench:
        run = await known(bench).start(name, inputs)
        await begun("study")
        run.interrupt("immediate")
        ended = await run.finished()
    GATES.clear()
    return ended.run_id


async def settled(bench: Workbench, run: Run) -> Any:
    """The result of a run whose doubts are answered with "done"."""
    ended = asyncio.ensure_future(run.finished())
    while not ended.done():
        asked = asyncio.ensure_future(waiting(bench))
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for one in bench.waiting:
            await bench.answer(one.id, Answer(answer="done", reason='"found"'))
    return await run.result()


@acted
async def test_nothing_is_said_when_nothing_changed(tmp_path: Path) -> None:
    name = await stopped_in_a_turn(tmp_path, "given", agent=STUDENT, task="x")
    async with opened(tmp_path, ANSWERS) as bench:
        told = listening(known(bench))
        run = await bench.resume(name)
        await settled(bench, run)
        (resumed,) = rows_of(bench, run, "run.resumed")
        assert resumed.data.keys() == {"by", "epoch"}
        assert told == []


@pytest.mark.parametrize(
    ("how", "inputs", "said", "instructions"),
    [
        (
            "given",
            {"agent": STUDENT, "task": "x"},
            "agent student was changed: this run goes on with the one it was given",
            ["Be brief.", "Be brief."],
        ),
        (
            "named",
            {"task": "x"},
            "agent student was changed: the turn it is in goes on as it began",
            ["Be brief.", "BE LOUD."],
        ),
    ],
)
def test_an_agent_that_was_changed_goes_on_as_it_began(
    tmp_path: Path, how: str, inputs: dict[str, Any], said: str, instructions: list[str]
) -> None:
    @acted
    async def changed() -> None:
        name = await stopped_in_a_turn(tmp_path, how, **inputs)
        async with opened(tmp_path, ANSWERS) as bench:
            told = listening(known(bench, LOUD))
            run = await bench.resume(name)
            await settled(bench, run)
            assert [said in line for line in told] == [True]
            asked = [request.system for request in requests(bench)]
            assert [
                next(words for words in ("Be brief.", "BE LOUD.") if words in system)
                for system in (asked[0], asked[-1])
            ] == instructions
        async with opened(tmp_path, ANSWERS) as bench:
            fork = await known(bench, LOUD).fork(name)
            told = listening(bench)
            await settled(bench, fork)
            assert told == []

    changed()


@acted
async def test_a_tool_that_was_changed_is_said_with_the_doubt_about_its_call(
    tmp_path: Path,
) -> None:
    name = await stopped_in_a_turn(tmp_path, "named", task="x")
    async with opened(tmp_path, ANSWERS) as bench:
        told = listening(known(bench, using=studied))
        run = await bench.resume(name)
        (doubt,) = await waiting(bench)
        (asked,) = rows_of(bench, run, "question.asked")
        words = "study was changed since"
        assert words in asked.data["evidence"]["tool"]
        assert words in doubt.evidence.tool if doubt.evidence is not None else False
        assert "tool study has another description or other parameters now" in told[0]
        run.interrupt("immediate")
        await run.finished()


@acted
async def test_a_tool_that_a_turn_still_needs_and_that_is_gone_is_one_clear_sentence(
    tmp_path: Path,
) -> None:
    name = await stopped_in_a_turn(tmp_path, "named", task="x")
    async with opened(tmp_path, ANSWERS) as bench:
        known(bench)
        bench.world.tools["studies"] = bench.world.tools.pop("study")
        before = rows_of(bench, name)
        with pytest.raises(UnknownName) as raised:
            await bench.resume(name)
        assert str(raised.value) == (
            f"run {name} needs the tool 'study', which is not there any more. "
            "Did you mean 'studies'?"
        )
        assert rows_of(bench, name) == before
        assert requests(bench) == []


# -- where a run comes from ------------------------------------------------------------------------


@pattern
async def asking() -> str:
    """Wait for a person."""
    return await question("go on?")


async def rests(bench: Workbench, row: Callable[[Event], Event] = lambda row: row) -> str:
    """A run that waits for a person, made of the rows of another, its first one changed."""
    run = await known(bench).start("asking")
    await seen(bench, "question.asked")
    run.interrupt("immediate")
    await run.finished()
    rows = [replace(one, run_id="other") for one in rows_of(bench, run)]
    bench.store.append([row(rows[0]), *rows[1:]])
    bench.store.flush()
    return "other"


def _old(row: Event) -> Event:
    return replace(row, data={k: v for k, v in row.data.items() if k not in {"code", "version"}})


def _newer(row: Event) -> Event:
    return replace(row, data={**row.data, "version": "99.1.0"})


@acted
async def test_a_run_of_before_code_was_recorded_goes_on_and_nothing_is_said(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        name = await rests(bench, _old)
        told = listening(bench)
        await bench.resume(name)
        assert told == []


@acted
async def test_a_run_of_a_later_program_is_said_to_be_one(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        name = await rests(bench, _newer)
        told = listening(bench)
        run = await bench.resume(name)
        assert "kaizen-tui was a later one (99.1.0, now " in told[0]
        run.interrupt("immediate")
        await run.finished()
        told = listening(bench)
        await bench.resume(name)
        assert told == []


@acted
async def test_a_later_program_is_the_likely_cause_of_a_divergence(tmp_path: Path) -> None:
    @pattern(name="asking")
    async def other() -> str:
        return await question("go away?")

    async with opened(tmp_path) as bench:
        name = await rests(bench, lambda row: _newer(_old(row)))
        run = await bench.resume(name)
        (asked,) = await waiting(bench)
        await bench.answer(asked.id, Answer(answer="yes"))
        await run.finished()
        bench.world.patterns["asking"] = other
        with pytest.raises(Diverged) as raised:
            bench.take_up.check(name)
        assert "resume it with that" in raised.value.data["cause"] or raised.value.data["changes"]


# -- other ways of having a workflow ---------------------------------------------------------------


async def _twice(first: str, second: str) -> list[str]:
    return [await call(work, first), await call(work, second)]


@acted
async def test_a_partial_is_run_and_resumed_under_its_function_s_name(tmp_path: Path) -> None:
    gate("b")
    bound = pattern(functools.partial(_twice, second="b"))
    async with opened(tmp_path) as bench:
        run = await bench.start(bound, first="a")
        await begun("b")
        run.interrupt("immediate")
        await run.finished()
    DONE.clear()
    async with opened(tmp_path) as bench:
        again = await bench.resume(run.run_id, what=bound)
        assert again.header.pattern == "_twice"
        again.interrupt("immediate")
        await again.finished()
        other = pattern(functools.partial(_twice, second="c"))
        with pytest.raises(Diverged) as raised:
            await bench.resume(run.run_id, what=other)
        assert "partial.second" in raised.value.data["cause"]


@acted
async def test_what_is_given_runs_even_if_another_has_its_name(tmp_path: Path) -> None:
    @pattern(name="debate")
    async def ours() -> str:
        return "ours"

    async with opened(tmp_path) as bench:
        shipped = bench.patterns["debate"]
        assert await (await bench.start(ours)).result() == "ours"
        assert bench.patterns["debate"] is shipped


def test_a_first_row_is_read_back_with_its_code() -> None:
    header = Header("r", "p", {}, code={"python": "3.11.7"})
    assert Header.from_row(Event("r", 1, 0.0, "run.started", "", header.to_data())) == header
