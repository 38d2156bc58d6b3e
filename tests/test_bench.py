from __future__ import annotations

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
    until,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import Diverged, InputError, NotAValue, RunOwned, UnknownName, UsageError
from workbench.run.waiting import Answer
from workbench.store.store import Store
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, call, checkpoint, follow, now, question

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


def _all(bench: Workbench, run_id: str) -> list[Any]:
    return rows_of(bench, run_id)


# -- starting ------------------------------------------------------------------------------------


@acted
async def test_a_pattern_is_started_by_value_by_function_and_by_name(tmp_path: Path) -> None:
    async def bare(number: int) -> int:
        return number

    async with opened(tmp_path) as bench:
        run = await bench.start(bare, number=3)
        assert await run.result() == 3
        assert await (await bench.start("bare", {"number": 4})).result() == 4
        row = bench.store.run(run.run_id)
        assert (row.pattern, row.status) == ("bare", "returned")
        with pytest.raises(UnknownName, match="'bare'"):
            await bench.start("bar", number=3)


@acted
async def test_inputs_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        with pytest.raises(InputError, match="Did you mean 'agent'"):
            await bench.start(three, agnt=WRITER)
        with pytest.raises(InputError, match="needs 'agent'"):
            await bench.start(three)

        async def taking(thing: Any) -> str:
            return type(thing).__name__

        with pytest.raises(NotAValue, match="object"):
            await bench.start(taking, thing=object())
        assert bench.store.runs() == []
        assert await (await bench.start(taking, thing=(1, 2))).result() == "list"


@acted
async def test_agents_are_found_by_name(tmp_path: Path) -> None:
    more = {"agents": (WRITER,)}
    async with opened(tmp_path, in_turn("text"), more=more) as bench:
        run = await bench.start(three, agent="writer")
        assert await run.result() == ["text", "text"]
        assert (await bench.ask("writer", task="x")).text == "text"
        with pytest.raises(UnknownName, match="'writer'"):
            await bench.start(three, agent="writr")

        async def by_name() -> str:
            return str((await ask("writer", task="x")).text)

        assert await (await bench.start(by_name)).result() == "text"


@acted
async def test_an_unknown_agent_in_a_workflow_names_the_nearest(tmp_path: Path) -> None:
    async def by_name() -> str:
        return str((await ask("writr", task="x")).text)

    from workbench.errors import StepFailed

    async with opened(tmp_path, more={"agents": (WRITER,)}) as bench:
        with pytest.raises(StepFailed, match="Did you mean 'writer'"):
            await (await bench.start(by_name)).result()


@acted
async def test_an_agents_own_tools_follow_it_into_a_sub_pattern(tmp_path: Path) -> None:
    @tool(danger="SAFE")
    def mark(text: str) -> str:
        """Mark."""
        DONE.append(text)
        return text

    @pattern
    async def inner(agent: Agent) -> str:
        return str((await ask(agent, task="x")).text)

    @pattern
    async def outer(pause: bool) -> str:
        agent = Agent("marker", "task: str -> text: str", tools=[mark])
        text = await follow(inner, agent=agent)
        return await question("on?") if pause else text

    model = in_turn(calling(("mark", {"text": "seen"})), "marked")
    async with opened(tmp_path, model) as bench:
        assert await (await bench.start(outer, pause=False)).result() == "marked"
        assert DONE == ["seen"]


# -- resume --------------------------------------------------------------------------------------


@pattern
async def asks_in_the_middle() -> list[Any]:
    return [await call(add, "a"), await question("go on?"), await call(add, "b")]


@acted
async def test_an_ended_run_is_not_resumed_and_the_hint_says_fork(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        await run.result()
        with pytest.raises(UsageError, match=f"kaizen-tui fork {run.run_id}") as raised:
            await bench.resume(run.run_id)
        assert "(returned)" in raised.value.message


@acted
async def test_a_live_run_is_resumed_as_itself(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        await waiting(bench)
        assert await bench.resume(run.run_id[:5]) is run
        run.cancel()
        await run.finished()


@acted
async def test_two_workbenches_do_not_drive_one_run(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        await waiting(bench)
        async with opened(tmp_path) as other:
            with pytest.raises(RunOwned):
                await other.resume(run.run_id, what=asks_in_the_middle)
        run.interrupt("graceful")
        await run.finished()


@acted
async def test_changed_code_diverges_with_nothing_begun_and_the_run_as_it_was(
    tmp_path: Path,
) -> None:
    @pattern(name="asks_in_the_middle")
    async def changed() -> None:
        await call(add, "something else")

    async with opened(tmp_path) as bench:
        run = await bench.start(asks_in_the_middle)
        await waiting(bench)
        run.interrupt("graceful")
        await run.finished()
        before = _all(bench, run.run_id)
        with pytest.raises(Diverged):
            await bench.resume(run.run_id, what=changed)
        assert _all(bench, run.run_id) == before
        assert DONE == ["a"]
        again = await bench.resume(run.run_id, what=asks_in_the_middle)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        assert await again.result() == ["a", "yes", "b"]
        assert DONE == ["a", "b"]


@acted
async def test_a_question_that_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    @pattern
    async def two_questions() -> list[str]:
        return [await question("first?"), await question("second?")]

    async with opened(tmp_path) as bench:
        run = await bench.start(two_questions)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="1"))
        await until(bench, lambda: [w for w in bench.waiting if w.text == "second?"] or None)
        run.interrupt("graceful")
        await run.finished()
        again = await bench.resume(run.run_id)
        (two,) = await waiting(bench)
        assert two.text == "second?"
        await bench.answer(two.id, Answer(answer="2"))
        assert await again.result() == ["1", "2"]


@acted
async def test_a_question_takes_only_one_of_its_choices(tmp_path: Path) -> None:
    async def choosing() -> str:
        return await question("which?", ["red", "blue"])

    async with opened(tmp_path) as bench:
        run = await bench.start(choosing)
        (one,) = await waiting(bench)
        with pytest.raises(UnknownName, match="'blue'"):
            await bench.answer(one.id, Answer(answer="bleu"))
        await bench.answer(one.id, Answer(answer="blue"))
        assert await run.result() == "blue"


# -- modes, models, what is told -----------------------------------------------------------------


@acted
async def test_every_row_is_told_to_every_subscriber_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        told: list[Any] = []
        stop = bench.subscribe(lambda event: told.append(event) if hasattr(event, "seq") else None)

        async def small() -> None:
            await now()

        run = await bench.start(small)
        await run.result()
        assert told == rows_of(bench, run)
        stop()
        await (await bench.start(small)).result()
        assert len(told) == len(rows_of(bench, run))


@acted
async def test_a_model_that_no_provider_can_mean_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        bench.default_model = "playbook:default"
        with pytest.raises(UnknownName):
            bench.default_model = "playbok:default"
        assert bench.default_model == "playbook:default"
        assert bench.model_reason


@acted
async def test_the_playbook_answers_when_nobody_chose_a_model(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    async with Workbench.open(":memory:", workspace=tmp_path / "work") as bench:
        assert bench.default_model == "playbook:default"
        assert "no LLM" in bench.model_reason
        assert (await bench.ask(WRITER, task="x")).text


@acted
async def test_a_run_that_has_ended_is_let_go(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:

        async def small() -> None:
            await now()

        run = await bench.start(small)
        await run.result()
        store = bench.store
        assert isinstance(store, Store)
        await bench.close()
        assert store.owner(run.run_id) is None
