"""Scripts: lines as effects, ends as exit codes, going on after an interruption."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.script.conftest import AGENTS, Opened
from workbench.errors import Diverged, UsageError, WorkbenchError
from workbench.script.command import Output
from workbench.script.ended import from_store
from workbench.script.language import Line
from workbench.script.run_script import resumable, run_script, runs_of


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Output]] = []
        self.notices: list[str] = []

    def begun(self, line: Line) -> None:
        pass

    def done(self, line: Line, output: Output) -> None:
        self.said.append((line.name, output))

    def notice(self, text: str) -> None:
        self.notices.append(text)


async def played(opened: Opened, text: str, *, resume: bool = False) -> tuple[int, Kept]:
    kept = Kept()
    async with opened() as bench:
        code = await run_script(bench, AGENTS + text, "test.kz", kept, resume=resume)
    return code, kept


async def failure(opened: Opened) -> str:
    async with opened() as bench:
        (row,) = [r for r in bench.store.runs() if r.pattern == "script"]
        return from_store(bench.store, row.run_id).message


@pytest.mark.anyio
async def test_a_script_runs_its_lines_in_order(opened: Opened):
    code, kept = await played(opened, "ask critic Is it good?\nexpect output.verdict~*ship*\n")
    assert code == 0
    assert [name for name, _ in kept.said][-2:] == ["ask", "expect"]
    assert kept.said[-2][1].lines == ("verdict: ship it",)
