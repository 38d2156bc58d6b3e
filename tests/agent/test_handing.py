"""Agents and patterns as tools: sub-tasks that are handed over."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agent import killed
from tests.run.stage import Said, acted, calling, opened, requests, rows_of
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.errors import InputError, StepFailed
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, use

DONE: list[int] = []


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


@tool(danger="SAFE")
def look(number: int) -> int:
    """Look a number up."""
    DONE.append(number)
    return number + 1


FINDER = Agent("finder", "topic: str -> found: str, sure: bool", tools=[look], max_rounds=3)


@pattern
async def shout(text: str, times: int = 1) -> str:
    """Say it loudly."""
    return text.upper() * times


@pattern
async def judged(judge: Agent, text: str) -> str:
    return (await ask(judge, text=text)).verdict


LEAD = Agent("lead", "task: str -> answer: str", tools=[FINDER, shout])
FOUND = '{"found": "a mine", "sure": true}'


def _by_agent(replies: dict[str, list[Said]]) -> Any:
    def answer(request: ModelRequest) -> Said:
        spoken = sum(entry.role == "assistant" for entry in request.entries)
        own = replies[request.agent]
        return own[min(spoken, len(own) - 1)]

    return answer


@acted
async def test_an_agent_hands_a_sub_task_to_another_and_reads_its_reply(tmp_path: Path) -> None:
    replies: dict[str, list[Said]] = {
        "lead": [calling(("finder", {"topic": "gold"})), "There is a mine"],
        "finder": [calling(("look", {"number": 1})), FOUND],
    }
    async with opened(tmp_path, _by_agent(replies)) as bench:
        run = await bench.start("ask", agent=LEAD, inputs={"task": "go"})
        assert (await run.result()).answer == "There is a mine"
        last = requests(bench)[-1]
        assert (last.entries[-1].name, last.entries[-1].failed) == ("finder", False)
        assert '"found":"a mine"' in last.entries[-1].text
        (spec, _) = last.tools
        assert list(spec.parameters["properties"]) == ["topic"]
        assert DONE == [1]
        scopes = [r.key for r in rows_of(bench, run, "step.started") if r.data["effect"] == "ask"]
        assert len(scopes) == 2
        assert scopes[1].startswith(f"{scopes[0]}/")


@acted
async def test_a_pattern_is_a_tool_with_its_parameters(tmp_path: Path) -> None:
    replies: dict[str, list[Said]] = {
        "lead": [calling(("shout", {"text": "hey", "times": 2})), "done"]
    }
    async with opened(tmp_path, _by_agent(replies)) as bench:
        await bench.ask(LEAD, task="go")
        heard = requests(bench)[-1].entries[-1]
        assert (heard.text, heard.failed) == ("HEYHEY", False)
        spec = requests(bench)[0].tools[1]
        assert (spec.name, spec.description) == ("shout", "Say it loudly.")
        assert spec.parameters["required"] == ["text"]


@pytest.mark.parametrize(
    ("asked", "finder", "told"),
    [
        ({"topik": "gold"}, [FOUND], "Did you mean 'topic'"),
        ({"topic": "gold"}, ["no", "no"], "must be a JSON object"),
        ({"topic": "gold"}, [calling(("look", {"number": 1}))], "used all its 3 rounds"),
    ],
)
def test_a_sub_task_that_fails_is_told_to_the_model_that_handed_it_over(
    tmp_path: Path, asked: dict[str, Any], finder: list[Said], told: str
) -> None:
    @acted
    async def fails() -> None:
        replies = {"lead": [calling(("finder", asked)), "I give up"], "finder": finder}
        async with opened(tmp_path, _by_agent(replies)) as bench:
            assert (await bench.ask(LEAD, task="go")).answer == "I give up"
            heard = requests(bench)[-1].entries[-1]
            assert heard.failed
            assert told in heard.text

    fails()


@acted
async def test_agents_that_hand_over_to_one_another_for_ever_end_at_the_depth(
    tmp_path: Path,
) -> None:
    ping = Agent("ping", "task: str -> answer: str", tools=["pong"])
    pong = Agent("pong", "task: str -> answer: str", tools=["ping"])

    def answer(request: ModelRequest) -> Said:
        return calling(("pong" if request.agent == "ping" else "ping", {"task": "you"}))

    async with opened(tmp_path, answer) as bench:
        bench.world.agents.update(ping=ping, pong=pong)
        with pytest.raises(StepFailed, match="depth") as raised:
            await bench.ask(ping, task="go")
        assert raised.value.error_code == "limit"


@pytest.mark.parametrize("point", ["below", "row:6", "row:10"])
def test_a_run_killed_inside_a_sub_agent_goes_on_there_and_repeats_nothing(
    tmp_path: Path, point: str
) -> None:
    code = f"from tests.agent.killed import run; run({str(tmp_path)!r}, {point!r}, 'handing')"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(killed.__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()

    @acted
    async def resumed() -> None:
        async with opened(tmp_path, killed.handed()) as bench:
            run = await bench.resume(killed.RUN, what=killed.handing)
            assert await run.result() == "it is written"
            keys = [row.key for row in rows_of(bench, run, "step.finished")]
            assert len(keys) == len(set(keys))
            if point == "below":
                assert [request.agent for request in requests(bench)] == ["mason", "lead"]

    resumed()
    assert killed.lines(tmp_path) == ["one"]


def test_an_agent_with_agents_is_written_and_read_back_whole() -> None:
    again = Agent.from_definition(LEAD.definition())
    (finder, name) = again.tools
    assert name == "shout"
    assert not isinstance(finder, str)
    assert finder.scope.definition() == FINDER.definition()
    assert again.definition() == LEAD.definition()


def test_what_no_model_could_call_is_refused() -> None:
    with pytest.raises(InputError, match="by names of") as raised:
        Agent("lead", "a: str -> b: str", tools=[Agent("the finder", "a: str -> b: str")])
    assert "the_finder" in raised.value.hint
    with pytest.raises(InputError, match="wants agents \\('judge'\\)"):
        Agent("lead", "a: str -> b: str", tools=[judged])


@acted
async def test_a_workflow_that_uses_an_agent_as_a_tool_is_told_to_ask_it(tmp_path: Path) -> None:
    @pattern
    async def wrong() -> Any:
        return await use("finder", topic="gold")

    async with opened(tmp_path, _by_agent({})) as bench:
        bench.world.agents["finder"] = FINDER
        run = await bench.start(wrong)
        with pytest.raises(StepFailed, match=r"is an agent or a pattern"):
            await run.result()
