from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import acted, opened, rows_of, waiting
from workbench.errors import Deadlock, StepFailed
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import (
    as_they_finish,
    question,
    receive,
    send,
    sleep,
    together,
    within,
)

SOURCE = Path(__file__).read_text(encoding="utf-8")


async def _hears(name: str, count: int) -> list[Any]:
    return [await receive(name) for _ in range(count)]


async def _says(name: str, *texts: Any) -> None:
    for text in texts:
        await send(name, text)


@acted
async def test_messages_arrive_in_the_order_in_which_they_were_sent(tmp_path: Path) -> None:
    @pattern
    async def talking() -> Any:
        return (await together(_hears("b", 3), _says("b", 1, "two", {"three": 3})))[0]

    async with opened(tmp_path) as bench:
        run = await bench.start(talking)
        assert await run.result() == [1, "two", {"three": 3}]
        sent = [r for r in rows_of(bench, run, "step.finished") if r.data["effect"] == "send"]
        assert [row.data["result"] for row in sent] == [
            {"message": 1},
            {"message": "two"},
            {"message": {"three": 3}},
        ]


@acted
async def test_a_message_waits_for_whoever_reads_it_later(tmp_path: Path) -> None:
    @pattern
    async def later() -> Any:
        await send("me", "kept")
        return await receive("me")

    async with opened(tmp_path) as bench:
        assert await (await bench.start(later)).result() == "kept"


@acted
async def test_each_message_is_read_once(tmp_path: Path) -> None:
    @pattern
    async def two_readers() -> Any:
        found: list[Any] = []
        parts = [_hears("box", 1), _hears("box", 1), _says("box", "a", "b")]
        async with as_they_finish(parts) as results:
            found += [result async for result in results if result]
        return sorted(text for texts in found for text in texts)

    async with opened(tmp_path) as bench:
        assert await (await bench.start(two_readers)).result() == ["a", "b"]


@acted
async def test_when_everybody_waits_that_is_a_deadlock_naming_each_line(tmp_path: Path) -> None:
    async def left() -> None:
        await receive("left")  # deadlock: left

    async def right() -> None:
        await receive("right")  # deadlock: right

    @pattern
    async def stuck() -> None:
        await together(left(), right())

    async with opened(tmp_path) as bench:
        run = await bench.start(stuck)
        with pytest.raises(StepFailed, match="every path waits in receive") as raised:
            await run.result()
        assert raised.value.error_code == Deadlock.code
        source = SOURCE.splitlines()
        lines = [n for n, text in enumerate(source, 1) if "# deadlock:" in text]
        assert raised.value.data["lines"] == [f"{__file__}:{number}" for number in lines[:2]]


@acted
async def test_waiting_for_a_message_is_no_deadlock_while_something_else_goes_on(
    tmp_path: Path,
) -> None:
    async def slow() -> None:
        await sleep(0.05)
        await send("box", "at last")

    @pattern
    async def patient() -> Any:
        return (await together(_hears("box", 1), slow()))[0]

    async with opened(tmp_path) as bench:
        assert await (await bench.start(patient)).result() == ["at last"]


@acted
async def test_a_receive_may_have_a_time_limit(tmp_path: Path) -> None:
    @pattern
    async def limited() -> str:
        try:
            await within(0.02, receive("box"))
        except StepFailed as error:
            return error.error_code
        return ""

    async with opened(tmp_path) as bench:
        assert await (await bench.start(limited)).result() == "timeout"


@acted
async def test_unread_messages_are_there_after_a_resume_and_read_ones_are_not(
    tmp_path: Path,
) -> None:
    @pattern
    async def over_lunch() -> list[Any]:
        await _says("box", 1, 2, 3)
        first = await receive("box")
        await question("lunch?")
        return [first, await receive("box"), await receive("box")]

    async with opened(tmp_path) as bench:
        run = await bench.start(over_lunch)
        await waiting(bench)
        run.interrupt("graceful")
        await run.finished()
        run = await bench.resume(run.run_id)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="done"))
        assert await run.result() == [1, 2, 3]


@acted
async def test_a_deadlock_that_is_caught_lets_the_workflow_go_on(tmp_path: Path) -> None:
    @pattern
    async def recovering() -> str:
        try:
            await receive("nobody")
        except StepFailed as error:
            return error.error_code
        return ""

    async with opened(tmp_path) as bench:
        assert await (await bench.start(recovering)).result() == "deadlock"
