"""Make one call as the gate would: facts first, then the deed they were decided for."""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.permission.danger import Facts
from workbench.tools.catalogue import BUILT_IN
from workbench.tools.facts import facts
from workbench.tools.perform import perform
from workbench.tools.place import Place


def use(name: str, place: Place, **arguments: Any) -> Any:
    """Perform a call that somebody allowed, knowing its facts."""
    return asyncio.run(used(name, place, **arguments))


def use_undecided(name: str, place: Place, **arguments: Any) -> Any:
    """Perform a call that nobody looked at: only what lies inside may be done."""
    return asyncio.run(perform(BUILT_IN[name], arguments, place, _ignore))


async def used(
    name: str, place: Place, decided: Facts | None = None, **arguments: Any
) -> Any:
    tool = BUILT_IN[name]
    decided = decided or facts(tool, arguments, place)
    return await perform(tool, arguments, place, _ignore, decided=decided)


def facts_of(name: str, place: Place, **arguments: Any) -> Facts:
    return facts(BUILT_IN[name], arguments, place)


def _ignore(_: str) -> None:
    return
