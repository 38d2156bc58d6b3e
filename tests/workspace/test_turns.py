"""Turns: one writer in a folder, in order, over processes, and no deadlock within one call."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.run.stage import acted
from workbench.workspace.turns import Turns

REPOSITORY = Path(__file__).parents[2]
_HOLDING = """
import asyncio, sys
from pathlib import Path
from workbench.workspace.turns import Turns
async def main():
    async with Turns(Path(sys.argv[1])).turn(sys.argv[2], {"name": "other"}, lambda who: None):
        print("holding", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
asyncio.run(main())
"""


def _who(name: str) -> dict[str, str]:
    return {"run_id": "r", "key": "k", "name": name}


def _other(locks: Path, folder: str, code: str = _HOLDING) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(locks), folder],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "holding\n"
    return process


@acted
async def test_turns_are_taken_in_the_order_of_asking(tmp_path: Path) -> None:
    turns, order = Turns(tmp_path), list[str]()
    waits: list[str] = []
    inside = 0

    async def one(name: str) -> None:
        nonlocal inside
        async with turns.turn("/w", _who(name), lambda who: waits.append(f"{name}<{who['name']}")):
            inside += 1
            assert inside == 1
            order.append(name)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(one(str(n)) for n in range(20)))
    assert order == [str(n) for n in range(20)]
    assert waits == [f"{n}<0" for n in range(1, 20)]
    assert turns.holder("/w") is None


@acted
async def test_different_folders_do_not_wait_for_each_other(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    first = turns.turn("/a", _who("a"), lambda who: None)
    async with first, turns.turn("/b", _who("b"), lambda who: None):
        assert turns.holder("/a") == _who("a")


@acted
async def test_a_cancelled_wait_leaves_the_line_to_the_next(tmp_path: Path) -> None:
    turns, release = Turns(tmp_path), asyncio.Event()
    got: list[str] = []

    async def one(name: str) -> None:
        async with turns.turn("/w", _who(name), lambda who: None):
            got.append(name)
            await release.wait()

    tasks = [asyncio.ensure_future(one(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    release.set()
    await asyncio.wait(tasks)
    assert got == ["a", "c"]
    assert tasks[1].cancelled()


@acted
async def test_one_cancelled_just_as_its_turn_came_hands_it_on(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    got: list[str] = []

    async def one(name: str) -> None:
        async with turns.turn("/w", _who(name), lambda who: None):
            got.append(name)

    async with turns.turn("/w", _who("first"), lambda who: None):
        second, third = asyncio.ensure_future(one("second")), asyncio.ensure_future(one("third"))
        await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second, third])
    assert got == ["third"]


@acted
async def test_another_process_is_waited_for_and_named(tmp_path: Path) -> None:
    other = await asyncio.to_thread(_other, tmp_path, "/w")
    turns, told = Turns(tmp_path), list[Mapping[str, Any]]()
    came = asyncio.Event()

    def tell(who: Mapping[str, Any]) -> None:
        told.append(who)
        came.set()

    async def mine() -> None:
        async with turns.turn("/w", _who("mine"), tell):
            assert turns.holder("/w") == _who("mine")

    try:
        task = asyncio.ensure_future(mine())
        await came.wait()
        assert told == [{"name": "other", "pid": other.pid, "host": os.uname().nodename}]
        other.kill()
        await task
    finally:
        other.kill()
        await asyncio.to_thread(other.communicate)


@acted
async def test_a_wait_for_another_process_can_be_cancelled_and_keeps_no_lock(
    tmp_path: Path,
) -> None:
    other = await asyncio.to_thread(_other, tmp_path, "/w")
    turns, came = Turns(tmp_path), asyncio.Event()

    async def mine() -> None:
        async with turns.turn("/w", _who("mine"), lambda who: came.set()):
            raise AssertionError("it was never our turn")

    try:
        task = asyncio.ensure_future(mine())
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        other.kill()
        await asyncio.to_thread(other.communicate)
        async with asyncio.timeout(20), turns.turn("/w", _who("again"), lambda who: None):
            pass
    finally:
        other.kill()


@acted
async def test_what_a_holder_uses_in_turn_passes_while_it_holds(tmp_path: Path) -> None:
    turns = Turns(tmp_path)

    async def inner() -> str:
        async with turns.turn("/w", _who("inner"), lambda who: None):
            return "passed"

    async with turns.turn("/w", _who("outer"), lambda who: None) as turn:
        with turn.within():
            assert await asyncio.ensure_future(inner()) == "passed"
            later = asyncio.get_running_loop().create_future()

            async def outliving() -> str:
                await later
                return await inner()

            task = asyncio.ensure_future(outliving())
        stranger = asyncio.ensure_future(inner())
        await asyncio.sleep(0)
        assert not stranger.done()
    await stranger
    told: list[Any] = []
    async with turns.turn("/w", _who("next"), told.append):
        later.set_result(None)
        await asyncio.sleep(0)
        assert not task.done()
    assert await task == "passed"


_PARENT = """
import asyncio, subprocess, sys
from pathlib import Path
from workbench.workspace.turns import Turns
CHILD = '''
import asyncio, sys
from pathlib import Path
from workbench.workspace.turns import Turns
async def main():
    async with asyncio.timeout(20):
        async with Turns(Path(sys.argv[1])).turn(sys.argv[2], {}, lambda who: None):
            print("passed", flush=True)
asyncio.run(main())
'''
async def main():
    async with Turns(Path(sys.argv[1])).turn(sys.argv[2], {"name": "parent"}, lambda who: None):
        await asyncio.to_thread(subprocess.run, ["sh", "-c", 'exec "$0" "$@"', sys.executable,
            "-c", CHILD, *sys.argv[1:]], check=True)
asyncio.run(main())
"""


def test_a_process_that_the_holder_started_passes(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _PARENT, str(tmp_path), "/w"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert ended.stdout == "passed\n", ended.stderr
