from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import Ledger, acted, calling, in_turn, opened, requests, rows_of
from workbench.agent.agent import Agent
from workbench.agent.conversation import Entry, ModelReply, Usage
from workbench.agent.tool import tool
from workbench.agent.turn import text_of
from workbench.bench import Workbench
from workbench.errors import StepFailed

DONE = Ledger()


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


@tool(danger="SAFE")
def double(number: int) -> int:
    """Double a number."""
    DONE.append(str(number))
    return 2 * number


@tool(danger="SAFE")
def fragile(number: int) -> int:
    """Break."""
    raise ZeroDivisionError(f"cannot take {number}")


SOLVER = Agent("solver", "task: str -> answer: int, why: str", tools=[double, fragile])
GOOD = '{"answer": 4, "why": "because"}'


def _heard(bench: Workbench, number: int = -1) -> Entry:
    return requests(bench)[number].entries[-1]


@acted
async def test_an_answer_is_typed_by_the_signature(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(GOOD)) as bench:
        reply = await bench.ask(SOLVER, task="go")
        assert (reply.answer, reply.why) == (4, "because")
        (request,) = requests(bench)
        assert request.agent == "solver"
        assert request.inputs == {"task": "go"}
        assert [spec.name for spec in request.tools] == ["double", "fragile"]
        assert request.schema is not None


@acted
async def test_inputs_that_do_not_fit_never_reach_the_model(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(GOOD)) as bench:
        with pytest.raises(StepFailed, match="task") as raised:
            await bench.ask(SOLVER, tsk="go")
        assert raised.value.error_code == "input"
        assert requests(bench) == []


@acted
async def test_a_tools_result_is_told_to_the_model(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(calling(("double", {"number": 2})), GOOD)) as bench:
        assert (await bench.ask(SOLVER, task="go")).answer == 4
        heard = _heard(bench)
        assert (heard.role, heard.name, heard.text, heard.failed) == ("tool", "double", "4", False)
        call = requests(bench)[1].entries[-2].calls[0]
        assert heard.call_id == call.id != ""


@acted
async def test_an_unknown_tool_is_told_to_the_model_with_the_nearest(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(calling(("duoble", {"number": 2})), GOOD)) as bench:
        assert (await bench.ask(SOLVER, task="go")).answer == 4
        assert _heard(bench).failed
        assert "no tool 'duoble'. Did you mean 'double'?" in _heard(bench).text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"numbr": 2}, "Did you mean 'number'"),
        ({"number": "two"}, "'number'"),
        ({}, "'number'"),
    ],
)
def test_wrong_arguments_are_told_to_the_model_and_nothing_happens(
    tmp_path: Path, arguments: dict[str, Any], told: str
) -> None:
    @acted
    async def wrong() -> None:
        async with opened(tmp_path, in_turn(calling(("double", arguments)), GOOD)) as bench:
            assert (await bench.ask(SOLVER, task="go")).answer == 4
            assert _heard(bench).failed
            assert told in _heard(bench).text
            assert DONE == []

    wrong()


@acted
async def test_a_tool_that_breaks_is_told_to_the_model(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(calling(("fragile", {"number": 2})), GOOD)) as bench:
        assert (await bench.ask(SOLVER, task="go")).answer == 4
        assert _heard(bench).failed
        assert "cannot take 2" in _heard(bench).text


@acted
async def test_calls_that_are_made_together_keep_their_order(tmp_path: Path) -> None:
    wish = calling(
        ("double", {"number": 3}), ("nothing", {}), ("double", {"number": 1}), text="Let me see"
    )
    async with opened(tmp_path, in_turn(wish, GOOD)) as bench:
        await bench.ask(SOLVER, task="go")
        told = [entry for entry in requests(bench)[1].entries if entry.role == "tool"]
        assert [entry.text for entry in told][::2] == ["6", "2"]
        assert told[1].failed
        said = next(e for e in requests(bench)[1].entries if e.role == "assistant")
        assert said.text == "Let me see"
        assert [call.id for call in said.calls] == [entry.call_id for entry in told]


@acted
async def test_a_reply_that_does_not_fit_goes_back_once(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn('{"answer": "four"}', GOOD)) as bench:
        assert (await bench.ask(SOLVER, task="go")).answer == 4
        assert _heard(bench).role == "user"
        assert "Your reply could not be used" in _heard(bench).text
        assert len(requests(bench)) == 2


@acted
async def test_a_second_reply_that_does_not_fit_is_a_typed_failure_that_carries_it(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, in_turn("no", "still no")) as bench:
        with pytest.raises(StepFailed) as raised:
            await bench.ask(SOLVER, task="go")
        assert raised.value.error_code == "reply"
        assert raised.value.type_name == "ReplyError"
        assert "still no" in str(raised.value.data)
        assert len(requests(bench)) == 2


@acted
async def test_an_agent_that_never_answers_stops_at_its_rounds(tmp_path: Path) -> None:
    agent = Agent("looper", "task: str -> text: str", tools=[double], max_rounds=3)
    async with opened(tmp_path, in_turn(calling(("double", {"number": 1})))) as bench:
        with pytest.raises(StepFailed, match="used all its 3 rounds") as raised:
            await bench.ask(agent, task="go")
        assert raised.value.error_code == "limit"
        assert raised.value.data["limit"] == "rounds"
        assert len(requests(bench)) == 3
        assert DONE == ["1"] * 3


@acted
async def test_a_reply_that_was_cut_off_is_an_error_and_no_tool_is_run_from_it(
    tmp_path: Path,
) -> None:
    whole = calling(("double", {"number": 1}), text="half a th")
    cut = ModelReply(whole.text, whole.calls, Usage(1, 1, 0.0), "scripted", "length")
    async with opened(tmp_path, in_turn(cut)) as bench:
        with pytest.raises(StepFailed, match="cut off at its token limit") as raised:
            await bench.ask(SOLVER, task="go")
        assert raised.value.error_code == "model"
        assert raised.value.data["text"] == "half a th"
        assert DONE == []


@acted
async def test_a_chain_reasons_and_returns_only_what_the_signature_names(tmp_path: Path) -> None:
    agent = Agent("thinker", "task: str -> answer: int", style="chain")
    said = '{"reasoning": "step by step", "answer": 4}'
    async with opened(tmp_path, in_turn(said)) as bench:
        reply = await bench.ask(agent, task="go")
        assert dict(reply) == {"answer": 4}
        schema = requests(bench)[0].schema
        assert schema is not None
        assert list(schema["properties"]) == ["reasoning", "answer"]


@acted
async def test_a_long_turn_costs_the_log_what_was_newly_said(tmp_path: Path) -> None:
    long = "x" * 5000

    @tool(danger="SAFE")
    def read(page: int) -> str:
        """Read a page."""
        return f"{page} {long}"

    agent = Agent("reader", "task: str -> text: str", tools=[read], max_rounds=20)
    pages = [calling(("read", {"page": number})) for number in range(10)]
    async with opened(tmp_path, in_turn(*pages, "done")) as bench:
        run = await bench.start("ask", agent=agent, inputs={"task": "go"})
        await run.result()
        sizes = [len(str(row.data)) for row in rows_of(bench, run)]
        assert sum(sizes) < 12.5 * len(long)


@acted
async def test_an_agents_options_and_model_reach_the_request(tmp_path: Path) -> None:
    agent = Agent("w", "task: str -> text: str", model="playbook:own", options={"temperature": 0})
    async with opened(tmp_path, in_turn("x")) as bench:
        await bench.ask(agent, task="go")
        (request,) = requests(bench)
        assert request.model == "playbook:own"
        assert request.options == {"temperature": 0}


@acted
async def test_the_prompt_is_recorded_once_and_every_request_names_it(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn(calling(("double", {"number": 2})), GOOD)) as bench:
        run = await bench.start("ask", agent=SOLVER, inputs={"task": "go"})
        await run.result()
        started = [r for r in rows_of(bench, run, "step.started") if r.data["effect"] == "model"]
        (name,) = {row.data["prompt"] for row in started}
        (prompt,) = [
            row.data["value"]
            for row in rows_of(bench, run, "value.defined")
            if row.data["digest"] == name
        ]
        assert prompt["system"] == requests(bench)[0].system
        assert [spec["name"] for spec in prompt["tools"]] == ["double", "fragile"]


def test_a_result_is_text_as_it_is_or_json() -> None:
    assert text_of("as it is") == "as it is"
    assert text_of({"b": [1, None], "a": 2}) == '{"a":2,"b":[1,null]}'
