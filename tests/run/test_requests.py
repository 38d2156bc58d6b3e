"""What a second process asks of a run is done once, recorded as usual, and said to whom asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.run.acts import DONE, GATES, STUDENT, begun, gate, line
from tests.run.stage import acted, calling, in_turn, opened, rows_of, until
from tests.run.stage import requests as asked_of_models
from tests.run.two import DEEDS, Told, asked, doing, going_on, let_go, two, waits_for, wondering
from workbench.bench import Workbench
from workbench.errors import TooLate, UsageError
from workbench.journal.events import Event
from workbench.journal.requests import LEASE_S, Request, signed, who
from workbench.run.following import requester
from workbench.run.run import Run
from workbench.run.waiting import Answer, Waiting


async def allow(other: Workbench, waiting: Waiting, **data: Any) -> Request:
    given = {"verdict": "allow", "digest": waiting.digest, **data}
    return await other.request(waiting.run_id, "answer", waiting=waiting.id, **given)


async def became(other: Workbench, request: Request) -> Request:
    """Wait until a request has an outcome."""

    def found() -> Request | None:
        told = other.store.shared.request(request.id)
        return told if told is not None and told.outcome else None

    return await waits_for(found)


@acted
async def test_an_approval_from_another_process_is_an_approval(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        told = await allow(other, waiting)
        assert (told.outcome, told.told) == ("taken", "")
        assert await run.result() == "did it"
        (row,) = rows_of(owner, run, "approval.answered")
        assert row.data["verdict"] == "allow"
        assert who(row.data["by"]) == requester()
        assert signed(row.data["by"]) == told.id
        assert DEEDS == ["it"]


@acted
async def test_a_denial_carries_its_reason_to_the_agent(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        data = {"waiting": waiting.id, "verdict": "deny", "reason": "not on a Friday"}
        told = await other.request(run.run_id, "answer", **data)
        assert told.outcome == "taken"
        await run.finished()
        (row,) = rows_of(owner, run, "step.denied")
        assert row.data["error"]["message"] == "not on a Friday"
        assert DEEDS == []


@acted
async def test_edited_arguments_are_what_is_done(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        await allow(other, waiting, arguments={"text": "something smaller"})
        assert await run.result() == "did something smaller"


@acted
async def test_a_wider_scope_keeps_a_rule(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        told = await allow(other, waiting, scope="session")
        await run.result()
        (row,) = rows_of(owner, run, "rule.added")
        assert signed(row.data["by"]) == told.id
        assert [rule.tool for rule in owner.policy.rules if rule.scope == "session"] == ["deed"]


@acted
async def test_an_allowance_is_for_what_was_shown_and_nothing_else(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        for digest in ("", "another", None):
            told = await allow(other, waiting, digest=digest)
            assert told.outcome == "refused"
            assert "is another action than the one that was shown" in told.told
        assert owner.waiting == [waiting]
        assert DEEDS == []
        await owner.answer(waiting.id, Answer("deny"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"verdict": "allways"}, "no verdict 'allways'"),
        ({"scope": "world"}, "no scope 'world'"),
        ({"arguments": ["rm"]}, "edited arguments are a mapping"),
        ({"waiting": "elsewhere"}, "no waiting request 'elsewhere'"),
    ],
)
@acted
async def test_an_answer_that_is_none_is_refused_with_its_error(
    tmp_path: Path, data: dict[str, Any], why: str
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        told = (
            await allow(other, waiting, **data)
            if "waiting" not in data
            else (await other.request(run.run_id, "answer", **data))
        )
        assert told.outcome == "refused"
        assert why in told.told
        assert owner.waiting == [waiting]


@acted
async def test_a_question_is_answered_and_a_wrong_choice_is_not(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        waiting = await asked(owner, other, run)
        told = await other.request(run.run_id, "answer", waiting=waiting.id, answer="up")
        assert told.outcome == "refused"
        assert "no choice 'up'" in told.told
        told = await other.request(run.run_id, "answer", waiting=waiting.id, answer="left")
        assert told.outcome == "taken"
        assert await run.result() == "left"


@acted
async def test_the_first_answer_counts_and_the_others_are_told_by_whom(tmp_path: Path) -> None:
    """A race of two attached processes and the keyboard: exactly one execution."""
    async with two(tmp_path) as (owner, other), opened(tmp_path) as third:
        run = await owner.start(going_on)
        waiting = await asked(owner, other, run)
        answers = [allow(other, waiting), allow(third, waiting), allow(other, waiting)]
        here = owner.answer(waiting.id, Answer("allow"))
        found = await asyncio.gather(*answers, here, return_exceptions=True)
        await until(owner, lambda: owner.waiting or None)
        told = [one for one in found if isinstance(one, Request)]
        wins = [one for one in told if one.outcome == "taken"]
        assert len(wins) + (found[3] is None) == 1
        for late in (one for one in told if one.outcome != "taken"):
            assert late.outcome == "late"
            assert late.told.startswith("answered already by ")
        assert DEEDS == ["it"]
        assert (await allow(third, waiting)).outcome == "late"


@acted
async def test_who_answers_too_late_at_the_keyboard_is_told_by_whom(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        waiting = await asked(owner, other, run)
        await allow(other, waiting)
        with pytest.raises(TooLate, match=f"answered already by {requester()} .allow."):
            await owner.answer(waiting.id, Answer("deny"))
        await run.result()


@acted
async def test_steering_a_checkpoint_limits_and_a_mode_are_recorded_with_who_asked(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        await asked(owner, other, run)
        ids = [
            (await other.request(run.run_id, "steer", agent="ear", text="mind the gap")).id,
            (await other.request(run.run_id, "checkpoint", name="here")).id,
            (await other.request(run.run_id, "limits", limits={"steps": 7})).id,
            (await other.request(run.run_id, "mode", mode="plan")).id,
        ]
        kinds = ("message.sent", "checkpoint.taken", "budget.changed", "mode.changed")
        rows = rows_of(owner, run, *kinds)
        assert [row.kind for row in rows] == list(kinds)
        assert [signed(row.data["by"]) for row in rows] == ids
        assert run.budget.limits.steps == 7
        assert owner.policy.mode == "plan"
        assert all(other.store.shared.request(one).outcome == "taken" for one in ids)  # type: ignore[union-attr]


@acted
async def test_an_agent_hears_what_another_process_says_to_it(tmp_path: Path) -> None:
    gate("study")
    model = in_turn(calling(("study", {"topic": "owls"})), "done")
    async with two(tmp_path, model) as (owner, other):
        run = await owner.start("ask", agent=STUDENT, inputs={"task": "learn"})
        await begun("study")
        owner.store.flush()  # what the other process sees is what is committed
        await other.request(run.run_id, "steer", agent="student", text="Be brief")
        GATES["study"].set()
        await run.result()
        assert asked_of_models(owner)[1].entries[-1].text == "Be brief"


@pytest.mark.parametrize("how", ["graceful", "immediate"])
@acted
async def test_an_interrupt_from_another_process_suspends(tmp_path: Path, how: str) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        await asked(owner, other, run)
        if how == "graceful":
            # A question that waits has not begun: nothing has to finish first.
            told = await other.request(run.run_id, "interrupt", how=how)
        else:
            told = await other.request(run.run_id, "interrupt", how=how, reason="enough")
        assert told.outcome == "taken"
        assert (await run.finished()).outcome == "suspended"
        (row,) = rows_of(owner, run, "run.suspended")
        assert signed(row.data["by"]) == told.id


@acted
async def test_a_pause_from_another_process_holds_back_what_is_new(tmp_path: Path) -> None:
    gate("a")
    async with two(tmp_path) as (owner, other):
        run = await owner.start(line)
        await begun("a")
        owner.store.flush()  # what the other process sees is what is committed
        assert (await other.request(run.run_id, "pause")).outcome == "taken"
        GATES["a"].set()
        await seen_end(owner, run, "a")
        assert run.status == "paused"
        assert DONE == ["a begins", "a ends"]
        assert (await other.request(run.run_id, "go_on")).outcome == "taken"
        assert await run.result() == ["a", "b", "c"]


async def seen_end(owner: Workbench, run: Run, name: str) -> None:
    """Wait until a call has its outcome."""
    await DONE.has(f"{name} ends")
    await until(owner, lambda: rows_of(owner, run, "step.finished") or None)


@acted
async def test_one_call_is_cancelled_from_another_process(tmp_path: Path) -> None:
    gate("b")
    async with two(tmp_path) as (owner, other):
        run = await owner.start(line)
        await begun("b")
        owner.store.flush()  # what the other process sees is what is committed
        (key,) = run.steps
        told = await other.request(run.run_id, "cancel", key="line/9:call")
        assert told.outcome == "refused"
        told = await other.request(run.run_id, "cancel", key=key)
        assert told.outcome == "taken"
        await run.finished()
        assert rows_of(owner, run, "step.cancelled")[0].key == key


@acted
async def test_a_whole_run_is_cancelled_from_another_process(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        await asked(owner, other, run)
        told = await other.request(run.run_id, "cancel", reason="wrong one")
        assert told.outcome == "taken"
        assert (await run.finished()).outcome == "cancelled"


@pytest.mark.parametrize("kind", ["interrupt", "pause", "go_on", "cancel", "mode"])
@acted
async def test_what_makes_no_sense_for_a_run_that_rests_is_refused_at_once(
    tmp_path: Path, kind: Any
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await suspended(owner)
        with pytest.raises(UsageError, match="rests: nobody drives it"):
            await other.request(run.run_id, kind)
        assert other.store.shared.open_requests() == []


async def suspended(owner: Workbench, text: str = "it") -> Run:
    """A run that rests in its approval."""
    run = await owner.start(doing, text=text)
    await until(owner, lambda: owner.waiting or None)
    run.interrupt("immediate")
    await run.finished()
    await let_go(owner, run)
    return run


@acted
async def test_an_answer_to_a_run_that_rests_waits_and_is_taken_up_when_it_is_resumed(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await suspended(owner)
        (row,) = rows_of(owner, run, "approval.asked")
        data = {"waiting": row.data["id"], "verdict": "allow", "digest": row.data["digest"]}
        answer = await other.request(run.run_id, "answer", **data)
        word = await other.request(run.run_id, "steer", agent="nobody", text="later")
        assert (answer.outcome, word.outcome) == ("", "")
        again = await owner.resume(run.run_id)
        assert await again.result() == "did it"
        assert (await became(other, answer)).outcome == "taken"
        assert (await became(other, word)).outcome == "taken"
        assert DEEDS == ["it"]


@acted
async def test_an_answer_that_waited_is_for_the_action_it_was_given_for(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await suspended(owner)
        (row,) = rows_of(owner, run, "approval.asked")
        data = {"waiting": row.data["id"], "verdict": "allow", "digest": "of something else"}
        answer = await other.request(run.run_id, "answer", **data)
        again = await owner.resume(run.run_id)
        assert (await became(other, answer)).outcome == "refused"
        assert [one.id for one in owner.waiting] == [row.data["id"]]
        again.interrupt("immediate")
        await again.finished()
        assert DEEDS == []


@acted
async def test_what_was_carried_out_before_its_owner_died_is_not_carried_out_again(
    tmp_path: Path,
) -> None:
    """The row stands in the log, and the request was never settled."""
    async with two(tmp_path) as (owner, other):
        run = await suspended(owner)
        by = requester()
        open_one = Request("feedbeef", run.run_id, "steer", {"agent": "x", "text": "y"}, by, 1.0)
        last = owner.store.last_seq(run.run_id)
        told = {"to": "steer/x", "text": "y", "by": open_one.signature}
        owner.store.append([Event(run.run_id, last + 1, 2.0, "message.sent", "", told)])
        owner.store.flush()
        other.store.shared.ask(open_one)  # type: ignore[union-attr]
        again = await owner.resume(run.run_id)
        assert (await became(other, open_one)).outcome == "taken"
        assert len(rows_of(owner, run, "message.sent")) == 1
        again.interrupt("immediate")
        await again.finished()


@acted
async def test_an_interrupt_that_its_owner_never_saw_does_not_stop_who_goes_on(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await suspended(owner)
        stale = Request("cafe", run.run_id, "interrupt", {"how": "immediate"}, requester(), 1.0)
        other.store.shared.ask(stale)  # type: ignore[union-attr]
        again = await owner.resume(run.run_id)
        told = await became(other, stale)
        assert told.outcome == "refused"
        assert "rested when it was asked" in told.told
        assert again.status == "running"
        again.interrupt("immediate")
        await again.finished()


@acted
async def test_two_hundred_requests_while_the_owner_writes_are_each_done_once(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other), opened(tmp_path) as third:
        run = await owner.start(wondering)
        await asked(owner, other, run)

        async def ask(bench: Workbench, name: str) -> list[Request]:
            return [
                await bench.request(run.run_id, "steer", agent="x", text=f"{name}{number}")
                for number in range(100)
            ]

        async def write() -> None:
            for number in range(2000):
                run.steer("y", str(number))
                await asyncio.sleep(0)

        told, more, _ = await asyncio.gather(ask(other, "a"), ask(third, "b"), write())
        assert {one.outcome for one in (*told, *more)} == {"taken"}
        rows = [r for r in rows_of(owner, run, "message.sent") if r.data["to"] == "steer/x"]
        texts = [row.data["text"] for row in rows]
        assert sorted(texts) == sorted(f"{name}{n}" for name in "ab" for n in range(100))
        assert [t for t in texts if t[0] == "a"] == [f"a{n}" for n in range(100)]


@acted
async def test_a_hand_written_request_of_no_kind_is_refused(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        await asked(owner, other, run)
        odd = replace(Request("odd", run.run_id, "steer", {}, "x@1", 1.0), kind="explode")  # type: ignore[arg-type]
        other.store.shared.ask(odd)  # type: ignore[union-attr]
        told = await became(other, odd)
        assert (told.outcome, told.told.split(".")[0]) == ("refused", "no request 'explode'")


@acted
async def test_an_owner_that_was_taken_over_stops_and_follows(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        told = Told(owner)
        run = await owner.start(doing, text="it")
        await asked(owner, other, run)
        mine = await other.resume(run.run_id, take_over=True)
        assert (await run.finished()).outcome == "suspended"
        await until(owner, lambda: run.run_id in owner.following.runs)
        notices = [one.data["text"] for one in told.live if one.kind == "notice"]
        assert any("was taken over by" in text for text in notices)
        (waiting,) = await until(other, lambda: other.waiting or None)
        # The one that was fenced is an attached process like any other now.
        told_again = await allow(owner, waiting)
        assert told_again.outcome == "taken"
        assert await mine.result() == "did it"
        await told.row("run.finished")
        assert DEEDS == ["it"]
        resumed = rows_of(other, run, "run.resumed")
        assert "taken over from process" in resumed[0].data["left"]
        await seen_nothing(owner)


async def seen_nothing(owner: Workbench) -> None:
    """Nothing of the fenced process waits to be written."""
    owner.store.flush()


def test_a_signature_names_requester_and_request() -> None:
    request = Request("9f2c", "a", "steer", {}, "kim@4243", 1.0)
    assert (signed(request.signature), who(request.signature)) == ("9f2c", "kim@4243")
    assert (signed("user"), who("user"), signed(None)) == ("", "user", "")


@pytest.mark.parametrize("taken_over", [False, True])
@acted
async def test_nothing_begins_on_a_lease_that_is_over_without_asking(
    tmp_path: Path, taken_over: bool
) -> None:
    """What leaves no intent cannot be fenced by its commit: the owner asks before it."""
    gate("a")
    async with two(tmp_path) as (owner, other):
        run = await owner.start(line)
        await begun("a")
        run.pause()
        GATES["a"].set()
        await seen_end(owner, run, "a")
        if taken_over:
            # The bell is not heard: this process was stopped, and wakes just now.
            asyncio.get_running_loop().remove_reader(owner.store.shared.bell.descriptor)  # type: ignore[union-attr]
            other.store.claim(run.run_id, take_over=True)
        owner.store._writer.confirmed[run.run_id] -= LEASE_S + 1  # type: ignore[union-attr]
        run.go_on()
        outcome = await run.finished()
        begins = [one for one in DONE if one.endswith("begins")]
        assert begins == (["a begins"] if taken_over else ["a begins", "b begins", "c begins"])
        assert outcome.outcome == ("suspended" if taken_over else "returned")
