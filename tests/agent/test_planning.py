"""Agents that plan, on real tools and files: what is not shown to be done is not done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.planned import item, plan_of, playing, role_of, verdict
from tests.pictures import png
from tests.run.stage import Answering, acted, calling, opened, requests, rows_of, waiting
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelReply, ModelRequest, Usage
from workbench.agent.files import load_agent
from workbench.agent.plan import JUDGE, Check
from workbench.bench import Workbench
from workbench.errors import ConfigError, InputError, StepFailed, WorkbenchError
from workbench.run.one import ask_one
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask

COMMANDS = [["true"], ["grep", "-q", "hello", "note.txt"]]
ALLOWED = {
    "rules": [
        {"verdict": "allow", "tool": "write_file"},
        *({"verdict": "allow", "tool": "bash_command", "argv": argv} for argv in COMMANDS),
    ]
}
NOTE = item("note", tools=["write_file"], check={"file": "note.txt", "contains": "hello"})
TOOLS = ["write_file", "read_file", "bash_command", "file_exists"]


def mason(style: Any = "plan", **planning: Any) -> Agent:
    return Agent("mason", "task: str -> answer: str", tools=TOOLS, style=style, planning=planning)


def writes(path: str, content: str = "hello") -> Any:
    """A worker that writes a file once, then says so."""

    def answer(request: ModelRequest) -> Any:
        if request.entries[-1].role == "tool":
            return "written"
        return calling(("write_file", {"path": path, "content": content}))

    return answer


def asked_as(bench: Workbench, role: str) -> list[ModelRequest]:
    return [request for request in requests(bench) if role_of(request) == role]


@acted
async def test_a_plan_is_carried_out_with_real_tools(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(NOTE), worker=writes("note.txt"))
    async with opened(tmp_path, answer, more=None, **ALLOWED) as bench:
        reply = await bench.ask(mason(), task="leave a note")
        assert reply.answer == "all is done"
        assert (tmp_path / "work" / "note.txt").read_text() == "hello"
        (told,) = asked_as(bench, "answer")
        assert told.inputs == {"task": "leave a note", "results": {"note": "written"}}
        assert not asked_as(bench, "judge")


@acted
async def test_an_item_that_did_nothing_is_never_completed(tmp_path: Path) -> None:
    # The original marked it completed, with the text "Executed: …".
    quiet = item("note", tools=["write_file"])
    answer = playing(planner=plan_of(quiet), worker="Executed: note. Everything is written.")
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        with pytest.raises(StepFailed, match="had to call write_file") as raised:
            await bench.ask(mason(rounds=2), task="leave a note")
        assert raised.value.error_code == "unverified"
        assert raised.value.data["reasons"][0]["id"] == "note"
        assert len(asked_as(bench, "planner")) == 2
        assert not asked_as(bench, "answer")
        assert not asked_as(bench, "judge")  # nobody is asked to believe it


@acted
async def test_an_item_whose_calls_all_failed_did_nothing(tmp_path: Path) -> None:
    def worker(request: ModelRequest) -> Any:
        if request.entries[-1].role == "tool":
            return "read it"
        return calling(("read_file", {"path": "nowhere.txt"}))

    answer = playing(planner=plan_of(item("look", tools=["read_file"])), worker=worker)
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        with pytest.raises(StepFailed, match="no such call succeeded"):
            await bench.ask(mason(rounds=1), task="look")


@acted
async def test_an_item_that_returned_nothing_is_not_done(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(item("think")), worker="  ")
    async with opened(tmp_path, answer) as bench:
        with pytest.raises(StepFailed, match="empty reply"):
            await bench.ask(mason(rounds=1), task="think")


@acted
async def test_a_plan_whose_item_fails_is_replanned_with_the_reason(tmp_path: Path) -> None:
    better = item("again", tools=["write_file"], check={"file": "note.txt", "contains": "hello"})

    def worker(request: ModelRequest) -> Any:
        if request.inputs["item"] == "do note":
            return writes("note.txt", "goodbye")(request)
        return writes("note.txt")(request)

    first = plan_of(item("think"), {**NOTE, "depends_on": ["think"]})
    answer = playing(planner=[first, plan_of(better)], worker=worker)
    answer_thinking = playing(planner="", worker="thought")

    def both(request: ModelRequest) -> Any:
        is_thinking = request.inputs.get("item") == "do think"
        return answer_thinking(request) if is_thinking else answer(request)

    async with opened(tmp_path, both, **ALLOWED) as bench:
        reply = await bench.ask(mason(), task="leave a note")
        assert reply.answer == "all is done"
        again = asked_as(bench, "planner")[1].inputs
        assert again["done"] == [{"id": "think", "do": "do think", "result": "thought"}]
        (failed,) = again["failed"]
        assert failed["id"] == "note"
        assert failed["why"] == ["file 'note.txt' does not contain 'hello'"]


@acted
async def test_a_judge_that_answers_garbage_does_not_pass(tmp_path: Path) -> None:
    # The original reported a failed parse as passed, with the result "Execution completed".
    for style, plan in (("plan", item("think")), ("verify", NOTE)):
        answer = playing(
            planner=plan_of(plan),
            worker="thought" if style == "plan" else writes("note.txt"),
            judge="I am quite sure that this is fine: passed!",
        )
        folder = tmp_path / style
        folder.mkdir()
        planning: Any = {"checks": ["the note is kind"]} if style == "verify" else {}
        async with opened(folder, answer, **ALLOWED) as bench:
            with pytest.raises(StepFailed) as raised:
                await bench.ask(mason(style, rounds=1, **planning), task="leave a note")
            assert raised.value.error_code == "unverified"
            assert "JSON" in str(raised.value)
            assert len(asked_as(bench, "judge")) == 2  # one repair round, and no more


@acted
async def test_a_judge_hears_what_was_really_done_and_its_reasons_reach_the_planner(
    tmp_path: Path,
) -> None:
    note = item("note", tools=["write_file"])
    answer = playing(
        planner=[plan_of(note), plan_of({**note, "id": "kinder"})],
        worker=writes("note.txt"),
        judge=[verdict(False, "it is not kind"), verdict(True)],
    )
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        assert (await bench.ask(mason(), task="leave a note")).answer == "all is done"
        first = asked_as(bench, "judge")[0].inputs
        assert first["criteria"] == ["note is done"]
        assert "write_file" in first["evidence"][0]
        assert "note.txt" in first["evidence"][0]
        (failed,) = asked_as(bench, "planner")[1].inputs["failed"]
        assert failed["why"] == ["it is not kind"]
        assert failed["result"] == "written"


@acted
async def test_verification_by_a_failing_command_refuses_until_it_succeeds(tmp_path: Path) -> None:
    fix = item("fix", tools=["write_file"], check={"file": "note.txt"})

    def worker(request: ModelRequest) -> Any:
        text = "bye" if request.inputs["item"] == "do note" else "hello"
        return writes("note.txt", text)(request)

    note = item("note", tools=["write_file"], check={"file": "note.txt"})
    answer = playing(planner=[plan_of(note), plan_of(fix)], worker=worker)
    checks = [{"command": "grep -q hello note.txt"}]
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        reply = await bench.ask(mason("verify", checks=checks), task="leave a note")
        assert reply.answer == "all is done"
        (failed,) = asked_as(bench, "planner")[1].inputs["failed"]
        assert failed["id"] == "the answer"
        assert failed["why"][0].startswith("command 'grep -q hello note.txt' ended with 1")


@acted
async def test_at_its_limit_verification_ends_as_a_failure_with_the_last_result(
    tmp_path: Path,
) -> None:
    plans = [plan_of(item(f"think{n}")) for n in range(3)]
    answer = playing(planner=plans, worker="thought", answer="perfect!")
    checks = [{"file": "result.txt", "contains": "x"}, {"command": "true"}]
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        with pytest.raises(StepFailed, match="not done after 2 plans") as raised:
            await bench.ask(mason("verify", rounds=2, checks=checks), task="think")
        assert raised.value.error_code == "unverified"
        assert raised.value.data["result"] == {"answer": "perfect!"}
        assert raised.value.data["reasons"][0]["why"] == ["file 'result.txt' is not there"]
        assert len(asked_as(bench, "answer")) == 2


@acted
async def test_a_check_whose_command_is_denied_does_not_hold(tmp_path: Path) -> None:
    rules = [{"verdict": "deny", "tool": "bash_command"}]
    answer = playing(planner=plan_of(item("think")), worker="thought")
    async with opened(tmp_path, answer, rules=rules) as bench:
        with pytest.raises(StepFailed, match="could not be checked: denied"):
            await bench.ask(mason("verify", rounds=1, checks=[{"command": "true"}]), task="t")


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([], "the plan has no item"),
        ([item("a", depends_on=["b"]), item("b", depends_on=["a"])], "circle: a → b → a"),
        ([item("a"), item("a")], "item 'a' stands twice"),
        ([item("a", depends_on=["c"])], "item 'a' depends on 'c'"),
        ([item(str(n)) for n in range(4)], "4 items, and 3 is the most"),
        ([item("a", criterion=" ")], "item 'a' says no 'criterion'"),
        ([item("a", check={"command": "true"})], "the agent has no bash_command"),
        ([item("a", check={})], "item 'a' has a check that does not name"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_that_is_none_is_repaired_once_and_then_fails(
    tmp_path: Path, items: list[dict[str, Any]], problem: str
) -> None:
    agent = Agent("mason", "task: str -> answer: str", style="plan", planning={"items": 3})

    async def act() -> None:
        good = playing(planner=[plan_of(*items), plan_of(item("a"))], worker="thought")
        async with opened(tmp_path, good) as bench:
            assert (await bench.ask(agent, task="t")).answer == "all is done"
            assert problem in asked_as(bench, "planner")[1].entries[-1].text
        async with opened(tmp_path, playing(planner=plan_of(*items), worker="thought")) as bench:
            with pytest.raises(StepFailed) as raised:
                await bench.ask(agent, task="t")
            assert raised.value.error_code == "reply"
            assert problem in str(raised.value)
            assert not asked_as(bench, "worker")

    acted(act)()


@acted
async def test_items_wait_for_what_they_depend_on_and_hear_what_came_of_it(tmp_path: Path) -> None:
    items = [item("last", depends_on=["one", "two"]), item("one"), item("two")]

    def worker(request: ModelRequest) -> str:
        return f"result of {request.inputs['item']}"

    async with opened(tmp_path, playing(planner=plan_of(*items), worker=worker)) as bench:
        await bench.ask(mason(), task="t")
        told = {r.inputs["item"]: r.inputs["results"] for r in asked_as(bench, "worker")}
        assert told == {
            "do one": {},
            "do two": {},
            "do last": {"one": "result of do one", "two": "result of do two"},
        }
        assert next(reversed(told)) == "do last"


# -- a person ----------------------------------------------------------------------------------


async def _reviewed(bench: Workbench, *answers: Answer) -> Any:
    """Ask, and answer the review of each plan."""
    run = await bench.start(asks_mason)
    for answer in answers:
        (one,) = await waiting(bench)
        assert one.kind == "plan"
        await bench.answer(one.id, answer)
    return await run.result()


@pattern
async def asks_mason() -> str:
    return (await ask(mason(approve="ask"), task="leave a note")).answer


@acted
async def test_the_plan_waits_for_a_person_and_runs_once_it_is_accepted(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(NOTE), worker=writes("note.txt"))
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        assert await _reviewed(bench, Answer(answer="accept")) == "all is done"
        (asked,) = rows_of(bench, next(iter(bench.runs)), "question.asked")
        assert asked.data["asked_as"] == "plan"
        assert asked.data["arguments"] == {"items": [NOTE], "tools": TOOLS, "done": []}


@acted
async def test_a_refused_plan_runs_nothing(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(NOTE), worker=writes("note.txt"))
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        with pytest.raises(StepFailed, match=r"refused by user: not today") as raised:
            await _reviewed(bench, Answer(answer="refuse", reason="not today"))
        assert raised.value.error_code == "denied"
        assert not asked_as(bench, "worker")
        assert not (tmp_path / "work" / "note.txt").exists()


@pytest.mark.parametrize("verdict", ["allow", "deny"])
def test_a_rule_about_plans_answers_before_anybody_is_asked(tmp_path: Path, verdict: str) -> None:
    async def act() -> None:
        answer = playing(planner=plan_of(item("think")), worker="thought")
        rules = [{"verdict": verdict, "tool": "plan"}]
        async with opened(tmp_path, answer, rules=rules) as bench:
            run = await bench.start(asks_mason)
            ended = await run.finished()
            assert ended.outcome == ("returned" if verdict == "allow" else "failed")
            assert len(asked_as(bench, "worker")) == (1 if verdict == "allow" else 0)
            (row,) = rows_of(bench, run, "question.answered")
            assert row.data["by"].startswith("rule ")

    acted(act)()


@acted
async def test_an_edited_plan_is_what_runs_and_what_is_recorded(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(NOTE), worker=lambda r: f"did: {r.inputs['item']}")
    async with opened(tmp_path, answer, **ALLOWED) as bench:
        run = await bench.start(asks_mason)
        (one,) = await waiting(bench)
        wrongs: list[tuple[dict[str, Any], str]] = [
            ({"items": []}, "no item"),
            ({"items": [item("a", depends_on=["z"])]}, "item 'a' depends on 'z'"),
            ({"itmes": []}, "an edited plan is"),
            ({"items": [7]}, "item 1"),
        ]
        for wrong, problem in wrongs:
            with pytest.raises(WorkbenchError, match=problem):
                await bench.answer(one.id, Answer(answer="accept", arguments=wrong))
        edited = Answer(answer="accept", arguments={"items": [item("think"), item("rest")]})
        await bench.answer(one.id, edited)
        assert await run.result() == "all is done"
        assert [r.inputs["item"] for r in asked_as(bench, "worker")] == ["do think", "do rest"]
        (row,) = [r for r in rows_of(bench, run, "step.finished") if r.data["effect"] == "review"]
        assert row.data["result"] == {"items": [item("think"), item("rest")], "edited": True}


@acted
async def test_a_fork_runs_the_plan_that_somebody_wrote_into_it(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(item("think")), worker=lambda r: f"did {r.inputs['item']}")
    async with opened(tmp_path, answer) as bench:
        agent = mason()
        first = await bench.start(ask_one, {"agent": agent, "inputs": {"task": "t"}})
        await first.result()
        (planned,) = [
            row
            for row in rows_of(bench, first, "step.finished")
            if row.data["effect"] == "model" and "follow.plan" in row.key
        ]
        again = {"items": [item("other"), item("more")]}
        fork = await bench.fork(first.run_id, planned.seq, reply=again)
        await fork.result()
        workers = asked_as(bench, "worker")
        assert [one.inputs["item"] for one in workers] == ["do think", "do other", "do more"]


# -- limits and settings -----------------------------------------------------------------------


def never_deep_enough() -> Answering:
    """Each round takes 3,000 tokens, and the judge is never content."""

    def spending(said: str) -> ModelReply:
        return ModelReply(said, usage=Usage(900, 100, 0.0), model="scripted")

    plans = iter([plan_of(item(f"think{n}")) for n in range(9)])
    return playing(
        planner=lambda _: spending(next(plans)),
        worker=lambda _: spending("thought"),
        judge=lambda _: spending(verdict(False, "not deep enough")),
    )


@acted
async def test_no_new_plan_is_begun_that_the_budget_cannot_pay(tmp_path: Path) -> None:
    async with opened(tmp_path, never_deep_enough()) as bench:
        bench.budgets.on_limit = "ask"
        given = {"agent": mason(rounds=9), "inputs": {"task": "t"}}
        run = await bench.start(ask_one, given, limits={"tokens": 8_000})
        (one,) = await waiting(bench)
        assert one.kind == "budget"
        assert one.key.endswith(":afford.plan")
        assert len(asked_as(bench, "planner")) == 2
        assert asked_as(bench, "planner")[1].inputs["left"] == {"tokens": 5_000}
        await bench.answer(one.id, Answer(answer="stop"))
        with pytest.raises(WorkbenchError):
            await run.result()
        assert len(asked_as(bench, "planner")) == 2


@acted
async def test_an_agent_s_own_budget_ends_its_turn_with_what_it_has(tmp_path: Path) -> None:
    limits = {"agent": {"mason": {"tokens": 8_000}}}
    async with opened(tmp_path, never_deep_enough(), limits=limits) as bench:
        bench.budgets.on_limit = "stop"
        with pytest.raises(StepFailed, match="stops before plan 3") as raised:
            await bench.ask(mason(rounds=9), task="t")
        assert raised.value.error_code == "limit"
        assert raised.value.data["reasons"][0]["why"] == ["not deep enough"]
        assert len(asked_as(bench, "planner")) == 2


@pytest.mark.parametrize(
    ("planning", "workers", "at_once"),
    [({}, 3, 3), ({"at_once": 1}, 3, 1), ({"at_once": 2}, 3, 2)],
    ids=str,
)
def test_at_once_says_how_many_items_run_together(
    tmp_path: Path, planning: dict[str, Any], workers: int, at_once: int
) -> None:
    running, most = 0, 0

    async def worker(_request: ModelRequest) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running -= 1
        return "thought"

    async def act() -> None:
        items = [item("a"), item("b"), item("c")]
        async with opened(tmp_path, playing(planner=plan_of(*items), worker=worker)) as bench:
            await bench.ask(mason(**planning), task="t")
            assert len(asked_as(bench, "worker")) == workers
            assert most == at_once

    acted(act)()


@acted
async def test_a_judge_of_its_own_judges_instead_of_the_agent(tmp_path: Path) -> None:
    answer = playing(planner=plan_of(item("think")), worker="thought", judge=verdict(True))
    async with opened(tmp_path, answer) as bench:
        bench.world.agents["strict"] = Agent("strict", JUDGE)
        await bench.ask(mason(judge="strict"), task="t")
        assert [request.agent for request in asked_as(bench, "judge")] == ["strict"]
        with pytest.raises(StepFailed, match="no agent 'strct'"):
            await bench.ask(mason(judge="strct", rounds=1), task="t")


def test_an_agent_that_plans_is_the_same_read_back() -> None:
    agent = mason("verify", checks=["kind", {"command": "true"}], approve="ask", rounds=5)
    assert Agent.from_definition(agent.definition()) == agent
    assert "planning" not in Agent("a", "x: str -> y: str").definition()


@pytest.mark.parametrize(
    ("style", "planning", "problem"),
    [
        ("plan", {"aprove": "ask"}, "no 'aprove'|'aprove'"),
        ("plan", {"rounds": 0}, "'rounds' is from 1"),
        ("plan", {"rounds": "two"}, "'rounds'"),
        ("plan", {"checks": ["x"]}, "style 'plan' verifies no checks"),
        ("verify", {}, "needs checks"),
        ("verify", {"checks": [{"command": "x", "file": "y"}]}, "either a command or a file"),
        ("verify", {"checks": [" "]}, "says nothing"),
        ("auto", {"rounds": 2}, "makes no plan"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(
    style: Any, planning: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        mason(style, **planning)


def test_an_agent_that_plans_is_written_in_a_file_with_complaints_by_line() -> None:
    text = """
name = "mason"
signature = "task: str -> answer: str"
style = "verify"

[planning]
approve = "ask"
checks = [{ command = "make test" }, "it is polite"]
"""
    found = load_agent(text, ".toml", "mason.toml")
    assert found.planning.checks == (Check(command="make test"), "it is polite")
    with pytest.raises(ConfigError, match=r"mason\.toml.*planning.*'rouns'|rouns") as raised:
        load_agent(text + "rouns = 2\n", ".toml", "mason.toml")
    assert "rounds" in str(raised.value)


def test_the_name_that_the_last_turn_needs_is_kept_free() -> None:
    with pytest.raises(InputError, match="'results'"):
        Agent("mason", "results: str -> answer: str", style="plan")


@acted
async def test_a_picture_is_seen_by_who_plans_works_and_answers(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "shelf.png").write_bytes(png())
    agent = Agent("mason", "photo: Image, task: str -> answer: str", style="plan")
    async with opened(tmp_path, playing(planner=plan_of(item("look")), worker="a shelf")) as bench:
        await bench.ask(agent, photo="@shelf.png", task="what is this?")
        seen = [role_of(r) for r in requests(bench) if "photo" in r.inputs]
        assert seen == ["planner", "worker", "answer"]
    with pytest.raises(InputError, match="'task'"):
        Agent("mason", "task: Image -> answer: str", style="plan")


@acted
async def test_without_any_model_it_runs_on_the_playbook(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        assert (await bench.ask(mason(), task="t")).answer


def test_the_items_are_rows_that_a_reader_understands(tmp_path: Path) -> None:
    async def act() -> None:
        answer = playing(planner=plan_of(item("dig"), item("build")), worker="done so")
        async with opened(tmp_path, answer) as bench:
            run = await bench.start(ask_one, {"agent": mason(), "inputs": {"task": "t"}})
            await run.result()
            scopes = [row for row in rows_of(bench, run, "step.started") if "scope" in row.data]
            names = [f"{row.data['effect']} {row.data['name']}" for row in scopes]
            plan = ["follow plan", "follow item dig", "follow item build", "follow answer"]
            assert names == ["ask mason", *plan]

    acted(act)()


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_any_plan_is_carried_out_in_the_order_of_its_dependencies_each_item_once(
    data: st.DataObject,
) -> None:
    count = data.draw(st.integers(1, 9))
    names = data.draw(st.permutations([f"i{n}" for n in range(count)]))
    needs = {
        name: data.draw(st.lists(st.sampled_from(names[:place]), unique=True)) if place else []
        for place, name in enumerate(names)
    }
    order = data.draw(st.permutations(names))
    items = [item(name, depends_on=needs[name]) for name in order]
    at_once = data.draw(st.integers(1, 4))
    begun: list[str] = []
    ended: list[str] = []

    async def worker(request: ModelRequest) -> str:
        name = request.inputs["item"].removeprefix("do ")
        assert set(needs[name]) <= set(ended)
        begun.append(name)
        await asyncio.sleep(0)
        ended.append(name)
        return "done so"

    async def act() -> None:
        with TemporaryDirectory() as folder:
            answer = playing(planner=plan_of(*items), worker=worker)
            async with opened(Path(folder), answer) as bench:
                await bench.ask(mason(at_once=at_once), task="t")

    acted(act)()
    assert sorted(begun) == sorted(names)
