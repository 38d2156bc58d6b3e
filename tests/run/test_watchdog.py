"""Who holds up the loop is named while it does; nobody is asked while nothing goes on."""

from __future__ import annotations

import asyncio
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.processes import until
from tests.run.acts import begun, gate, line
from tests.run.stage import acted, opened
from workbench.run import watchdog
from workbench.run.hooks import Hook
from workbench.run.watchdog import standing
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import call, now

BLOCK_S = 1.6


def _block(_call: Any = None) -> None:
    time.sleep(BLOCK_S)  # noqa: TID251 - the very thing that is to be noticed


async def blocks_the_loop() -> int:
    _block()
    return 1


@pattern
async def blocking(where: str) -> int:
    """Hold everything up: in the workflow, in an async function, or in a hook."""
    if where == "workflow":
        _block()
    if where == "function":
        await call(blocks_the_loop)
    await now()
    return 1


@acted
async def _named(folder: Path, where: str) -> None:
    told: list[str] = []
    async with opened(folder) as bench:
        bench.watchdog.alarm = told.append
        if where == "hook":
            bench.world.hooks.add(Hook("before.now", _block))
        run = await bench.start(blocking, where=where)
        assert await run.result() == 1
    (said,) = told
    assert f"{__file__}:" in said
    assert "(_block) has held up everything for 1 s" in said


def test_a_workflow_that_blocks_is_named(tmp_path: Path) -> None:
    _named(tmp_path, "workflow")


def test_an_async_function_that_blocks_is_named(tmp_path: Path) -> None:
    _named(tmp_path, "function")


def test_a_hook_that_blocks_is_named(tmp_path: Path) -> None:
    _named(tmp_path, "hook")


@acted
async def test_it_sleeps_while_nothing_is_performed(tmp_path: Path) -> None:
    gate("a")
    async with opened(tmp_path) as bench:
        run = await bench.start(line)
        await begun("a")
        assert bench.watchdog.is_awake
        run.interrupt("immediate")
        await run.finished()
        await asyncio.to_thread(until, lambda: not bench.watchdog.is_awake, "asleep")


def test_what_waits_is_nowhere() -> None:
    assert standing(None) == ""
    assert standing(sys._getframe()) == ""


@pytest.mark.parametrize("is_library", [True, False])
def test_the_first_import_of_a_library_names_nobody_but_ones_own_module_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_library: bool
) -> None:
    (tmp_path / "slow_to_import.py").write_text(
        "import sys\n"
        "from workbench.run.watchdog import standing\n"
        "where = standing(sys._getframe())\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
    if is_library:
        monkeypatch.setattr(watchdog, "_LIBRARY", (*watchdog._LIBRARY, str(tmp_path)))

    async def importing() -> None:
        asyncio.get_running_loop().call_soon(import_module, "slow_to_import")
        await asyncio.sleep(0)

    asyncio.run(importing())
    named = f"{tmp_path}/slow_to_import.py:3 (<module>)"
    assert sys.modules["slow_to_import"].where == ("" if is_library else named)
