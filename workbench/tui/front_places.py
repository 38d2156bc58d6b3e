"""The jobs that the screen gives the core about places and branches: find, name, fork, compare.

What reads the log runs in a thread; the language of commands is loaded when one of these is first
asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.errors import UnknownName, UsageError
from workbench.journal.family import FAMILY_KINDS, Branch, family_of

if TYPE_CHECKING:
    from workbench.script.compare import Compared
    from workbench.script.differing import DiffLine


async def family(bench: Any, run_id: str) -> dict[str, Branch]:
    """The whole family of a run, from the log; empty when the log does not have it yet."""

    def read() -> dict[str, Branch]:
        if not bench.store.last_seq(run_id):
            return {}
        rows = bench.store.family_rows(run_id, FAMILY_KINDS)
        return family_of(bench.store.family(run_id), rows)

    return await asyncio.to_thread(read)


async def fork(bench: Any, run_id: str, at: int, changes: Mapping[str, Any]) -> str:
    """Fork a run; the new run's id. A script's run goes on as a script, which is the shell's."""
    try:
        run = await bench.fork(run_id, at if at > 0 else None, **changes)
    except UnknownName as error:
        if (error.data["what"], error.data["name"]) != ("pattern", "script"):
            raise
        raise UsageError(
            f"run {run_id[:8]} is a script's, and goes on as one",
            hint=f"From the shell: kaizen-tui fork {run_id}",
        ) from None
    return str(run.run_id)


async def preview(bench: Any, run_id: str, at: int, changes: Mapping[str, Any]) -> list[str]:
    """What a fork would be, in sentences; raises what forking would."""
    from workbench.script.commands.branching import files_line, preview_lines  # noqa: PLC0415

    wanted = {name: value for name, value in changes.items() if name != "files"}
    found = await asyncio.to_thread(
        lambda: bench.branches.preview(run_id, at if at > 0 else None, **wanted)
    )
    own = changes.get("files", bench.world.fork_files) == "own"
    return [*preview_lines(found), files_line(found, own=own)]


async def name_place(bench: Any, run_id: str, at: int, name: str) -> None:
    """Name a row of a run; with none where it stands."""
    run = bench.runs.get(run_id)
    if at <= 0 and run is not None and run.status in ("running", "paused", "waiting"):
        run.checkpoint(name)
    else:
        await bench.mark(run_id, name, at if at > 0 else None)


Where = tuple[str, int]
"""A run and a row of it; 0 or less for its newest."""


async def difference(bench: Any, one: Where, other: Where) -> list[DiffLine]:
    """What differs between two places."""
    from workbench.script.compare import compare, contents_in  # noqa: PLC0415 - as above
    from workbench.script.differing import lines_of  # noqa: PLC0415

    def read() -> list[DiffLine]:
        bench.store.flush()
        left, right = ((run, at if at > 0 else None) for run, at in (one, other))
        return list(
            lines_of(compare(bench.store, left, right), contents_in(bench.world.copies.read))
        )

    return await asyncio.to_thread(read)


async def compared(bench: Any, run_ids: Sequence[str]) -> list[Compared]:
    """Branches side by side: those named, or the whole tree of the one."""
    from workbench.script.compare import beside  # noqa: PLC0415 - as above

    return await asyncio.to_thread(lambda: beside(bench.store, list(run_ids)))
