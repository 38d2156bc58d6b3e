from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import pytest

from tests.journal.hand import Hand, step
from workbench.errors import Cancelled, Diverged, ForeignAwait, NotAValue, StepFailed, UsageError
from workbench.foreign import attempt
from workbench.journal.events import Event
from workbench.journal.strands import Body
from workbench.workflow.effects import Effect
from workbench.workflow.verbs import as_they_finish, race, together, within


async def _one(name: str) -> Any:
    return await step(name)


def _follow(name: str) -> Effect[Any]:
    return Effect("follow", name, {"inputs": {}})


# -- keys ---------------------------------------------------------------------------------------


def test_keys_count_up_within_each_path() -> None:
    async def workflow() -> None:
        await step("a")
        await together(_one("b"), _one("c"))
        await step("d/e")

    hand = Hand(workflow()).begin()
    hand.finish("a")
    hand.finish("c")
    hand.finish("b")
    hand.finish("d/e")
    assert hand.asked == [
        "main/0:tool.a",
        "main/1:together/0/0:tool.b",
        "main/1:together/1/0:tool.c",
        "main/2:tool.d%2Fe",
    ]


# -- together -----------------------------------------------------------------------------------


def test_together_returns_results_in_the_order_of_its_arguments() -> None:
    async def workflow() -> Any:
        return await together(step("a"), _one("b"), step("c"))

    hand = Hand(workflow()).begin()
    for name in ("c", "a", "b"):
        hand.finish(name, name.upper())
    assert hand.result == ["A", "B", "C"]


def test_together_takes_one_iterable_as_well() -> None:
    async def workflow() -> Any:
        return await together(step(name) for name in "ab")

    hand = Hand(workflow()).begin()
    hand.finish("b", 2)
    hand.finish("a", 1)
    assert hand.result == [1, 2]


def test_together_of_nothing_is_an_empty_list_and_race_of_nothing_an_error() -> None:
    async def nothing() -> Any:
        return await together([])

    async def nobody() -> Any:
        return await race([])

    assert Hand(nothing()).begin().result == []
    with pytest.raises(UsageError, match="nothing to wait for"):
        _ = Hand(nobody()).begin().result


def test_together_raises_the_first_failure_as_itself_with_the_others_noted_on_it() -> None:
    async def stubborn(name: str) -> None:
        try:
            await step(name)
        finally:
            await step(f"{name} cleanup")

    async def workflow() -> Any:
        await together(_one("a"), _one("b"), stubborn("c"))

    hand = Hand(workflow()).begin()
    hand.fail("b", "b broke")
    hand.cancelled("a")
    hand.cancelled("c")
    hand.fail("c cleanup", "c broke while cleaning up")
    with pytest.raises(StepFailed, match="b broke") as raised:
        _ = hand.result
    assert raised.value.key == "main/0:together/1/0:tool.b"
    assert getattr(raised.value, "__notes__", []) == []


def test_failures_that_came_before_the_group_was_ended_are_noted_on_the_first() -> None:
    # Both paths fail at one row: the first by its step, the second by its own code.
    async def failing() -> None:
        await step("a")

    async def workflow() -> Any:
        await race(failing(), _one("b"))

    hand = Hand(workflow()).begin()
    hand.fail("a", "first")
    hand.fail("b", "second")
    with pytest.raises(StepFailed, match="first") as raised:
        _ = hand.result
    assert raised.value.__notes__ == ["also failed: StepFailed: second"]


def test_together_joins_every_child_before_the_parent_goes_on() -> None:
    seen: list[str] = []

    async def slow() -> None:
        try:
            await step("slow")
        except Cancelled as error:
            seen.append(f"cancelled by {error.reason}")
            await step("slow cleanup")
            seen.append("cleaned up")
            raise

    async def workflow() -> None:
        try:
            await together(slow(), _one("bad"))
        except StepFailed:
            seen.append("parent")

    hand = Hand(workflow()).begin()
    hand.fail("bad")
    assert hand.stopped == [("main/0:together/0/0:tool.slow", "together")]
    assert seen == []
    hand.cancelled("slow")
    assert seen == ["cancelled by together"]
    hand.finish("slow cleanup")
    assert seen == ["cancelled by together", "cleaned up", "parent"]


def test_a_loser_that_finished_in_fact_is_cancelled_for_its_workflow_and_keeps_its_row() -> None:
    seen: list[str] = []

    async def loser() -> None:
        try:
            await step("late")
        except Cancelled:
            seen.append("cancelled")
            raise

    async def workflow() -> Any:
        return await race(_one("fast"), loser())

    hand = Hand(workflow()).begin()
    hand.finish("fast", "won")
    assert hand.drive.outcome is None
    hand.finish("late", "done after all")
    assert hand.result == "won"
    assert seen == ["cancelled"]
    assert hand.rows[-1].data["result"] == "done after all"


# -- race ---------------------------------------------------------------------------------------


def test_race_takes_the_first_that_returns_not_the_first_that_ends() -> None:
    async def workflow() -> Any:
        return await race(_one("a"), _one("b"), _one("c"))

    hand = Hand(workflow()).begin()
    hand.fail("a")
    assert hand.drive.outcome is None
    hand.finish("c", "c")
    hand.cancelled("b")
    assert hand.result == "c"


def test_race_raises_the_first_failure_when_all_fail() -> None:
    async def workflow() -> Any:
        return await race(_one("a"), _one("b"))

    hand = Hand(workflow()).begin()
    hand.fail("b", "b was first")
    hand.fail("a", "a was second")
    with pytest.raises(StepFailed, match="b was first"):
        _ = hand.result


# -- within -------------------------------------------------------------------------------------


def test_within_returns_what_came_in_time_and_ends_its_clock() -> None:
    async def workflow() -> Any:
        return await within(5, _one("work"))

    hand = Hand(workflow()).begin()
    hand.finish("work", 7)
    assert hand.stopped == [("main/0:within/1/0:sleep", "within")]
    hand.answer("main/0:within/1/0:sleep", "step.cancelled", reason="within", end="never")
    assert hand.result == 7


def test_within_fails_with_timeout_once_its_clock_has_run_out_and_the_work_is_ended() -> None:
    seen: list[str] = []

    async def work() -> None:
        try:
            await step("work")
        except Cancelled as error:
            seen.append(error.reason)
            raise

    async def workflow() -> Any:
        await within(5, work())

    hand = Hand(workflow()).begin()
    hand.finish("main/0:within/1/0:sleep")
    assert hand.drive.outcome is None
    hand.cancelled("work")
    assert seen == ["within"]
    with pytest.raises(StepFailed) as raised:
        _ = hand.result
    assert raised.value.error_code == "timeout"


# -- as_they_finish -----------------------------------------------------------------------------


def test_as_they_finish_hands_out_results_in_the_order_of_their_rows() -> None:
    async def workflow() -> list[Any]:
        found: list[Any] = []
        async with as_they_finish(_one(name) for name in "abc") as results:
            async for result in results:
                found.append(result)  # noqa: PERF401 - the order of arrival is what is tested
        return found

    hand = Hand(workflow()).begin()
    for name in "cab":
        hand.finish(name, name)
    assert hand.result == ["c", "a", "b"]


def test_a_failed_path_raises_where_it_is_handed_out_and_the_rest_is_ended() -> None:
    async def workflow() -> list[Any]:
        found: list[Any] = []
        try:
            async with as_they_finish(_one(name) for name in "abc") as results:
                async for result in results:
                    found.append(result)  # noqa: PERF401
        except StepFailed as error:
            found.append(str(error))
        return found

    hand = Hand(workflow()).begin()
    hand.finish("b", "b")
    hand.fail("a", "a broke")
    assert hand.stopped == [("main/0:stream/2/0:tool.c", "scope")]
    hand.cancelled("c")
    assert hand.result == ["b", "a broke"]


def test_leaving_as_they_finish_early_joins_what_is_left() -> None:
    async def workflow() -> Any:
        async with as_they_finish(_one(name) for name in "ab") as results:
            async for result in results:
                return result

    hand = Hand(workflow()).begin()
    hand.finish("b", "first")
    assert hand.drive.outcome is None
    hand.cancelled("a")
    assert hand.result == "first"


# -- cancellation and suspension ----------------------------------------------------------------


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


# -- foreign awaits -----------------------------------------------------------------------------


async def _sleeps() -> None:
    await asyncio.sleep(0.01)  # foreign: sleep


async def _yields() -> None:
    await asyncio.sleep(0)  # foreign: bare


async def _awaits_a_future() -> None:
    future: asyncio.Future[None] = asyncio.Future(loop=_LOOP)
    await future  # foreign: future


async def _awaits_a_lock() -> None:
    lock = asyncio.Lock()
    async with lock:
        async with lock:  # foreign: lock
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
    with open(__file__, encoding="utf-8") as source:
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


# -- generators ---------------------------------------------------------------------------------


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


# -- divergence ---------------------------------------------------------------------------------


async def _two() -> list[Any]:
    return [await step("a"), await step("b")]


def _recorded() -> list[Event]:
    hand = Hand(_two()).begin()
    hand.finish("a", 1)
    hand.finish("b", 2)
    return hand.rows


def _replayed(workflow: Coroutine[Any, Any, Any], rows: list[Event]) -> Hand:
    hand = Hand(workflow)
    hand.replay(rows)
    return hand


def test_a_renamed_step_diverges() -> None:
    async def renamed() -> None:
        await step("a")
        await step("c")

    with pytest.raises(Diverged, match=r"main/1:tool\.b") as raised:
        _replayed(renamed(), _recorded())
    assert raised.value.data["asked"] == ["main/1:tool.c"]
    assert "Fork before this point" in raised.value.hint


def test_reordered_steps_diverge() -> None:
    async def reordered() -> None:
        await step("b")
        await step("a")

    with pytest.raises(Diverged, match=r"main/0:tool\.a"):
        _replayed(reordered(), _recorded())


def test_rows_left_over_after_the_end_diverge() -> None:
    with pytest.raises(Diverged, match="the workflow has ended"):
        _replayed(_one("a"), _recorded())


def test_a_changed_argument_diverges_by_its_fingerprint() -> None:
    async def changed() -> None:
        await step("a", loud=True)

    with pytest.raises(Diverged, match="answers another request") as raised:
        _replayed(changed(), _recorded())
    assert 'tool.a {"loud":true}' in raised.value.data["asked"][0]


def test_an_intent_that_nobody_asks_for_any_more_diverges() -> None:
    rows = _recorded()[:1]
    intent = Event("r", 2, 0.0, "step.started", "main/1:tool.b", {"fingerprint": "f" * 16})

    async def shorter() -> Any:
        await step("a")
        return await step("other")

    with pytest.raises(Diverged, match="was started"):
        _replayed(shorter(), [*rows, intent])
    with pytest.raises(Diverged, match="was started"):
        _replayed(_two(), [*rows, intent])


def test_a_divergence_leaves_nothing_parked_and_no_coroutine_open() -> None:
    closed: list[str] = []

    async def other() -> None:
        try:
            await step("x")
        finally:
            closed.append("closed")

    hand = Hand(other())
    with pytest.raises(Diverged):
        hand.replay(_recorded())
    assert closed == ["closed"]
    assert not hand.drive.parked


def test_annotations_never_diverge() -> None:
    rows = _recorded()
    notes = [
        Event("r", 10, 0.0, kind, "main/7:tool.zzz", {"name": "n"})
        for kind in ("approval.asked", "hook.changed", "checkpoint.taken", "attempt.ended")
    ]
    assert _replayed(_two(), [*notes, *rows, *notes]).result == [1, 2]


# -- scopes -------------------------------------------------------------------------------------


def _inner(effect: Effect[Any], data: Mapping[str, Any]) -> Body:
    del effect, data

    async def inner() -> Any:
        return [await step("x"), await step("y")]

    return Body(inner)


async def _outer() -> Any:
    return [await _follow("inner"), await step("after")]


def test_a_scope_with_its_end_row_is_recalled_and_not_driven() -> None:
    hand = Hand(_outer(), _inner).begin()
    hand.open("inner")
    hand.finish("x", 1)
    hand.finish("y", 2)
    assert hand.waits_for == ["after"]

    driven: list[str] = []

    def watched(effect: Effect[Any], data: Mapping[str, Any]) -> Body:
        body = _inner(effect, data)

        def start() -> Any:
            driven.append(effect.name)
            return body.start()

        return Body(start)

    again = hand.again(_outer(), watched)
    assert driven == []
    assert again.waits_for == ["after"]
    again.finish("after", 3)
    assert again.result == [[1, 2], 3]


def test_a_cut_inside_a_scope_drives_it_again_and_asks_only_for_the_rest() -> None:
    hand = Hand(_outer(), _inner).begin()
    hand.open("inner")
    hand.finish("x", 1)
    again = hand.again(_outer(), _inner)
    assert again.asked == ["main/0:follow.inner/1:tool.y"]
    again.finish("y", 2)
    again.finish("after", 3)
    assert again.result == [[1, 2], 3]


def test_a_scope_that_is_cancelled_ends_its_children_first() -> None:
    async def workflow() -> Any:
        return await race(_follow("inner"), step("fast"))

    hand = Hand(workflow(), _inner).begin()
    hand.open("inner")
    hand.finish("fast", "won")
    assert hand.stopped == [("main/0:race/0/0:follow.inner/0:tool.x", "scope")]
    assert hand.drive.outcome is None
    hand.cancelled("x")
    assert hand.result == "won"
    assert [row.kind for row in hand.rows][-2:] == ["step.cancelled", "step.cancelled"]


def test_the_log_decides_what_a_scope_failed_with() -> None:
    def failing(effect: Effect[Any], data: Mapping[str, Any]) -> Body:
        del effect, data

        async def inner() -> Any:
            await step("x")
            raise UsageError("no such thing", hint="Look again")

        return Body(inner)

    async def workflow() -> Any:
        await _follow("inner")

    hand = Hand(workflow(), failing).begin()
    hand.open("inner")
    hand.finish("x")
    live, again = hand, hand.again(workflow(), failing)
    for one in (live, again):
        with pytest.raises(StepFailed, match="no such thing") as raised:
            _ = one.result
        assert raised.value.error_code == "usage"


# -- where --------------------------------------------------------------------------------------


async def _deep() -> None:
    await step("deep")  # where: deep


async def _waits_in_two_places() -> None:
    await together(
        _deep(),
        step("shallow"),
    )


def test_where_names_file_and_line_of_each_path() -> None:
    hand = Hand(_waits_in_two_places()).begin()
    with open(__file__, encoding="utf-8") as source:
        lines = source.readlines()
    deep = next(n for n, text in enumerate(lines, 1) if "# where: deep" in text)
    shallow = next(n for n, text in enumerate(lines, 1) if "await together(\n" in text)
    where = hand.drive.where()
    assert where["main/0:together/0/0:tool.deep"] == (__file__, deep)
    file, line = where["main/0:together/1/0:tool.shallow"]
    assert file == __file__
    assert shallow <= line <= shallow + 3
    hand.drive.suspend()


def test_decoding_happens_live_and_replayed_and_its_failure_is_the_workflows() -> None:
    def decode(value: Any) -> int:
        return int(value)

    async def workflow() -> Any:
        good = await Effect("tool", "good", decode=decode)
        bad = attempt(int, "1")
        try:
            await Effect("tool", "bad", decode=decode)
        except ValueError:
            return [good, bad]

    hand = Hand(workflow()).begin()
    hand.finish("good", "4")
    hand.finish("bad", "four")
    assert hand.result[0] == 4
    assert hand.again(workflow()).result[0] == 4
