"""What every shipped pattern keeps: killed, resumed and forked, it comes to the same end."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.said import answering
from tests.plugins.staged import RUN, STAGES, Stage
from tests.run.stage import acted, opened, requests, rows_of
from workbench.bench import Workbench
from workbench.config.folders import shipped
from workbench.journal.events import OUTCOMES, Event

ROOT = Path(__file__).parents[2]
AGENTS = ("agents", "workers", "judges")


def test_every_shipped_pattern_is_on_a_stage() -> None:
    assert sorted(STAGES) == sorted(file.stem for file in shipped("plugins").glob("*.py"))


async def _whole(bench: Workbench, name: str, stage: Stage) -> Any:
    run = await bench.start(name, stage.inputs, run_id=RUN)
    return await run.result()


def _answers(rows: list[Event]) -> list[tuple[str, Any]]:
    """What each model call of a run came to, by key: a call that is done twice stands twice."""
    return sorted(
        (row.key, str(row.data.get("result")))
        for row in rows
        if row.kind in OUTCOMES and row.data.get("effect") == "model"
    )


@pytest.mark.parametrize("name", STAGES)
@acted
async def test_agents_given_are_agents_used(tmp_path: Path, name: str) -> None:
    stage = STAGES[name]
    async with opened(tmp_path, answering(stage.says)) as bench:
        await _whole(bench, name, stage)
        used = {request.agent for request in requests(bench)}
        given = {one.name for key in AGENTS for one in stage.inputs.get(key, ())}
        alone = {one.name for one in stage.inputs.values() if hasattr(one, "signature")}
        assert alone <= used
        assert used <= given | alone
        assert used >= given or name in ("router", "vote"), given - used


@pytest.mark.parametrize("name", STAGES)
@acted
async def test_a_fork_from_any_row_comes_to_the_same_end(tmp_path: Path, name: str) -> None:
    stage = STAGES[name]
    async with opened(tmp_path, answering(stage.says)) as bench:
        result = await _whole(bench, name, stage)
        last = rows_of(bench, RUN)[-1].seq
        for seq in range(1, last, max(1, last // 6)):
            fork = await bench.fork(RUN, seq)
            assert await fork.result() == result, seq


@pytest.mark.parametrize("name", STAGES)
@acted
async def test_killed_in_its_middle_it_goes_on_and_asks_nobody_twice(
    tmp_path: Path, name: str
) -> None:
    stage = STAGES[name]
    (tmp_path / "whole").mkdir()
    async with opened(tmp_path / "whole", answering(stage.says)) as bench:
        result = await _whole(bench, name, stage)
        rows = rows_of(bench, RUN)
    middle = rows[len(rows) // 2].seq
    code = f"from tests.plugins.staged import dies; dies({str(tmp_path)!r}, {name!r}, {middle})"
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    async with opened(tmp_path, answering(stage.says)) as bench:
        before = _answers(rows_of(bench, RUN))
        run = await bench.resume(RUN)
        assert await run.result() == result
        assert _answers(rows_of(bench, RUN)) == _answers(rows)
        assert len(requests(bench)) == len(_answers(rows)) - len(before)
