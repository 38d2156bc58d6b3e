"""Make one call as the gate would: facts first, then the deed they were decided for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.permission.danger import Facts
from workbench.redaction import Redaction
from workbench.run.ports import Attempt
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.facts import facts
from workbench.tools.perform import perform
from workbench.tools.place import Place


def attempt_of(hear: Callable[[str], None] = lambda _text: None, key: str = "") -> Attempt:
    """The first attempt of an effect."""
    return Attempt("run", "run/0:tool", key, hear, Redaction())


def use(name: str, place: Place, **arguments: Any) -> Any:
    """Perform a call that somebody allowed, knowing its facts."""
    return asyncio.run(used(name, place, **arguments))


def use_undecided(name: str, place: Place, **arguments: Any) -> Any:
    """Perform a call that nobody looked at: only what lies inside may be done."""
    return asyncio.run(perform(BUILT_IN[name], arguments, place, attempt_of()))


async def used(name: str, place: Place, decided: Facts | None = None, **arguments: Any) -> Any:
    tool = BUILT_IN[name]
    decided = decided or facts(tool, arguments, place)
    return await perform(tool, arguments, place, attempt_of(), decided=decided)


async def cancelled_once_it_speaks(place: Place, command: str, *, again: bool = False) -> str:
    """Run a command, cancel the call when it has printed a line, and return that line."""
    spoken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(text: str) -> None:
        if not spoken.done():
            spoken.set_result(text)

    tool, arguments = BUILT_IN["bash_command"], {"command": command}
    decided = facts(tool, arguments, place)
    call = asyncio.create_task(perform(tool, arguments, place, attempt_of(hear), decided))
    line = await asyncio.wait_for(spoken, 20)
    call.cancel()
    if again:
        call.get_loop().call_later(0.1, call.cancel)
    try:
        await call
    except asyncio.CancelledError:
        return line
    raise AssertionError("the call returned, though it was cancelled")


def facts_of(name: str, place: Place, **arguments: Any) -> Facts:
    return facts(BUILT_IN[name], arguments, place)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def command_lines() -> bytes:
    """What every process of this machine was started as."""
    found: list[bytes] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return b"\n".join(found)
