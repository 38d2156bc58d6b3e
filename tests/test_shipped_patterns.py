"""The shipped patterns, run as a user runs them, on the playbook that makes answers up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from workbench import Agent, Workbench, WorkbenchError

WORKERS = [Agent(name, "task: str -> work: str") for name in ("ann", "ben", "cem")]


def run(folder: Path, pattern: str, **inputs: Any) -> Any:
    async def main() -> Any:
        async with Workbench.open(":memory:", workspace=folder) as bench:
            return await (await bench.start(pattern, inputs)).result()

    return asyncio.run(main())


def test_sequential_hands_each_what_the_one_before_made(tmp_path: Path) -> None:
    found = run(tmp_path, "sequential", agents=WORKERS, task="tidy")
    assert found == "cem for ben for ann for tidy"


def test_sequential_refuses_nobody(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="at least one agent"):
        run(tmp_path, "sequential", agents=[], task="tidy")


def test_parallel_returns_everybody_s_work_by_name(tmp_path: Path) -> None:
    found = run(tmp_path, "parallel", agents=WORKERS, task="tidy")
    assert found == {name: f"{name} for tidy" for name in ("ann", "ben", "cem")}


def test_parallel_stops_when_enough_have_answered(tmp_path: Path) -> None:
    assert len(run(tmp_path, "parallel", agents=WORKERS, task="tidy", need=2)) == 2


def test_a_router_that_names_nobody_fails_and_picks_no_first(tmp_path: Path) -> None:
    chooser = Agent("chooser", "task: str, agents: list[str] -> name: str, why: str")
    with pytest.raises(WorkbenchError, match="none of: ann, ben, cem"):
        run(tmp_path, "router", chooser=chooser, agents=WORKERS, task="tidy")


def test_consensus_that_is_not_reached_is_a_failure_with_its_votes(tmp_path: Path) -> None:
    agents = [Agent(name, "question: str, answers: list[str] -> answer: str") for name in "ab"]
    with pytest.raises(WorkbenchError, match="no agreement after 2 rounds"):
        run(tmp_path, "consensus", agents=agents, question="tabs?", rounds=2)
