from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any

import pytest

from tests.journal.hand import Hand, step
from workbench.errors import Diverged, StepFailed, UsageError
from workbench.foreign import attempt
from workbench.journal.events import Event
from workbench.journal.strands import Body
from workbench.workflow.effects import Effect
from workbench.workflow.verbs import race


async def _one(name: str) -> Any:
    return await step(name)


def _follow(name: str) -> Effect[Any]:
    return Effect("follow", name, {"inputs": {}})


# -- divergence ----------------------------------------------------------------------------------


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
    report = raised.value.data["report"]
    assert report["recorded"]["effect"]["key"] == "main/1:tool.b"
    assert [one["key"] for one in report["asked"]] == ["main/1:tool.c"]
    assert report["asked"][0]["place"].startswith("test_replay.py:")
    assert report["last"]["effect"]["name"] == "a"
    assert (report["seq"], report["left_over"]) == (2, 1)
    assert "Fork before this point" in raised.value.hint


def test_reordered_steps_diverge() -> None:
    async def reordered() -> None:
        await step("b")
        await step("a")

    with pytest.raises(Diverged, match=r"main/0:tool\.a"):
        _replayed(reordered(), _recorded())


def test_rows_left_over_after_the_end_diverge() -> None:
    with pytest.raises(Diverged, match="the workflow has returned 1, and row 2"):
        _replayed(_one("a"), _recorded())


def test_a_changed_argument_diverges_by_its_fingerprint() -> None:
    async def changed() -> None:
        await step("a", loud=True)

    with pytest.raises(Diverged, match=r"other arguments now \(loud\)") as raised:
        _replayed(changed(), _recorded())
    report = raised.value.data["report"]
    assert report["recorded"]["is_exact"]
    assert report["differences"] == [{"name": "loud", "recorded": None, "asked": "true"}]


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


# -- scopes --------------------------------------------------------------------------------------


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
