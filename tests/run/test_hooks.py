from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, calling, in_turn, opened, requests, rows_of, seen
from workbench.agent.agent import Agent
from workbench.agent.tool import tool
from workbench.errors import StepFailed, UnknownName
from workbench.journal.events import Event
from workbench.run.hook_events import BEFORE
from workbench.run.hooks import Hook, HookCall, Hooks, Refused, hook
from workbench.workflow.effects import Effect
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import (
    ask,
    call,
    checkpoint,
    discover,
    follow,
    forget,
    now,
    question,
    random,
    recall,
    receive,
    remember,
    send,
    sleep,
    use,
)

DONE: list[str] = []


@tool(danger="SAFE")
def note(text: str) -> str:
    """Note something."""
    DONE.append(text)
    return f"noted {text}"


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    DONE.clear()


@pattern
async def noting(text: str) -> str:
    return await use(note, text=text)


@acted
async def test_a_changing_hook_changes_the_arguments_and_leaves_a_row(tmp_path: Path) -> None:
    @hook("before.tool", where="name:note")
    def louder(asked: HookCall) -> dict[str, Any]:
        return {"text": str(asked.arguments["text"]).upper()}

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(louder)
        run = await bench.start(noting, text="quiet")
        assert await run.result() == "noted QUIET"
        assert DONE == ["QUIET"]
        (row,) = rows_of(bench, run, "hook.changed")
        assert row.key == "noting/0:tool.note"
        assert row.data == {
            "hook": "louder",
            "event": "before.tool",
            "before": {"text": "quiet"},
            "after": {"text": "QUIET"},
        }


@acted
async def test_a_refusing_hook_stops_the_effect(tmp_path: Path) -> None:
    @hook("before.tool")
    def never(asked: HookCall) -> None:
        raise Refused(f"no {asked.name} today")

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(never)
        run = await bench.start(noting, text="x")
        with pytest.raises(StepFailed, match="no note today") as raised:
            await run.result()
        assert raised.value.error_code == "denied"
        assert raised.value.data == {"hook": "never", "event": "before.tool"}
        assert DONE == []
        assert [row.kind for row in rows_of(bench, run, "step.denied", "step.finished")] == [
            "step.denied"
        ]


async def _hangs(_asked: HookCall) -> None:
    await asyncio.Event().wait()


async def _breaks(_asked: HookCall) -> None:
    raise ZeroDivisionError("broken")


def _breaks_at_once(_asked: HookCall) -> None:
    raise ZeroDivisionError("broken")


def _says_true(_asked: HookCall) -> bool:
    return True


def _says_a_lock(_asked: HookCall) -> dict[str, Any]:
    return {"text": object()}


@pytest.mark.parametrize(
    ("function", "is_async", "said"),
    [
        (_hangs, True, "hook 'watch' took too long"),
        (_breaks, True, "hook 'watch' failed: broken"),
        (_breaks_at_once, False, "hook 'watch' failed: broken"),
        (_says_true, False, "returned True"),
        (_says_a_lock, False, "which no row can carry"),
    ],
)
def test_a_hook_that_breaks_or_hangs_refuses(
    tmp_path: Path, function: Any, is_async: bool, said: str
) -> None:
    @acted
    async def refused() -> None:
        async with opened(tmp_path) as bench:
            bench.world.hooks.add(
                Hook("before.tool", function, deadline_s=0.05, name="watch", is_async=is_async)
            )
            run = await bench.start(noting, text="x")
            with pytest.raises(StepFailed, match=said) as raised:
                await run.result()
            assert raised.value.error_code == "denied"
            assert DONE == []

    refused()


@acted
async def test_hooks_are_asked_by_priority_and_then_in_the_order_of_registration(
    tmp_path: Path,
) -> None:
    def adding(letter: str) -> Any:
        def added(asked: HookCall) -> Mapping[str, Any]:
            return {"text": f"{asked.arguments['text']}{letter}"}

        return added

    async def late(asked: HookCall) -> Mapping[str, Any]:
        return {"text": f"{asked.arguments['text']}z"}

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(Hook("before.tool", late, priority=-1, name="z", is_async=True))
        bench.world.hooks.add(Hook("before.tool", adding("b"), name="b"))
        bench.world.hooks.add(Hook("before.tool", adding("c"), name="c"))
        bench.world.hooks.add(Hook("before.tool", adding("a"), priority=9, name="a"))
        run = await bench.start(noting, text="-")
        assert await run.result() == "noted -abcz"
        assert [row.data["hook"] for row in rows_of(bench, run, "hook.changed")] == list("abcz")


@acted
async def test_a_removed_hook_is_asked_no_more(tmp_path: Path) -> None:
    @hook("before.tool")
    def never(_asked: HookCall) -> None:
        raise Refused("no")

    async with opened(tmp_path) as bench:
        remove = bench.world.hooks.add(never)
        remove()
        assert await (await bench.start(noting, text="x")).result() == "noted x"


@acted
async def test_subscribers_are_told_after_the_commit_and_their_failure_changes_nothing(
    tmp_path: Path,
) -> None:
    told: list[tuple[str, bool]] = []

    async with opened(tmp_path) as bench:

        def listen(row: Event) -> None:
            committed = row.seq <= bench.store.last_seq(row.run_id)
            told.append((row.kind, committed))
            raise ZeroDivisionError("a subscriber may not matter")

        bench.world.hooks.add(Hook("step.finished", listen, name="listen"))
        bench.world.hooks.add(Hook("run.finished", listen, name="listen"))
        run = await bench.start(noting, text="x")
        assert await run.result() == "noted x"
        assert told == [("step.finished", True), ("run.finished", True)]


@acted
async def test_a_replayed_effect_asks_no_hook(tmp_path: Path) -> None:
    asked_of: list[str] = []

    @hook("before.tool")
    def watch(asked: HookCall) -> None:
        asked_of.append(asked.key)

    @pattern
    async def twice() -> list[str]:
        return [await use(note, text="one"), await question("go on?"), await use(note, text="two")]

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(watch)
        run = await bench.start(twice)
        asked = asyncio.ensure_future(seen(bench, "question.asked"))
        await asked
        run.interrupt("graceful")
        await run.finished()
        assert asked_of == ["twice/0:tool.note"]
        again = await bench.resume(run.run_id)
        await _answered(bench, "yes")
        assert await again.result() == ["noted one", "yes", "noted two"]
        assert asked_of == ["twice/0:tool.note", "twice/2:tool.note"]


async def _answered(bench: Any, text: str) -> None:
    from tests.run.stage import waiting
    from workbench.run.waiting import Answer

    (one,) = await waiting(bench)
    await bench.answer(one.id, Answer(answer=text))


@pattern
async def small() -> str:
    return "small"


def plain(number: int) -> int:
    return number + 1


@pattern
async def everything(agent: Agent) -> None:
    await ask(agent, task="x")
    await call(plain, 1)
    await checkpoint("here")
    await discover()
    await follow(small)
    await Effect("line", "say", {"text": "hello"})
    await now()
    await random()
    await remember("k", 1)
    await recall("k")
    await forget("k")
    await send("me", "hello")
    await receive("me")
    await sleep(0.0)
    await use(note, text="x")
    await question("well?")


def test_every_before_event_of_an_effect_is_asked_once_for_it(tmp_path: Path) -> None:
    fired: dict[str, list[str]] = {}

    async def performer(_effect: Any, _key: str, _idempotency_key: str) -> str:
        return "said"

    @acted
    async def all_of_them() -> None:
        async with opened(tmp_path, in_turn("text")) as bench:
            bench.perform_with("line", performer)

            def watch(asked: HookCall) -> None:
                fired.setdefault(asked.event, []).append(f"{asked.kind}:{asked.agent}")

            for event in BEFORE:
                bench.world.hooks.add(Hook(event, watch, name="watch"))
            run = await bench.start(everything, agent=WRITER)
            await _answered(bench, "well")
            await run.result()

    all_of_them()
    of_effects = BEFORE - {"before.run", "before.review", "before.permission"}
    assert set(fired) >= of_effects
    assert fired["before.model"] == ["model:writer"]
    assert all(len(fired[event]) == 1 for event in of_effects)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_refusal_before_any_effect_is_a_denied_step(tmp_path: Path, is_async: bool) -> None:
    verbs: dict[str, Any] = {
        "before.ask": lambda: ask(WRITER, task="x"),
        "before.call": lambda: call(plain, 1),
        "before.checkpoint": lambda: checkpoint("here"),
        "before.follow": lambda: follow(small),
        "before.now": now,
        "before.question": lambda: question("well?"),
        "before.remember": lambda: remember("k", 1),
        "before.forget": lambda: forget("k"),
        "before.send": lambda: send("me", 1),
        "before.sleep": lambda: sleep(30),
        "before.receive": lambda: receive("me"),
    }

    @pattern
    async def trying(event: str) -> str:
        try:
            await verbs[event]()
        except StepFailed as error:
            return error.error_code
        return "it happened"

    async def refuse_async(_asked: HookCall) -> None:
        raise Refused("no")

    def refuse(_asked: HookCall) -> None:
        raise Refused("no")

    @acted
    async def all_of_them() -> None:
        async with opened(tmp_path, in_turn("text")) as bench:
            for event in verbs:
                function = refuse_async if is_async else refuse
                bench.world.hooks.add(Hook(event, function, name="no", is_async=is_async))
            for event in verbs:
                run = await bench.start(trying, event=event)
                assert await run.result() == "denied", event
                assert rows_of(bench, run, "checkpoint.taken", "question.asked") == []

    all_of_them()


@acted
async def test_a_hook_may_change_what_an_agent_is_asked(tmp_path: Path) -> None:
    @hook("before.ask", where="name:writer")
    def other(_asked: HookCall) -> dict[str, Any]:
        return {"inputs": {"task": "another"}}

    async with opened(tmp_path, in_turn("done")) as bench:
        bench.world.hooks.add(other)
        assert (await bench.ask(WRITER, task="this")).text == "done"
        assert requests(bench)[0].inputs == {"task": "another"}


def test_a_hook_for_an_event_that_is_none_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"before\.tool"):
        Hooks().add(Hook("before.tol", lambda _asked: None))


@acted
async def test_changed_arguments_are_what_the_permission_is_asked_about(tmp_path: Path) -> None:
    @hook("before.tool", where="name:write_file")
    def elsewhere(asked: HookCall) -> dict[str, Any]:
        return {**asked.arguments, "path": "elsewhere.txt"}

    agent = Agent("coder", "task: str -> text: str", tools=["write_file"])
    wish = calling(("write_file", {"path": "here.txt", "content": "x"}))
    async with opened(tmp_path, in_turn(wish, "done")) as bench:
        bench.world.hooks.add(elsewhere)
        asked = asyncio.ensure_future(seen(bench, "approval.asked"))
        run = await bench.start("ask", agent=agent, inputs={"task": "write"})
        (row,) = await asked
        assert row.data["arguments"]["path"] == "elsewhere.txt"
        run.cancel()
        assert (await run.finished()).outcome == "cancelled"
