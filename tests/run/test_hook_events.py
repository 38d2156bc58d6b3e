"""Each event of the table comes in a real run, with what the table says that it carries."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, calling, in_turn, opened, rows_of, until, waiting
from tests.run.test_hooks import everything, note, noting
from workbench.agent.agent import Agent
from workbench.bench import Workbench
from workbench.errors import StepFailed
from workbench.journal.events import Event
from workbench.run.hook_events import BEFORE, NAMED, REFUSE, TABLE
from workbench.run.hooks import Hook, HookCall, Refused, hook
from workbench.run.telling import MOST
from workbench.run.waiting import Answer, Waiting
from workbench.workflow.effects import Effect
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, question, send, use


def breaks() -> None:
    raise ZeroDivisionError("broken")


def _fine(_items: Any) -> None:
    """A plan's check that finds no fault."""


@pattern
async def rest(writer: Agent) -> None:
    await use("write_file", path="a.txt", content="x")
    given = {"goal": "g", "items": [{"name": "one", "task": "t"}]}
    review: Effect[Any] = Effect("review", "plan", given, subject=_fine)
    await review
    await send(writer.name, "hello")
    try:
        await call(breaks)
    except StepFailed:
        await question("and now?")


async def _performer(_effect: Any, _key: str, _idempotency_key: str) -> str:
    return "said"


async def _put(bench: Workbench, kind: str) -> Waiting:
    """What is put to a person, of one kind."""
    return await until(bench, lambda: next((w for w in bench.waiting if w.kind == kind), None))


async def _all_events(folder: Path, said: dict[str, Any]) -> None:
    async with opened(folder, in_turn("text")) as bench:
        bench.perform_with("line", _performer)
        for event in NAMED:

            def heard(what: HookCall | Event, event: str = event) -> None:
                said.setdefault(event, []).append(what)

            bench.world.hooks.add(Hook(event, heard, name="heard"))
        run = await bench.start(everything, agent=WRITER)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="well"))
        await run.result()
        run = await bench.start(rest, writer=WRITER)
        await bench.answer((await _put(bench, "permission")).id, Answer(verdict="allow"))
        await bench.answer((await _put(bench, "plan")).id, Answer(answer="accept"))
        await _put(bench, "question")
        run.interrupt("graceful")
        await run.finished()


def test_every_event_of_the_table_comes_with_what_it_says(tmp_path: Path) -> None:
    said: dict[str, list[Any]] = {}
    acted(_all_events)(tmp_path, said)
    assert sorted(NAMED - set(said)) == []
    for event in TABLE:
        for what in said[event.name]:
            if event.name in BEFORE:
                assert isinstance(what, HookCall)
                assert set(event.fields) <= set(what.arguments), (event.name, what)
            else:
                assert isinstance(what, Event)
                assert set(event.fields) <= set(what.data), (event.name, what)


@acted
async def test_a_hook_before_a_permission_refuses_what_a_rule_allows(tmp_path: Path) -> None:
    @hook("before.permission")
    def never(asked: HookCall) -> None:
        raise Refused(f"not {asked.arguments['arguments']['text']}")

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(never)
        run = await bench.start(noting, text="x")
        with pytest.raises(StepFailed, match="not x") as raised:
            await run.result()
        assert raised.value.error_code == "denied"
        (row,) = rows_of(bench, run, "hook.refused")
        assert row.data == {"hook": "never", "event": "before.permission", "reason": "not x"}


@pytest.mark.parametrize("event", [one.name for one in TABLE if one.may is REFUSE])
def test_what_can_only_be_refused_is_refused_by_an_answer_that_would_change_it(
    tmp_path: Path, event: str
) -> None:
    @acted
    async def changed() -> None:
        async with opened(tmp_path, in_turn("text")) as bench:
            bench.world.hooks.add(Hook(event, lambda _asked: {"verdict": "allow"}, name="sly"))
            run = await bench.start(rest if event == "before.review" else noting, **_given(event))
            if event == "before.review":
                (one,) = await waiting(bench)
                await bench.answer(one.id, Answer(verdict="allow"))
            with pytest.raises(StepFailed, match="can be refused, not changed"):
                await run.result()

    changed()


def _given(event: str) -> dict[str, Any]:
    return {"writer": WRITER} if event == "before.review" else {"text": "x"}


@pattern
async def often(times: int) -> None:
    for number in range(times):
        await use(note, text=str(number))


@acted
async def test_an_async_subscriber_hears_a_run_in_order_and_closing_waits_for_it(
    tmp_path: Path,
) -> None:
    heard: list[int] = []
    go_on = asyncio.Event()

    async def slow(row: Event) -> None:
        await go_on.wait()
        heard.append(row.seq)

    async with opened(tmp_path) as bench:
        bench.world.hooks.add(Hook("after.tool", slow, name="slow", is_async=True))
        run = await bench.start(often, times=20)
        await run.result()
        assert heard == []  # the run did not wait for it
        go_on.set()
        rows = [row.seq for row in rows_of(bench, run, "step.finished")]
    assert heard == rows
    assert len(heard) == 20


@acted
async def test_a_subscriber_that_hangs_or_fails_is_said_and_one_too_slow_loses_nothing_silently(
    tmp_path: Path,
) -> None:
    async def hangs(_row: Event) -> None:
        await asyncio.Event().wait()

    async def fails(_row: Event) -> None:
        raise ZeroDivisionError("broken")

    said: list[str] = []
    async with opened(tmp_path) as bench:
        bench.subscribe(lambda event: said.append(str(event.data.get("text", ""))))
        hooks = bench.world.hooks
        hooks.add(Hook("after.run", hangs, deadline_s=0.01, name="hangs", is_async=True))
        hooks.add(Hook("after.run", fails, name="fails", is_async=True))
        run = await bench.start(noting, text="x")
        await run.result()
        await until(bench, lambda: "hook 'fails' failed: broken" in said or None)
        assert "hook 'hangs' took too long" in said
        late = [hooks.add(Hook("*", hangs, deadline_s=60, name="late", is_async=True))]
        row = rows_of(bench, run, "step.finished")[0]
        for _ in range(MOST + 5):
            hooks.tell(row, said.append)
        late[0]()
        assert "hook 'late' is too slow: rows are not told to it" in said
        hooks.tellers.closing_s = 0.01
    assert any("tellings were dropped" in text for text in said)


@acted
async def test_a_subscribers_filter_holds(tmp_path: Path) -> None:
    heard: list[str] = []

    async with opened(tmp_path, in_turn(calling(("note", {"text": "a"})), "done")) as bench:

        @hook("after.tool", where="name:note agent:coder")
        def mine(row: Event) -> None:
            heard.append(row.key)

        bench.world.hooks.add(mine)
        await (await bench.start(noting, text="x")).result()
        assert heard == []
        agent = Agent("coder", "task: str -> text: str", tools=[note])
        await bench.ask(agent, task="x")
        assert len(heard) == 1
