"""A second process sees a run as its owner's log has it, and learns when the owner is gone."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.run.acts import GATES, begun, beside, gate, line
from tests.run.stage import acted, opened, rows_of, until
from tests.run.two import Told, asked, doing, let_go, two, waits_for, wondering
from workbench.errors import StoreError, UnknownName, UsageError
from workbench.run.following import Following
from workbench.run.waiting import Answer
from workbench.store.memory import MemoryStore

HERE = f"process {os.getpid()}"


@acted
async def test_a_follower_is_told_every_row_in_order_and_once(tmp_path: Path) -> None:
    gate("b")
    async with two(tmp_path) as (owner, other):
        told = Told(other)
        run = await owner.start(line)
        await begun("b")
        await other.following.follow(run.run_id)
        await told.driver(HERE)
        GATES["b"].set()
        await run.result()
        await told.row("run.finished")
        assert told.rows == rows_of(owner, run)
        assert run.run_id not in other.following.runs, "there is nothing more to follow"


@acted
async def test_a_follower_goes_on_after_what_it_knows(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        told = Told(other)
        run = await owner.start(wondering)
        await asked(owner, other, run)
        other.following.leave(run.run_id)
        known = told.rows[-1].seq
        told.rows.clear()
        await other.following.follow(run.run_id, after=known)
        run.checkpoint("here")
        await told.row("checkpoint.taken")
        assert [row.seq for row in told.rows] == [known + 1]


@acted
async def test_a_long_run_is_caught_up_with(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        told = Told(other)
        run = await owner.start(wondering)
        for number in range(3500):
            run.steer("nobody", str(number))
        await asyncio.to_thread(owner.store.flush)
        await other.following.follow(run.run_id)
        await told.row("message.sent", 3500)
        assert [row.seq for row in told.rows] == list(range(1, run.rows.seq + 1))


@acted
async def test_what_waits_in_a_followed_run_is_known_and_leaves_with_its_answer(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        waiting = await asked(owner, other, run)
        pending = other.following.runs[run.run_id].pending
        assert pending[waiting.id].data["text"] == "which way?"
        await owner.answer(waiting.id, Answer(answer="left"))
        await until(other, lambda: not pending or None)


@acted
async def test_a_follower_learns_that_the_driver_let_go_and_that_another_goes_on(
    tmp_path: Path,
) -> None:
    async with two(tmp_path) as (owner, other):
        told = Told(other)
        run = await owner.start(wondering)
        await asked(owner, other, run)
        run.interrupt("immediate")
        await told.driver("")
        assert other.following.runs[run.run_id].pending == {}
        again = await owner.resume(run.run_id)
        await told.driver(HERE)
        await asked(owner, other, again)


@acted
async def test_an_ended_run_is_not_followed(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(beside)
        await run.result()
        owner.store.flush()
        await other.following.follow(run.run_id, after=run.rows.seq)
        assert other.following.runs == {}
        with pytest.raises(UsageError, match="has ended"):
            await other.request(run.run_id, "steer", agent="a", text="b")
        with pytest.raises(UnknownName):
            await other.following.follow("nonsense")


@acted
async def test_nothing_is_looked_at_while_nothing_is_followed(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(wondering)
        await asked(owner, other, run)
        other.following.leave(run.run_id)
        await waits_for(lambda: not other.following.is_looking)


@acted
async def test_resuming_a_followed_run_ends_the_following(tmp_path: Path) -> None:
    async with two(tmp_path) as (owner, other):
        run = await owner.start(doing, text="it")
        await asked(owner, other, run)
        run.interrupt("immediate")
        await run.finished()
        await let_go(owner, run)
        mine = await other.resume(run.run_id)
        assert run.run_id not in other.following.runs
        mine.interrupt("immediate")
        await mine.finished()


@acted
async def test_a_run_in_memory_is_followed_by_nobody(tmp_path: Path) -> None:
    del tmp_path
    following = Following(MemoryStore(), lambda _event: None)
    with pytest.raises(UnknownName):
        await following.follow("a")


@acted
async def test_a_follower_of_a_read_only_database_sees_and_cannot_ask(tmp_path: Path) -> None:
    async with opened(tmp_path) as owner:
        run = await owner.start(wondering)
        await until(owner, lambda: owner.waiting or None)
        owner.store.flush()
        async with opened(tmp_path, more={"readonly": True}) as other:
            told = Told(other)
            await other.following.follow(run.run_id)
            await told.row("question.asked")
            with pytest.raises(StoreError, match="not open for writing"):
                await other.request(run.run_id, "steer", agent="a", text="b")
