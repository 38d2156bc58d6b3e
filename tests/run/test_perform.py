from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, in_turn, opened, rows_of, waiting
from workbench.errors import Cancelled, StepFailed
from workbench.run.waiting import Answer
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import (
    call,
    checkpoint,
    discover,
    follow,
    forget,
    now,
    question,
    random,
    recall,
    remember,
    sleep,
    within,
)

THREADS: list[int] = []


def in_a_thread(number: int, *, plus: int = 0) -> int:
    THREADS.append(threading.get_ident())
    return number + plus


async def on_the_loop(number: int) -> int:
    THREADS.append(threading.get_ident())
    return number


def breaks(text: str) -> None:
    raise ZeroDivisionError(text)


async def never() -> None:
    await asyncio.Event().wait()


@acted
async def test_sync_functions_are_called_in_a_thread_and_async_ones_on_the_loop(
    tmp_path: Path,
) -> None:
    THREADS.clear()

    @pattern
    async def calling_both() -> list[int]:
        return [await call(in_a_thread, 1, plus=2), await call(on_the_loop, 4)]

    async with opened(tmp_path) as bench:
        assert await (await bench.start(calling_both)).result() == [3, 4]
    here = threading.get_ident()
    assert THREADS[0] != here
    assert THREADS[1] == here


@acted
async def test_what_a_function_raises_is_a_step_failed_with_type_and_message(
    tmp_path: Path,
) -> None:
    @pattern
    async def trying() -> list[str]:
        try:
            await call(breaks, "ouch")
        except StepFailed as error:
            return [error.error_code, error.type_name, error.message, error.key]
        return []

    async with opened(tmp_path) as bench:
        code, kind, message, key = await (await bench.start(trying)).result()
        assert (code, kind, message) == ("error", "ZeroDivisionError", "ouch")
        assert key.startswith("trying/0:call.")


@acted
async def test_an_unsafe_call_has_its_intent_committed_before_it_happens(tmp_path: Path) -> None:
    @pattern
    async def one() -> int:
        return await call(in_a_thread, 1)

    async with opened(tmp_path) as bench:
        run = await bench.start(one)
        await run.result()
        kinds = [row.kind for row in rows_of(bench, run) if row.key]
        assert kinds == ["step.started", "step.finished"]
        (started,) = rows_of(bench, run, "step.started")
        assert started.data["arguments"] == {"arguments": [1], "named": {}}
        assert started.data["repeat"] == "unsafe"
        assert started.data["line"].startswith("test_perform.py:")


@acted
async def test_time_and_chance_are_recorded_and_replay_the_same(tmp_path: Path) -> None:
    @pattern
    async def chancy() -> list[Any]:
        time, number = await now(), await random()
        await question("on?")
        return [time.isoformat(), number]

    async with opened(tmp_path) as bench:
        run = await bench.start(chancy)
        await waiting(bench)
        recorded = [r.data["result"] for r in rows_of(bench, run, "step.finished")]
        run.interrupt("graceful")
        await run.finished()
        run = await bench.resume(run.run_id)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        assert await run.result() == recorded[:2]
        assert datetime.fromisoformat(recorded[0]).tzinfo == UTC
        assert 0 <= recorded[1] < 1


@acted
async def test_a_checkpoint_is_a_row_that_can_be_found(tmp_path: Path) -> None:
    @pattern
    async def marking() -> None:
        await checkpoint("round 1")

    async with opened(tmp_path) as bench:
        run = await bench.start(marking)
        run.checkpoint("by hand")
        await run.result()
        found = [(r.data["name"], r.data["by"]) for r in bench.store.checkpoints(run.run_id)]
        assert sorted(found) == [("by hand", "user"), ("round 1", "workflow")]


@acted
async def test_discover_lists_the_agents_there_are(tmp_path: Path) -> None:
    @pattern
    async def looking() -> list[Any]:
        return await discover()

    async with opened(tmp_path, more={"agents": (WRITER,)}) as bench:
        assert "writer" in await (await bench.start(looking)).result()


@acted
async def test_a_memory_that_is_not_there_is_a_typed_failure(tmp_path: Path) -> None:
    @pattern
    async def forgetful() -> list[Any]:
        await remember("colour", "blue")
        try:
            await recall("color")
        except StepFailed as error:
            return [error.error_code, error.data["nearest"], await recall("colour")]
        return []

    async with opened(tmp_path) as bench:
        result = await (await bench.start(forgetful)).result()
        assert result == ["unknown_name", "colour", "blue"]


@pytest.mark.parametrize("scope", ["run", "workspace"])
@acted
async def test_memory_is_searched_forgotten_and_the_same_when_resumed(
    tmp_path: Path, scope: Any
) -> None:
    @pattern
    async def searching() -> Any:
        await remember("port", 8080, scope=scope)
        await remember("host", {"name": "box", "port": None}, scope=scope)
        await remember("old", "a port too", scope=scope)
        await forget("old", scope=scope)
        await question("on?")
        found = await recall(search="PORT", scope=scope)
        await forget("port", scope=scope)
        return [found, await recall(search="", scope=scope)]

    async with opened(tmp_path) as bench:
        run = await bench.start(searching)
        await waiting(bench)
        run.interrupt("graceful")
        await run.finished()
        run = await bench.resume(run.run_id)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        host = {"key": "host", "value": {"name": "box", "port": None}}
        assert await run.result() == [[host, {"key": "port", "value": 8080}], [host]]


@acted
async def test_a_secret_is_in_no_memory(tmp_path: Path) -> None:
    @pattern
    async def telling() -> Any:
        await remember("the hunter22-key", "is hunter22-key", scope="workspace")
        return await recall("the hunter22-key", scope="workspace")

    async with opened(tmp_path) as bench:
        bench.world.redaction.learn("hunter22-key", "KEY")
        await (await bench.start(telling)).result()
        assert dict(bench.world.memory) == {"the [redacted KEY]": "is [redacted KEY]"}


@acted
async def test_the_two_memories_are_kept_apart_live_and_resumed(tmp_path: Path) -> None:
    @pattern
    async def both() -> Any:
        await remember("key", "shared", scope="workspace")
        await question("on?")
        try:
            return await recall("key")
        except StepFailed as error:
            return error.error_code

    async with opened(tmp_path) as bench:
        run = await bench.start(both)
        await waiting(bench)
        run.interrupt("graceful")
        await run.finished()
        run = await bench.resume(run.run_id)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        assert await run.result() == "unknown_name"


@acted
async def test_within_ends_what_takes_too_long(tmp_path: Path) -> None:
    ended: list[str] = []

    @pattern
    async def limited() -> str:
        async def slow() -> None:
            try:
                await call(never)
            except Cancelled as error:
                ended.append(error.reason)
                raise

        try:
            await within(0.02, slow())
        except StepFailed as error:
            return error.error_code
        return ""

    async with opened(tmp_path) as bench:
        assert await (await bench.start(limited)).result() == "timeout"
        assert ended == ["within"]


@acted
async def test_within_returns_what_came_in_time(tmp_path: Path) -> None:
    @pattern
    async def limited() -> Any:
        return await within(60, call(in_a_thread, 1))

    async with opened(tmp_path) as bench:
        assert await (await bench.start(limited)).result() == 1


@acted
async def test_sleep_returns_nothing_and_takes_its_time(tmp_path: Path) -> None:
    @pattern
    async def nap() -> Any:
        begun = await now()
        await sleep(0.02)
        return ((await now()) - begun).total_seconds()

    async with opened(tmp_path) as bench:
        assert 0.015 < await (await bench.start(nap)).result() < 10


@pattern
async def inner(number: int) -> int:
    """One more."""
    return await call(in_a_thread, number, plus=1)


@acted
async def test_a_followed_pattern_is_a_scope_with_its_own_steps(tmp_path: Path) -> None:
    @pattern
    async def outer() -> list[int]:
        return [await follow(inner, number=1), await follow("inner", number=2)]

    async with opened(tmp_path) as bench:
        bench.world.patterns["inner"] = inner
        run = await bench.start(outer)
        assert await run.result() == [2, 3]
        scopes = [r for r in rows_of(bench, run, "step.started") if r.data.get("scope")]
        assert [row.data["source"] for row in scopes] == [inner.source_digest] * 2
        assert scopes[0].key == "outer/0:follow.inner"


@acted
async def test_a_followed_pattern_checks_its_inputs(tmp_path: Path) -> None:
    @pattern
    async def outer() -> str:
        try:
            await follow(inner, numbr=1)
        except StepFailed as error:
            return error.message
        return ""

    async with opened(tmp_path) as bench:
        assert "takes no 'numbr'" in await (await bench.start(outer)).result()


@acted
async def test_a_kind_of_effect_that_nobody_performs_is_named(tmp_path: Path) -> None:
    @pattern
    async def odd() -> str:
        try:
            await Effect("modl", "x")
        except StepFailed as error:
            return f"{error.error_code}: {error.data['nearest']}"
        return ""

    async with opened(tmp_path) as bench:
        assert await (await bench.start(odd)).result() == "unknown_name: model"


@acted
async def test_a_front_performs_its_own_kind_of_effect(tmp_path: Path) -> None:
    keys: list[str] = []

    async def performer(effect: Effect[Any], key: str, idempotency_key: str) -> Any:
        keys.extend([key, idempotency_key])
        return (effect.name, effect.arguments["n"])

    @pattern
    async def lines() -> Any:
        return await Effect("line", "say", {"n": 1}, repeat=Repeat.KEYED)

    async with opened(tmp_path, in_turn("")) as bench:
        bench.perform_with("line", performer)
        run = await bench.start(lines)
        assert await run.result() == ["say", 1]
        (intent,) = rows_of(bench, run, "step.started")
        assert keys == ["lines/0:line.say", intent.data["idempotency_key"]]


def test_an_unknown_repeat_class_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        call(in_a_thread, repeat="twice")
