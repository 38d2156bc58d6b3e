from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.journal.hand import Hand, step
from workbench.errors import Cancelled, ForeignAwait, NotAValue, StepFailed
from workbench.workflow.verbs import together

# -- cancellation and suspension -----------------------------------------------------------------


def test_a_cancelled_run_sees_it_in_finally_and_its_cleanup_is_recorded() -> None:
    async def workflow() -> None:
        try:
            await step("work")
        finally:
            await step("cleanup")

    hand = Hand(workflow()).begin()
    hand.add("", "run.cancelled", by="user", reason="")
    assert hand.stopped == [("main/0:tool.work", "run")]
    hand.cancelled("work")
    assert hand.drive.parked["main/1:tool.cleanup"].cleanup
    hand.finish("cleanup")
    with pytest.raises(Cancelled) as raised:
        _ = hand.result
    assert raised.value.reason == "run"
    again = hand.again(workflow())
    assert again.asked == []
    with pytest.raises(Cancelled):
        _ = again.result


def test_one_cancelled_call_is_seen_by_its_workflow_which_may_go_on() -> None:
    async def workflow() -> str:
        try:
            await step("work")
        except Cancelled as error:
            return f"{error.reason}: {await step('instead')}"
        return "not reached"

    hand = Hand(workflow()).begin()
    hand.cancelled("work")
    assert not hand.drive.parked["main/1:tool.instead"].cleanup
    hand.finish("instead", 5)
    assert hand.result == "call: 5"


def test_suspension_is_never_seen_and_an_effect_in_finally_raises_generator_exit() -> None:
    seen: list[str] = []

    async def workflow() -> None:
        try:
            await step("work")
        except (StepFailed, Cancelled):
            seen.append("outcome")
        finally:
            try:
                await step("cleanup")
            except GeneratorExit:
                seen.append("closed")
                raise

    hand = Hand(workflow()).begin()
    hand.drive.suspend()
    assert seen == ["closed"]
    assert hand.asked == ["main/0:tool.work"]
    assert not hand.drive.parked
    again = hand.again(workflow())
    assert again.waits_for == ["work"]
    again.drive.suspend()


def test_suspension_closes_paths_that_run_beside_each_other_and_their_generators() -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[Any]:
        try:
            yield await step("one")
            yield await step("two")
        finally:
            closed.append("generator")

    async def reading() -> None:
        try:
            async for _ in numbers():
                pass
        finally:
            closed.append("reader")

    async def waiting() -> None:
        try:
            await step("three")
        finally:
            closed.append("waiter")

    hand = Hand(_both(reading(), waiting())).begin()
    hand.finish("one", 1)
    hand.drive.suspend()
    assert sorted(closed) == ["generator", "reader", "waiter"]


async def _both(first: Coroutine[Any, Any, Any], second: Coroutine[Any, Any, Any]) -> Any:
    return await together(first, second)


# -- foreign awaits ------------------------------------------------------------------------------


async def _sleeps() -> None:
    await asyncio.sleep(0.01)  # foreign: sleep


async def _yields() -> None:
    await asyncio.sleep(0)  # foreign: bare


async def _awaits_a_future() -> None:
    future: asyncio.Future[None] = asyncio.Future(loop=_LOOP)
    await future  # foreign: future


async def _awaits_a_lock() -> None:
    lock = asyncio.Lock()
    async with lock, lock:  # foreign: lock
        pass


async def _awaits_a_condition() -> None:
    await asyncio.Event().wait()  # foreign: event


_LOOP = asyncio.new_event_loop()
"""A loop that never runs: enough for a future to belong to."""
_LOOP.close()


@pytest.mark.parametrize(
    ("workflow", "mark"),
    [
        (_sleeps, "foreign: sleep"),
        (_yields, "foreign: bare"),
        (_awaits_a_future, "foreign: future"),
        (_awaits_a_lock, "foreign: lock"),
        (_awaits_a_condition, "foreign: event"),
    ],
)
def test_a_foreign_await_fails_naming_file_line_and_remedy(workflow: Any, mark: str) -> None:
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = next(n for n, text in enumerate(source, 1) if f"# {mark}" in text)
    hand = Hand(workflow()).begin()
    with pytest.raises(ForeignAwait) as raised:
        _ = hand.result
    assert raised.value.data["line"] == f"{__file__}:{line}"
    assert "sleep(), now(), together()" in raised.value.hint
    assert "call(function)" in raised.value.hint


def test_an_argument_that_no_row_can_carry_fails_where_it_is_awaited() -> None:
    async def workflow() -> str:
        try:
            await step("work", lock=threading.Lock())
        except NotAValue as error:
            return str(error)
        return ""

    assert "value.lock is a lock" in Hand(workflow()).begin().result


# -- generators ----------------------------------------------------------------------------------


def test_generators_left_open_are_closed_in_order_at_the_end_of_their_scope() -> None:
    async def opened(name: str) -> AsyncIterator[str]:
        try:
            yield name
        finally:
            await step(f"close {name}")

    async def workflow() -> list[str]:
        kept = [opened("first"), opened("second")]
        return [await anext(one) for one in kept]

    hand = Hand(workflow()).begin()
    assert hand.waits_for == ["close second"]
    hand.finish("close second")
    assert hand.waits_for == ["close first"]
    assert hand.drive.outcome is None
    hand.finish("close first")
    assert hand.result == ["first", "second"]
    again = hand.again(workflow())
    assert again.result == ["first", "second"]
    assert again.asked == []
