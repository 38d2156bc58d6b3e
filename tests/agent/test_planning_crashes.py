"""A plan that is killed in the middle goes on where it was: what is done is not done again."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent import killed
from tests.agent.killed import RUN, answers, lines, planning, reviewed
from tests.agent.planned import role_of
from tests.run.stage import acted, opened, requests, until
from workbench.run.waiting import Answer

REPOSITORY = Path(killed.__file__).parents[2]


def _killed(folder: Path, point: str) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from tests.agent.killed import run; run({str(folder)!r}, {point!r})",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.mark.parametrize(
    ("point", "doubt"),
    [
        ("before:two", "not done"),
        ("after:two", "done"),
        *((f"row:{number}", "") for number in (6, 12, 18, 24, 30)),
    ],
)
def test_a_plan_killed_in_the_middle_does_nothing_again(
    tmp_path: Path, point: str, doubt: str
) -> None:
    _killed(tmp_path, point)
    before = lines(tmp_path)

    @acted
    async def resumed() -> None:
        async with opened(tmp_path, answers()) as bench:
            run = await bench.resume(RUN, what=planning)
            if doubt:
                (one,) = await until(bench, lambda: bench.world.inbox.unanswered or None)
                assert one.kind == "in_doubt"
                answer = (
                    Answer(answer="run again")
                    if doubt == "not done"
                    else Answer(answer="done", result="two is there")
                )
                await bench.answer(one.id, answer)
            assert await run.result() == "all is done"
            asked = [r.inputs.get("item") for r in requests(bench) if role_of(r) == "worker"]
            assert not {f"do {name}" for name in before[:-1]} & {*asked}

    resumed()
    assert lines(tmp_path) == ["one", "two", "three"]


def test_a_plan_that_waited_for_a_person_waits_again_under_the_same_name(tmp_path: Path) -> None:
    _killed(tmp_path, "asked")

    @acted
    async def resumed() -> None:
        async with opened(tmp_path, answers()) as bench:
            run = await bench.resume(RUN, what=reviewed)
            (one,) = await until(bench, lambda: bench.world.inbox.unanswered or None)
            name = f"{RUN}:reviewed/0:ask.mason/2:review.plan/review#0"
            assert (one.id, one.kind) == (name, "plan")
            edited = {"items": one.arguments["items"][:1]}
            await bench.answer(one.id, Answer(answer="accept", arguments=edited))
            assert await run.result() == "all is done"
            assert [r for r in requests(bench) if role_of(r) == "planner"] == []

    resumed()
    assert lines(tmp_path) == ["one"]
