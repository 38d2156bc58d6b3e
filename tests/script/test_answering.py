"""What waits when nobody is there, and who is blamed for what in the exit code."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.script.conftest import AGENTS, Opened
from workbench.run.waiting import Answer, Waiting
from workbench.script.answering import Answering
from workbench.script.ended import Ended, exit_code
from workbench.script.execute import execute
from workbench.script.session import Session
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import question, use


@pattern
async def asking(text: str) -> str:
    """Ask a person."""
    return await question(text, ["red", "blue"])


@pattern
async def careless(path: str) -> Any:
    """Delete without a thought for a refusal."""
    return await use("delete_file", path=path)


def finished(opened: Opened, what: Any, ask: Any = None, **inputs: Any) -> tuple[int, Ended]:
    async def main() -> tuple[int, Ended]:
        async with opened() as bench:
            session = Session(bench)
            for line in AGENTS.strip().splitlines():
                await execute(session, line)
            async with Answering(bench, ask, lambda _text: None) as answering:
                run = await bench.start(what, inputs)
                await run.finished()
            return answering.exit_code, session.ended(run.run_id)

    return asyncio.run(main())


def test_a_question_nobody_can_answer_suspends_the_run(opened: Opened):
    code, ended = finished(opened, asking, text="which?")
    assert (code, ended.outcome) == (5, "suspended")


def test_a_person_answers_a_question(opened: Opened):
    async def blue(waiting: Waiting) -> Answer | None:
        assert waiting.choices == ("red", "blue")
        return Answer(answer="blue")

    code, ended = finished(opened, asking, blue, text="which?")
    assert (code, ended.result) == (0, "blue")


def test_a_run_that_ends_because_of_a_denial_has_exit_code_five(opened: Opened, workspace: Any):
    (workspace / "kept.txt").write_text("kept", encoding="utf-8")
    code, ended = finished(opened, careless, path="kept.txt")
    assert (code, ended.outcome, ended.exit_code) == (0, "failed", 5)
    assert len(ended.denied) == 1
    assert (workspace / "kept.txt").exists()


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [
        ("returned", None, 0),
        ("failed", None, 1),
        ("cancelled", None, 1),
        ("out_of_budget", None, 6),
        ("failed", {"code": "denied"}, 5),
        ("failed", {"code": "model_unreachable"}, 4),
        ("failed", {"code": "in_doubt"}, 7),
        ("failed", {"code": "not_trusted"}, 3),
        ("failed", {"code": "unknown_name"}, 2),
        ("failed", {"code": "value_error"}, 1),
        (
            "failed",
            {"code": "run_ended", "data": {"outcome": "out_of_budget", "error": None}},
            6,
        ),
    ],
)
def test_every_end_has_its_exit_code(outcome: str, error: Any, code: int):
    assert exit_code(outcome, error) == code
