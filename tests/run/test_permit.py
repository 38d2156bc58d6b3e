from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.stage import (
    acted,
    calling,
    in_turn,
    opened,
    requests,
    rows_of,
    seen,
    until,
    waiting,
)
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import StepFailed, UnknownName
from workbench.permission.rule import Rule
from workbench.run.run import Run
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import together, use

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


async def _asking_coder(bench: Workbench) -> Run:
    return await bench.start("ask", agent=CODER, inputs={"task": "go"})


# -- the three verdicts --------------------------------------------------------------------------


@acted
async def test_a_safe_call_is_not_asked_about(tmp_path: Path) -> None:
    @pattern
    async def looking() -> str:
        return await use(look, place="here")

    async with opened(tmp_path) as bench:
        run = await bench.start(looking)
        assert await run.result() == "saw here"
        assert rows_of(bench, run, "approval.asked") == []


@acted
async def test_an_approved_call_happens_once_and_its_rows_stand_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        assert DONE == []
        assert (one.kind, one.tool, one.arguments) == (
            "permission",
            "deploy",
            {"place": "moon", "times": 1},
        )
        assert one.id == f"{run.run_id}:deploying/0:tool.deploy/approval#0"
        await bench.answer(one.id, Answer(by="tester"))
        assert await run.result() == "deployed to moon"
        assert DONE == ["moon 1"]
        rows = [row for row in rows_of(bench, run) if row.key]
        assert [row.kind for row in rows] == [
            "approval.asked",
            "approval.answered",
            "step.started",
            "step.finished",
        ]
        assert rows[1].data["by"] == "tester"
        assert rows[1].data["digest"] == rows[0].data["digest"]


@acted
async def test_the_reason_of_a_denial_reaches_the_agent_as_the_tools_result(
    tmp_path: Path,
) -> None:
    wish = calling(("deploy", {"place": "moon"}), text="The moon is best")
    async with opened(tmp_path, in_turn(wish, "I stay")) as bench:
        run = await _asking_coder(bench)
        (one,) = await waiting(bench)
        assert one.why == "The moon is best"
        assert one.agent == "coder"
        await bench.answer(one.id, Answer("deny", reason="the moon is full"))
        assert (await run.result()).text == "I stay"
        heard = requests(bench)[1].entries[-1]
        assert (heard.role, heard.failed) == ("tool", True)
        assert "the moon is full" in heard.text
        assert DONE == []
        outcome = await run.finished()
        assert [d["reason"] for d in outcome.denied] == ["the moon is full"]
        (row,) = rows_of(bench, run, "step.denied")
        assert row.data["error"]["data"]["by"] == "user"


@acted
async def test_a_denied_call_of_a_pattern_is_a_step_failed(tmp_path: Path) -> None:
    async with opened(tmp_path, rules=[{"verdict": "deny", "tool": "deploy"}]) as bench:
        run = await bench.start(deploying, place="moon")
        with pytest.raises(StepFailed) as raised:
            await run.result()
        assert raised.value.error_code == "denied"
        assert bench.waiting == []
        assert DONE == []


@acted
async def test_plan_mode_denies_and_names_itself(tmp_path: Path) -> None:
    async with opened(tmp_path, mode="plan") as bench:
        run = await bench.start(deploying, place="moon")
        with pytest.raises(StepFailed, match="plan mode"):
            await run.result()


# -- editing -------------------------------------------------------------------------------------


@acted
async def test_edited_arguments_are_what_is_performed(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(arguments={"place": "mars"}))
        assert await run.result() == "deployed to mars"
        assert DONE == ["mars 1"]
        (row,) = rows_of(bench, run, "approval.answered")
        assert row.data["arguments"] == {"place": "mars"}
        (started,) = rows_of(bench, run, "step.started")
        assert started.data["arguments"] == {"place": "mars", "times": 1}


@acted
async def test_edited_arguments_are_validated(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(arguments={"plaice": "mars"}))
        with pytest.raises(StepFailed, match="Did you mean 'place'"):
            await run.result()
        assert DONE == []


@acted
async def test_arguments_edited_into_a_denied_path_are_denied(tmp_path: Path) -> None:
    rules = [{"verdict": "deny", "tool": "write_file", "arguments": {"path": "secret/**"}}]
    wish = calling(("write_file", {"path": "notes.txt", "content": "x"}))
    async with opened(tmp_path, in_turn(wish, "ok"), rules=rules) as bench:
        run = await _asking_coder(bench)
        (one,) = await waiting(bench)
        edited = {"path": "secret/key.txt", "content": "x"}
        await bench.answer(one.id, Answer(arguments=edited))
        await run.result()
        (row,) = rows_of(bench, run, "step.denied")
        assert row.data["error"]["data"]["by"].startswith("rule ")
        assert not (tmp_path / "work" / "secret").exists()
        assert not (tmp_path / "work" / "notes.txt").exists()


@acted
async def test_a_grant_given_with_edited_arguments_is_about_the_edited_call(
    tmp_path: Path,
) -> None:
    tools = [deploy, "bash_command"]
    agent = Agent("coder", "task: str -> text: str", tools=tools)
    wish = calling(("bash_command", {"command": "rm -r everything"}))
    async with opened(tmp_path, in_turn(wish, "ok")) as bench:
        run = await bench.start("ask", agent=agent, inputs={"task": "go"})
        (one,) = await waiting(bench)
        harmless = Answer(scope="session", arguments={"command": "true"})
        await bench.answer(one.id, harmless)
        await until(bench, lambda: bench.policy.rules or None)
        assert [rule.argv for rule in bench.policy.rules] == [("true",)]
        run.cancel()
        await run.finished()


# -- scopes of a grant ---------------------------------------------------------------------------


@acted
async def test_a_grant_for_the_run_becomes_a_rule_and_releases_what_waits(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying_to_all, places=["a", "b", "c"])
        other = await bench.start(deploying, place="elsewhere")
        first, *_ = await waiting(bench, 4)
        await bench.answer(first.id, Answer(scope="run", by="tester"))
        assert await run.result() == ["deployed to a", "deployed to b", "deployed to c"]
        assert sorted(DONE) == ["a 1", "b 1", "c 1"]
        (rule,) = bench.policy.rules
        assert (rule.verdict, rule.tool, rule.scope, rule.run_id) == (
            "allow",
            "deploy",
            "run",
            run.run_id,
        )
        (added,) = rows_of(bench, run, "rule.added")
        assert added.data == {"rule": str(rule), "by": "tester"}
        answered = rows_of(bench, run, "approval.answered")
        assert [row.data["by"] for row in answered][1:] == [f"rule {rule.id}"] * 2
        assert [one.run_id for one in bench.waiting] == [other.run_id]


@acted
async def test_two_grants_given_at_once_do_not_trip_over_each_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying_to_all, places=["a", "b"])
        for one in await waiting(bench, 2):
            await bench.answer(one.id, Answer(scope="run"))
        assert await run.result() == ["deployed to a", "deployed to b"]


@acted
async def test_a_grant_for_an_agent_is_none_for_another(tmp_path: Path) -> None:
    other = Agent("intern", "task: str -> text: str", tools=[deploy])

    @pattern
    async def both(agents: list[Agent]) -> list[str]:
        from workbench.workflow.verbs import ask

        return [(await ask(agent, task="go")).text for agent in agents]

    wish = calling(("deploy", {"place": "moon"}))
    async with opened(tmp_path, in_turn(wish, "ok")) as bench:
        run = await bench.start(both, agents=[CODER, other])
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(scope="agent"))
        await seen(bench, "approval.asked")
        (two,) = bench.waiting
        assert two.agent == "intern"
        await bench.answer(two.id, Answer("deny", reason="no"))
        assert await run.result() == ["ok", "ok"]
        assert DONE == ["moon 1"]


@acted
async def test_a_workspace_grant_is_there_when_the_workbench_is_opened_again(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(scope="workspace"))
        await run.result()
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="mars")
        assert await run.result() == "deployed to mars"
        bench.remove_rule(bench.policy.rules[0].id)
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="venus")
        await waiting(bench)
        assert DONE == ["moon 1", "mars 1"]


@acted
async def test_what_a_rule_decided_is_counted_once_for_each_call(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        moon = await bench.start(deploying, place="moon")
        mars = await bench.start(deploying, place="mars")
        await waiting(bench, 2)
        refuses = bench.add_rule(Rule("deny", tool="deploy", arguments={"place": "mars"}))
        allows = bench.add_rule(Rule("allow", tool="deploy"))
        unused = bench.add_rule(Rule("deny", tool="look"))
        assert await moon.result() == "deployed to moon"
        with pytest.raises(StepFailed):
            await mars.result()
        uses = {one.rule.id: one.uses.times for one in bench.in_force}
        assert uses == {refuses.id: 1, allows.id: 1, unused.id: 0}


@acted
async def test_the_row_of_a_rule_taken_back_says_which_one_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        await waiting(bench)
        rule = bench.add_rule(Rule("allow", tool="look"))
        bench.remove_rule(rule.id)
        bench.store.catch_up()
        (row,) = bench.store.rows(run.run_id, kinds={"rule.removed"})
        assert row.data == {"rule": "approve tool=look", "id": rule.id, "by": "user"}
        with pytest.raises(UnknownName):
            bench.remove_rule(rule.id)
