from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journal.hand import Hand, step
from workbench.errors import Cancelled, StepFailed, UsageError
from workbench.workflow.verbs import as_they_finish, race, together, within


async def _one(name: str) -> Any:
    return await step(name)


# -- keys ----------------------------------------------------------------------------------------


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


# -- together ------------------------------------------------------------------------------------


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


# -- race ----------------------------------------------------------------------------------------


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


# -- within --------------------------------------------------------------------------------------


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


# -- as_they_finish ------------------------------------------------------------------------------


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
            return await anext(results)

    hand = Hand(workflow()).begin()
    hand.finish("b", "first")
    assert hand.drive.outcome is None
    hand.cancelled("a")
    assert hand.result == "first"


# -- where ---------------------------------------------------------------------------------------


async def _deep() -> None:
    await step("deep")  # where: deep


async def _waits_in_two_places() -> None:
    await together(
        _deep(),
        step("shallow"),
    )


def test_where_names_file_and_line_of_each_path() -> None:
    hand = Hand(_waits_in_two_places()).begin()
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    deep = next(n for n, text in enumerate(lines, 1) if "# where: deep" in text)
    shallow = next(
        n for n, text in enumerate(lines, 1) if "await together(" in text and text.endswith("(")
    )
    where = hand.drive.where()
    assert where["main/0:together/0/0:tool.deep"] == (__file__, deep)
    file, line = where["main/0:together/1/0:tool.shallow"]
    assert file == __file__
    assert shallow <= line <= shallow + 3
    hand.drive.suspend()
