"""What a fork does otherwise: other tools, an edited reply, edited arguments; and what it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import (
    Ledger,
    acted,
    calling,
    in_turn,
    opened,
    requests,
    rows_of,
    seen,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import Diverged, InputError, UnknownName
from workbench.run.waiting import Answer
from workbench.workflow.pattern import Pattern, pattern
from workbench.workflow.verbs import ask, call, checkpoint, question, together

DONE = Ledger()


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


@tool(danger="SAFE", repeat="pure")
def look(at: str) -> str:
    """Look at something.

    Args:
        at: what.
    """
    DONE.append(f"look {at}")
    return f"saw {at}"


@tool(danger="HIGH")
def strike(at: str) -> str:
    """Strike something.

    Args:
        at: what.
    """
    DONE.append(f"strike {at}")
    return f"struck {at}"


TOOLS = {"tools": (look, strike)}
JUDGE = Agent("judge", "case: str -> verdict: Literal['guilty', 'free'], why: str")
HAND = Agent("hand", "task: str -> text: str", tools=["look"])


def add(text: str) -> str:
    DONE.append(text)
    return text


@pattern
async def two_tasks() -> list[str]:
    first = (await ask(HAND, task="one")).text
    await checkpoint("between")
    return [first, (await ask(HAND, task="two")).text]


@pattern
async def judged() -> Any:
    reply = await ask(JUDGE, case="the theft")
    return [reply.verdict, reply.why]


def _uses(name: str) -> Any:
    return in_turn(calling((name, {"at": "it"})), "done")


def _offered(bench: Workbench) -> list[list[str]]:
    return [[spec.name for spec in request.tools] for request in requests(bench)]


def _count(bench: Workbench) -> int:
    bench.store.flush()
    return len(bench.store.runs())


@acted
async def test_other_tools_are_offered_and_used_only_after_the_cut(tmp_path: Path) -> None:
    async with opened(tmp_path, _uses("look"), more=TOOLS) as bench:
        run = await bench.start(two_tasks)
        await run.result()
        assert DONE == ["look it", "look it"]
        bench.world.models = type(bench.world.models)(_uses("strike"))  # type: ignore[call-arg]
        fork = await bench.fork(run.run_id, "between", tools=["strike"])
        (asked,) = await waiting(bench)
        assert asked.tool == "strike"
        await bench.answer(asked.id, Answer("allow"))
        assert await fork.result() == ["done", "done"]
        assert DONE[2:] == ["strike it"]
        assert _offered(bench) == [["strike"], ["strike"]]


@acted
async def test_a_tool_that_was_taken_away_is_not_performed_though_the_model_asks_for_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, _uses("look"), more=TOOLS) as bench:
        run = await bench.start(two_tasks)
        await run.result()
        fork = await bench.fork(run.run_id, "between", tools={"hand": []})
        assert await fork.result() == ["done", "done"]
        assert DONE == ["look it", "look it"]
        assert requests(bench)[-1].entries[-1].text.startswith("no tool 'look'")


@acted
async def test_a_fork_with_other_tools_that_was_cut_off_is_replayed_as_it_was(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, _uses("look"), more=TOOLS) as bench:
        run = await bench.start(two_tasks)
        await run.result()
        bench.world.models = type(bench.world.models)(_uses("strike"))  # type: ignore[call-arg]
        fork = await bench.fork(run.run_id, "between", tools=["strike"])
        await waiting(bench)
        fork.interrupt("immediate")
        await fork.finished()
    async with opened(tmp_path, _uses("strike"), more=TOOLS) as bench:
        again = await bench.resume(fork.run_id, what=two_tasks)
        (asked,) = await waiting(bench)
        await bench.answer(asked.id, Answer("allow"))
        assert await again.result() == ["done", "done"]
        bench.world.patterns["two_tasks"] = two_tasks
        # A fork of it that takes the change back replays the strike and looks from there on.
        rows = rows_of(bench, again)
        cut = next(r.seq for r in rows if r.data.get("name") == "strike" and "result" in r.data)
        back = await bench.fork(again.run_id, cut, tools=None)
        assert await back.result() == ["done", "done"]
        assert _offered(bench)[-1] == ["look"]
        assert DONE == ["look it", "look it", "strike it"]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"tools": ["lok"]}, UnknownName, "Did you mean 'look'"),
        ({"tools": {"hand": ["lok"]}}, UnknownName, "no tool 'lok'"),
        ({"tools": {"hnd": ["look"]}}, UnknownName, "Did you mean 'hand'"),
        ({"tools": "look"}, InputError, "a list of names"),
        ({"tools": ["look", "look"]}, InputError, "twice"),
        ({"instructions": {"hnd": "x"}}, UnknownName, "no agent 'hnd'"),
        ({"instructions": 4}, InputError, "instructions of a fork is text"),
        ({"options": "hot"}, InputError, "options of a fork are an object"),
        ({"reply": "a", "arguments": {}}, InputError, "not both"),
        ({"arguments": {"at": "x"}}, InputError, "no tool call is asked next"),
        ({"arguments": 3}, InputError, "arguments are an object"),
        ({"tool": []}, UnknownName, "Did you mean 'tools'"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_and_nothing_is_recorded(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    @acted
    async def refused() -> None:
        async with opened(tmp_path, in_turn("done"), more=TOOLS) as bench:
            run = await bench.start(two_tasks)
            await run.result()
            with pytest.raises(error, match=said):
                await bench.fork(run.run_id, **changes)
            with pytest.raises(error, match=said):
                bench.branches.preview(run.run_id, **changes)
            assert _count(bench) == 1

    refused()


@acted
async def test_a_model_that_no_provider_can_mean_is_refused_before_anything_is_recorded(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(judged)
        await run.result()
        with pytest.raises(UnknownName, match="Did you mean 'playbook'"):
            await bench.fork(run.run_id, model="playbok:x")
        assert _count(bench) == 1


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ({"verdict": "free", "why": "no proof"}, ["free", "no proof"]),
        ('{"verdict": "free", "why": ""}', ["free", ""]),
    ],
)
def test_an_edited_reply_may_be_outputs_or_the_text_of_a_model(
    tmp_path: Path, reply: Any, result: Any
) -> None:
    @acted
    async def edited() -> None:
        async with opened(tmp_path, in_turn('{"verdict": "guilty", "why": "x"}')) as bench:
            run = await bench.start(judged)
            await run.result()
            fork = await bench.fork(run.run_id, reply=reply)
            assert await fork.result() == result
            assert len(requests(bench)) == 1

    edited()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"verdict": "maybe", "why": "x"}, "'verdict'.*guilty"),
        ({"verdict": "free"}, "'why'"),
        ({"verdict": "free", "why": "x", "whom": "y"}, "'whom'"),
        ("prose", "does not fit what judge answers"),
        ("", "does not fit"),
        (4, "does not fit"),
    ],
)
def test_an_edited_reply_that_its_signature_refuses_is_an_error_at_once(
    tmp_path: Path, reply: Any, said: str
) -> None:
    @acted
    async def refused() -> None:
        async with opened(tmp_path, in_turn('{"verdict": "guilty", "why": "x"}')) as bench:
            run = await bench.start(judged)
            await run.result()
            with pytest.raises(InputError, match=said):
                await bench.fork(run.run_id, reply=reply)
            assert _count(bench) == 1

    refused()


@acted
async def test_the_only_text_of_an_agent_can_be_edited_by_its_name(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn("done"), more=TOOLS) as bench:
        run = await bench.start(two_tasks)
        await run.result()
        fork = await bench.fork(run.run_id, "between", reply={"text": '{"not": "json"}'})
        assert (await fork.result())[0] == '{"not": "json"}'


@acted
async def test_the_arguments_of_the_call_that_waits_can_be_edited(tmp_path: Path) -> None:
    agent = Agent("hand", "task: str -> text: str", tools=["strike"])

    @pattern
    async def struck() -> str:
        return (await ask(agent, task="strike")).text

    async with opened(tmp_path, _uses("strike"), more=TOOLS) as bench:
        run = await bench.start(struck)
        await waiting(bench)
        with pytest.raises(InputError, match="'whom'"):
            await bench.fork(run.run_id, arguments={"whom": "x"})
        told = bench.branches.preview(run.run_id, arguments={"at": "air"})
        assert told.changes == "arguments edited"
        fork = await bench.fork(run.run_id, arguments={"at": "air"})
        both = await waiting(bench, 2)
        mine = next(one for one in both if one.run_id == fork.run_id)
        assert mine.arguments == {"at": "air"}
        for one in both:
            await bench.answer(one.id, Answer("allow"))
        assert await fork.result() == await run.result() == "done"
        assert sorted(DONE) == ["strike air", "strike it"]


@acted
async def test_a_fork_of_a_fork_inherits_its_changes_and_can_take_them_back(
    tmp_path: Path,
) -> None:
    def told(request: ModelRequest) -> str:
        return f"{request.model} {'rude' if 'Be rude' in request.system else 'kind'}"

    async with opened(tmp_path, told, more=TOOLS) as bench:
        run = await bench.start(two_tasks)
        await run.result()
        fork = await bench.fork(run.run_id, "between", model="a:b", instructions="Be rude")
        assert (await fork.result())[1] == "a:b rude"
        heir = await bench.fork(fork.run_id, "between", instructions={"hand": "Be kind"})
        assert (await heir.result())[1] == "a:b kind"
        back = await bench.fork(fork.run_id, "between", model=None)
        assert (await back.result())[1] == "playbook:default rude"
        assert back.header.overlay == {"instructions": "Be rude"}


@acted
async def test_a_fork_between_an_intent_and_its_outcome_asks_with_its_own_permission(
    tmp_path: Path,
) -> None:
    agent = Agent("hand", "task: str -> text: str", tools=["strike"])

    @pattern
    async def struck() -> str:
        return (await ask(agent, task="strike")).text

    async with opened(tmp_path, _uses("strike"), more=TOOLS) as bench:
        run = await bench.start(struck)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer("allow"))
        await run.result()
        rows = rows_of(bench, run, "step.started")
        intent = next(row.seq for row in rows if row.data.get("name") == "strike")
        told = bench.branches.preview(run.run_id, intent)
        assert [(one.effect, one.name) for one in told.asked_anew] == [("tool", "strike")]
        assert [(o.what, o.state) for o in told.outside_before] == [("strike", "unknown")]
        fork = await bench.fork(run.run_id, intent)
        (again,) = await waiting(bench)
        assert again.kind == "permission"
        assert again.run_id == fork.run_id
        await bench.answer(again.id, Answer("deny", reason="once is enough"))
        assert await fork.result() == "done"
        assert DONE == ["strike it"]


@acted
async def test_a_fork_in_the_middle_of_a_together_keeps_what_was_done_and_asks_for_the_rest(
    tmp_path: Path,
) -> None:
    @pattern
    async def beside() -> Any:
        return await together(call(add, "a"), question("well?"), call(add, "b"))

    async with opened(tmp_path) as bench:
        done = seen(bench, "step.finished", count=2)
        run = await bench.start(beside)
        await done
        (one,) = await waiting(bench)
        fork = await bench.fork(run.run_id)
        both = await waiting(bench, 2)
        for one in both:
            await bench.answer(one.id, Answer(answer="yes"))
        assert await fork.result() == await run.result() == ["a", "yes", "b"]
        assert sorted(DONE) == ["a", "b"]
        half = next(r.seq for r in rows_of(bench, run, "step.finished"))
        other = await bench.fork(run.run_id, half)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="no"))
        assert (await other.result())[1] == "no"
        assert len(DONE) == 3


@acted
async def test_a_fork_of_a_run_whose_pattern_was_changed_since_records_nothing(
    tmp_path: Path,
) -> None:
    async def before() -> Any:
        return [await call(add, "one"), await question("well?")]

    async def after() -> Any:
        return [await call(add, "two"), await question("well?")]

    async with opened(tmp_path) as bench:
        run = await bench.start(Pattern(before, "changing"))
        await waiting(bench)
        bench.world.patterns["changing"] = Pattern(after, "changing")
        with pytest.raises(Diverged):
            await bench.fork(run.run_id)
        assert _count(bench) == 1
        early = await bench.fork(run.run_id, 1)
        for one in await waiting(bench, 2):
            await bench.answer(one.id, Answer(answer="yes"))
        assert await early.result() == ["two", "yes"]
        run.cancel()
        await run.finished()


@acted
async def test_a_preview_says_what_is_shared_and_what_happened_outside(tmp_path: Path) -> None:
    @pattern
    async def working() -> Any:
        await ask(HAND, task="x")
        await call(add, "before")
        await checkpoint("here")
        await call(add, "after")
        return await question("well?")

    async with opened(tmp_path, in_turn("done"), more=TOOLS, limits={"steps": 50}) as bench:
        run = await bench.start(working)
        (one,) = await waiting(bench)
        told = bench.branches.preview(
            run.run_id, "here", model="playbook:default", options={"seed": 1}
        )
        assert told.shared_turns == 1
        assert (told.tokens, told.cost_usd) == (15, 0.25)
        assert told.changes == "model playbook:default, seed=1"
        assert [o.arguments["arguments"] for o in told.outside_before] == [["before"]]
        assert [o.arguments["arguments"] for o in told.outside_after] == [["after"]]
        assert told.asked_anew == ()
        now = bench.branches.preview(run.run_id)
        assert [(o.effect, o.waits) for o in now.asked_anew] == [("question", "question")]
        assert any("the question that waits: well?" in line for line in now.not_inherited)
        assert any("steps 50" in line for line in now.not_inherited)
        assert _count(bench) == 1
        await bench.answer(one.id, Answer(answer="yes"))
        await run.result()
