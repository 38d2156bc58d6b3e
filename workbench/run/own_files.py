"""A fork's own copy of the files: as they were at its cut, in a folder that only it works in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.journal.files import tree_at

if TYPE_CHECKING:
    from workbench.journal.events import Event
    from workbench.run.fork import Fork, Plan
    from workbench.run.ports import Keeper
    from workbench.run.world import World


async def with_own_files(
    keeper: Keeper, world: World, wanted: Fork, plan: Plan, rows: Sequence[Event]
) -> list[Event]:
    """The first rows of a fork, naming a copy of the files that is made for it.

    Raises:
        SnapshotFailed: there is nothing to make a copy of, or no room for it.
    """
    folder = plan.source.workspace or world.policy.workspace
    shared = await asyncio.to_thread(lambda: list(keeper.rows(wanted.source)))
    made = await world.copies.own(wanted.run_id, folder, tree_at(shared, plan.cut, folder))
    first = rows[0]
    header = {**first.data, "workspace": str(made)}
    return [replace(first, data=header), *rows[1:]]
