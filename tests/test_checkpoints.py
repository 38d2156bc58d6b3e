"""Checkpoints of real runs: taken by the rule, by a workflow, by a person; found again by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import WRITER, acted, in_turn, opened, rows_of, waiting
from workbench.errors import InputError, RunOwned, UnknownName
from workbench.run.waiting import Answer
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, checkpoint, now, question, together


@pattern
async def twice_and_a_question() -> Any:
    await ask(WRITER, task="one")
    await ask(WRITER, task="two")
    answer = await question("go on?")
    await ask(WRITER, task="three")
    return answer


@pattern
async def all_at_once() -> Any:
    return [r.text for r in await together(ask(WRITER, task=str(n)) for n in range(3))]


@pattern
async def rounds() -> None:
    for _ in range(3):
        await checkpoint("round")
        await now()


def _taken(bench: Any, run: Any) -> list[tuple[str, str]]:
    rows = rows_of(bench, run, "checkpoint.taken")
    return [(row.data["name"], row.data["by"]) for row in rows]


@acted
async def test_each_turn_leaves_one_row_at_its_end_and_a_resumed_run_counts_on(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        run = await bench.start(twice_and_a_question)
        await waiting(bench)
        run.interrupt("immediate")
        await run.finished()
    async with opened(tmp_path, in_turn("done")) as bench:
        run = await bench.resume(run.run_id, what=twice_and_a_question)
        (one,) = await waiting(bench)
        await bench.answer(one.id, Answer(answer="yes"))
        assert await run.result() == "yes"
        assert _taken(bench, run) == [(f"writer turn {n}", "rule") for n in (1, 2, 3)]
        for row in rows_of(bench, run, "checkpoint.taken"):
            before = next(iter(bench.store.rows(run.run_id, after=row.seq - 2, upto=row.seq - 1)))
            assert (before.kind, before.key) == ("step.finished", row.key)


@acted
async def test_turns_beside_each_other_each_have_theirs(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        run = await bench.start(all_at_once)
        whole = await run.result()
        assert [name for name, _ in _taken(bench, run)] == [f"writer turn {n}" for n in (1, 2, 3)]
        fork = await bench.fork(run.run_id, "writer turn 2")
        assert await fork.result() == whole
        assert _taken(bench, fork)[-1] == ("writer turn 3", "rule")


@acted
async def test_the_setting_takes_them_by_steps_or_not_at_all(tmp_path: Path) -> None:
    async with opened(tmp_path, in_turn("done"), checkpoints="off") as bench:
        run = await bench.start(all_at_once)
        await run.result()
        assert _taken(bench, run) == []
    async with opened(tmp_path, in_turn("done"), checkpoints=2) as bench:
        run = await bench.start(all_at_once)
        await run.result()
        assert _taken(bench, run) == [(f"step {n}", "rule") for n in (2, 4, 6)]


@acted
async def test_of_checkpoints_with_one_name_the_newest_counts_and_all_are_listed(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(rounds)
        await run.result()
        seqs = [row.seq for row in bench.store.checkpoints(run.run_id)]
        assert len(seqs) == 3
        newest = await bench.fork(run.run_id, "round")
        oldest = await bench.fork(run.run_id, seqs[0] + 1)
        assert (newest.header.cut, oldest.header.cut) == (seqs[-1] + 1, seqs[0] + 1)


@acted
async def test_a_place_can_be_named_afterwards_and_earlier_than_the_end(tmp_path: Path) -> None:
    async with opened(tmp_path) as bench:
        run = await bench.start(rounds)
        await run.result()
        before = rows_of(bench, run)
        await run.finished()
        await bench.mark(run.run_id, "the start", 2)
        assert bench.store.run(run.run_id).status == "returned"
        assert rows_of(bench, run)[: len(before)] == before
        fork = await bench.fork(run.run_id, "the start")
        await fork.result()
        assert fork.header.cut == 2
        with pytest.raises(InputError, match="no row 99"):
            await bench.mark(run.run_id, "nowhere", 99)
        with pytest.raises(UnknownName, match="Did you mean 'round'"):
            await bench.mark(run.run_id, "nowhere", "rond")


@acted
async def test_a_run_that_somebody_else_drives_is_not_named_behind_its_back(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, in_turn("done")) as bench:
        run = await bench.start(twice_and_a_question)
        await waiting(bench)
        async with opened(tmp_path) as other:
            with pytest.raises(RunOwned):
                await other.mark(run.run_id, "mine", 2)
        await bench.mark(run.run_id, "live", "writer turn 1")
        assert rows_of(bench, run)[-1].data["name"] == "live"
        run.cancel()
        await run.finished()


@acted
async def test_a_workflow_cannot_name_a_checkpoint_with_what_is_no_name(tmp_path: Path) -> None:
    @pattern
    async def nameless() -> None:
        await checkpoint("x" * 500)

    async with opened(tmp_path) as bench:
        run = await bench.start(nameless)
        assert (await run.finished()).outcome == "failed"
        assert _taken(bench, run) == []
