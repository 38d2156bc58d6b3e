"""A workbench over a real database in a scratch folder, with agents that a playbook answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from workbench.bench import Workbench

PLAYBOOK = """
playbook: ours
answers:
  - agent: writer
    when: {round: 0}
    text: I write it down.
    calls:
      - {tool: write_file, arguments: {path: note.txt, content: "hello"}}
  - agent: writer
    when: {failed: true}
    reply: {report: "I could not: {result}"}
  - agent: writer
    reply: {report: written}
  - agent: critic
    reply: {verdict: "ship it"}
  - agent: broken
    fault: unreachable
"""

AGENTS = """
agent define writer "task: str -> report: str" tools=["write_file"]
agent define critic "draft: str -> verdict: str"
agent define broken "draft: str -> verdict: str"
model playbook:ours
"""

Opened = Callable[[], AbstractAsyncContextManager[Workbench]]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "ours.playbook.yaml").write_text(PLAYBOOK, encoding="utf-8")
    return folder


@pytest.fixture
def opened(workspace: Path, tmp_path: Path) -> Opened:
    """Open the workbench; the same database each time."""

    @asynccontextmanager
    async def open_it() -> AsyncGenerator[Workbench]:
        database = tmp_path / "state" / "workbench.db"
        database.parent.mkdir(exist_ok=True)
        async with Workbench.open(database, workspace=workspace) as bench:
            yield bench

    return open_it
