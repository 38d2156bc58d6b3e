"""The jobs that the screen gives the core about files: list changes, show one, plan, restore.

What reads the log or the disk runs in a thread; the language of commands is loaded at first need.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from workbench.journal.files import FileChange, blind_effects

if TYPE_CHECKING:
    from workbench.run.restoring import Restore
    from workbench.tui.front_places import Where


async def changes(bench: Any, where: Where) -> tuple[list[FileChange], list[str]]:
    """The changes of a run up to a row, and sentences about what is not known."""
    from workbench.script.filing import blind_line, changed_between  # noqa: PLC0415 - as above

    def read() -> tuple[list[FileChange], list[str]]:
        run_id, at = where
        bench.store.flush()
        rows = list(bench.store.rows(run_id, upto=at if at > 0 else None))
        return changed_between(rows, 0, None), [blind_line(one) for one in blind_effects(rows)]

    return await asyncio.to_thread(read)


async def difference(bench: Any, change: FileChange) -> str:
    """The difference a change made, or a sentence."""
    from workbench.script.filing import change_diff  # noqa: PLC0415 - as above

    return await asyncio.to_thread(change_diff, bench.world.copies, change)


async def plan(bench: Any, where: Where) -> Restore:
    """What a restore to a place would do."""
    from workbench.run import restoring  # noqa: PLC0415 - it knows tools, which are heavy

    run_id, at = where
    wanted = restoring.Wanted(run_id, at if at > 0 else None)
    return await restoring.plan(bench.store, bench.world, bench.runs, wanted)


async def restore(bench: Any, made: Restore) -> str:
    """Do what a plan says, to its end; the command that takes it back."""
    from workbench.run import restoring  # noqa: PLC0415 - as above

    run = await restoring.begin(bench, made)
    try:
        result = await run.result()
    finally:
        restoring.settle(bench, run.run_id)
    return str(result["undo"])
