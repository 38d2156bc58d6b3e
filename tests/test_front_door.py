from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

import workbench

REPOSITORY = Path(workbench.__file__).parents[1]

FRONT_DOOR = [
    "Agent", "Audio", "Cancelled", "Document", "Done", "IdempotencyKey", "Image", "InputField",
    "OutputField", "Refused",
    "Signature", "StepFailed",
    "Workbench", "WorkbenchError", "as_they_finish", "ask", "ask_sync", "call", "checkpoint",
    "discover", "follow", "forget", "hook", "now", "pattern", "question", "race", "random",
    "recall", "receive", "remember", "send", "sleep", "together", "tool", "use", "within",
]  # fmt: skip

HEAVY = [
    "textual", "litellm", "mcp", "ollama", "prompt_toolkit", "sqlite_utils", "httpx", "pydantic",
]  # fmt: skip


def _program(code: str, *options: str) -> str:
    command = [sys.executable, *options, "-c", code]
    ended = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_front_door_is_this_list() -> None:
    assert sorted(workbench.__all__) == FRONT_DOOR
    assert dir(workbench) == FRONT_DOOR


@pytest.mark.parametrize("name", FRONT_DOOR)
def test_every_name_of_the_front_door_is_there_and_has_a_docstring(name: str) -> None:
    assert (getattr(workbench, name).__doc__ or "").strip()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Wrokbench'"):
        importlib.import_module("workbench").Wrokbench  # noqa: B018


@pytest.mark.parametrize(
    "code",
    ["import workbench", "from workbench import *", "import workbench; workbench.Workbench"],
)
def test_importing_it_loads_nothing_heavy(code: str) -> None:
    loaded = _program(f"{code}\nimport sys\nprint(*sys.modules)").split()
    assert "workbench" in loaded
    assert sorted({name.partition(".")[0] for name in loaded} & {*HEAVY}) == []


def test_importing_it_alone_loads_no_loop_and_no_database() -> None:
    loaded = _program("import workbench, sys\nprint(*sys.modules)").split()
    assert not {"asyncio", "sqlite3", "orjson", "yaml"} & set(loaded)


def test_importing_it_is_quick() -> None:
    best = 1.0
    for _ in range(3):
        begun = time.perf_counter()
        _program("import workbench")
        best = min(best, time.perf_counter() - begun)
    assert best < 0.5


TEN_LINES = """
import asyncio
from workbench import Agent, Workbench, ask, pattern, together

@pattern
async def both(agents: list[Agent], question: str) -> list[str]:
    replies = await together(ask(agent, question=question) for agent in agents)
    return [reply.answer for reply in replies]

async def main() -> None:
    async with Workbench.open(":memory:") as bench:
        agents = [Agent(name, "question: str -> answer: str") for name in ("ann", "bob")]
        run = await bench.start(both, agents=agents, question="Why?")
        print(len(await run.result()), (await run.finished()).usage.model_calls)

asyncio.run(main())
"""


def test_a_program_of_ten_lines_runs_offline() -> None:
    assert _program(TEN_LINES) == "2 2\n"


def test_a_script_of_three_lines_asks_an_agent() -> None:
    code = (
        "from workbench import Agent, ask_sync\n"
        'agent = Agent("ann", "question: str -> answer: str")\n'
        'print(bool(ask_sync(agent, question="Why?").answer))'
    )
    assert _program(code) == "True\n"


def test_before_the_first_frame_neither_the_core_nor_the_commands_are_loaded() -> None:
    code = "import workbench.tui.leaving, workbench.script.command_line, sys\nprint(*sys.modules)"
    loaded = _program(code).split()
    core = ("bench", "assembly", "store", "models", "tools", "agent", "permission.rule", "run.run")
    late = tuple(f"workbench.{name}" for name in (*core, "script.shell", "script.commands"))
    assert [name for name in loaded if name.startswith(late)] == []
