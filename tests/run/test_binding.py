"""An approval is for one thing, in one place, under one policy: anything else is asked anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.run.stage import acted, opened, rows_of, until, waiting
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import ApprovalStale, StepFailed
from workbench.permission.bound import Bound
from workbench.permission.rule import Rule
from workbench.run.run import Run
from workbench.run.waiting import Answer, Waiting
from workbench.tools.sandbox.report import SandboxReport
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import together, use

DONE: list[str] = []


@tool(danger="MEDIUM")
def deploy(place: str) -> str:
    """Deploy to a place."""
    DONE.append(place)
    return place


@pytest.fixture(autouse=True)
def _nothing_done() -> None:  # pyright: ignore[reportUnusedFunction] - pytest uses it
    DONE.clear()


@pattern
async def deploying(place: str) -> str:
    return await use(deploy, place=place)


@pattern
async def deploying_by_name(place: str) -> str:
    return await use("deploy", place=place)


@pattern
async def deploying_to_all(places: list[str]) -> list[str]:
    return await together(use(deploy, place=place) for place in places)


async def _folder(_bench: Workbench, folder: Path) -> None:
    (folder / "work").rename(folder / "old")
    (folder / "work").mkdir()


async def _linked_folder(_bench: Workbench, folder: Path) -> None:
    (folder / "work").rename(folder / "old")
    (folder / "elsewhere").mkdir()
    (folder / "work").symlink_to(folder / "elsewhere")


async def _no_folder(_bench: Workbench, folder: Path) -> None:
    (folder / "work").rmdir()


async def _sandbox(bench: Workbench, _folder: Path) -> None:
    tools = cast("Any", bench.world.toolbox)
    tools._place = replace(tools._place, sandbox=SandboxReport("reduced", "landlock"))


async def _schema(bench: Workbench, _folder: Path) -> None:
    known = bench.world.tools["deploy"]
    bench.world.tools["deploy"] = replace(known, description="Deploy, and tell everybody.")


CHANGES = [
    (_folder, "the working directory"),
    (_linked_folder, "the working directory"),
    (_no_folder, "the working directory"),
    (_sandbox, "the sandbox"),
    (_schema, "the tool's schema"),
]


@pytest.mark.parametrize(("change", "word"), CHANGES)
@acted
async def test_what_changed_between_question_and_act_is_not_done_and_asked_anew(
    tmp_path: Path, change: Callable[[Workbench, Path], Awaitable[None]], word: str
) -> None:
    async with opened(tmp_path, more={"tools": (deploy,)}) as bench:
        run = await bench.start(deploying_by_name, place="moon")
        (one,) = await waiting(bench)
        await change(bench, tmp_path)
        await bench.answer(one.id, Answer())
        (again,) = await _another(bench, one)
        assert DONE == []
        assert f"asked again because {word} changed since it was asked" in again.rule
        assert again.id.endswith("/approval#1")
        (gone,) = rows_of(bench, run, "approval.withdrawn")
        assert gone.data == {"id": one.id, "reason": f"{word} changed since it was asked"}
        assert rows_of(bench, run, "step.started") == []
        await bench.answer(again.id, Answer())
        await run.result()
        assert DONE == ["moon"]


async def _another(bench: Workbench, before: Waiting) -> list[Waiting]:
    def found() -> list[Waiting] | None:
        return [one for one in bench.waiting if one.id != before.id] or None

    return await until(bench, found)


@acted
async def test_a_question_is_asked_anew_as_soon_as_the_policy_is_another(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        bench.add_rule(Rule("deny", tool="delete_file"))
        with pytest.raises(
            ApprovalStale, match="policy changed since it was asked: it is asked anew"
        ):
            await bench.answer(one.id, Answer())
        (again,) = await _another(bench, one)
        assert DONE == []
        await bench.answer(again.id, Answer())
        await run.result()
        assert DONE == ["moon"]


@acted
async def test_a_change_of_mode_withdraws_what_was_asked_under_the_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        bench.set_mode("edits")
        (again,) = await _another(bench, one)
        assert again.bound is not None
        assert one.bound is not None
        assert again.bound.policy != one.bound.policy
        await bench.answer(again.id, Answer("deny"))
        with pytest.raises(StepFailed):
            await run.result()
        assert DONE == []


async def _held_back(bench: Workbench, run: Run, one: Waiting) -> None:
    """Allow a call of a run that is paused, so that it waits behind its approval."""
    run.pause()
    await bench.answer(one.id, Answer())
    await until(bench, lambda: rows_of(bench, run, "approval.answered") or None)


@acted
async def test_what_changed_after_the_answer_and_before_the_act_is_not_done(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        await _held_back(bench, run, one)
        await _folder(bench, tmp_path)
        run.go_on()
        (again,) = await _another(bench, one)
        assert DONE == []
        assert "the working directory changed" in again.rule
        await bench.answer(again.id, Answer("deny"))
        with pytest.raises(StepFailed):
            await run.result()
        assert DONE == []


@acted
async def test_a_rule_taken_back_before_the_act_allows_nothing_any_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        rule = bench.add_rule(Rule("allow", tool="deploy"))
        run = await bench.start(deploying, place="moon")
        run.pause()
        bench.remove_rule(rule.id)
        run.go_on()
        (one,) = await waiting(bench)
        assert DONE == []
        await bench.answer(one.id, Answer())
        await run.result()


@acted
async def test_an_answer_for_more_than_one_call_holds_for_the_call_it_was_given_for(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying_to_all, places=["a", "b", "c"])
        first, *_ = await waiting(bench, 3)
        await bench.answer(first.id, Answer(scope="session"))
        assert await run.result() == ["a", "b", "c"]
        assert sorted(DONE) == ["a", "b", "c"]


@acted
async def test_an_approval_is_good_for_one_attempt(tmp_path: Path) -> None:
    @pattern
    async def twice() -> None:
        await use(deploy, place="moon")
        await use(deploy, place="moon")

    async with opened(tmp_path) as bench:
        run = await bench.start(twice)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer())
        (two,) = await _another(bench, one)
        assert DONE == ["moon"]
        assert two.bound == one.bound, "the same in everything, and asked for all the same"
        await bench.answer(two.id, Answer("deny"))
        with pytest.raises(StepFailed):
            await run.result()


@acted
async def test_the_log_says_what_an_approval_was_bound_to(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(deploying, place="moon")
        (one,) = await waiting(bench)
        (asked,) = rows_of(bench, run, "approval.asked")
        bound = Bound(**asked.data["bound"])
        assert bound == one.bound
        assert bound.tool == "deploy"
        assert bound.folder.startswith(f"{tmp_path / 'work'} ")
        assert bound.policy == run.policy.version
        await bench.answer(one.id, Answer("deny"))


@acted
async def test_a_rule_whose_time_is_over_is_taken_back_and_that_is_written_down(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        now = bench.world.clock()
        bench.world.clock = lambda: now
        bench.add_rule(Rule("allow", tool="deploy", expires_at=now + 60))
        assert await (await bench.start(deploying, place="moon")).result() == "moon"
        bench.world.clock = lambda: now + 61
        run = await bench.start(deploying, place="mars")
        (one,) = await waiting(bench)
        assert DONE == ["moon"]
        assert bench.policy.rules == ()
        (over,) = rows_of(bench, run, "rule.expired")
        assert over.data["by"] == "time"
        await bench.answer(one.id, Answer("deny"))
