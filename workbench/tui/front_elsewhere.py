"""Jobs for runs that another process drives: each asks that process, and says what became of it.

A job of `front` comes here when the run is not driven by this process.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import RunOwned, UsageError
from workbench.tui.asked import Asked, asked_from

if TYPE_CHECKING:
    from workbench.journal.requests import RequestKind
    from workbench.run.waiting import Waiting
    from workbench.tui.deciding import Given

LIVE = ("running", "paused", "waiting")


def is_here(bench: Any, run_id: str) -> bool:
    """Whether this process drives a run."""
    run = bench.runs.get(run_id)
    return run is not None and run.status in LIVE


def is_followed(bench: Any, run_id: str) -> bool:
    """Whether a run is one of another process, or of nobody, that is shown live here."""
    following = getattr(bench, "following", None)
    return following is not None and run_id in following.runs


async def follow(bench: Any, run_id: str, after: int) -> None:
    """Have a run's rows told as they are committed, if another process may drive it."""
    if not is_here(bench, run_id):
        await bench.following.follow(run_id, after=after)


async def ask(bench: Any, run_id: str, kind: RequestKind, **data: Any) -> str:
    """Ask a run's driver for something; a sentence while it is not done, else nothing."""
    return str(bench.following.said(await bench.request(run_id, kind, **data)))


async def answer(bench: Any, given: Given) -> str:
    """Send a decision; an allowance is for what was shown and for nothing else."""
    data: dict[str, Any] = {"waiting": given.id}
    if given.is_answer:
        data["answer"] = given.answer
        if given.arguments is not None:
            data["arguments"] = given.arguments
    else:
        data |= {"verdict": given.verdict, "scope": given.scope, "reason": given.reason}
        data |= {"arguments": given.arguments, "digest": given.digest}
    return await ask(bench, given.id.partition(":")[0], "answer", **data)


async def waits(bench: Any) -> list[Waiting]:
    """What waits in the runs that are followed, with what can be found out here."""
    following = getattr(bench, "following", None)
    ids = list(following.runs) if following is not None else []
    return await asyncio.to_thread(_waits, bench, ids) if ids else []


def _waits(bench: Any, run_ids: list[str]) -> list[Waiting]:
    from workbench.run.following import completed  # noqa: PLC0415 - with the first followed run

    found = [one for run_id in run_ids for one in bench.following.waiting(run_id)]
    return [completed(bench.world, one) for one in found]


async def waiting(bench: Any) -> list[Asked]:
    """The same as the inbox holds it, with who drives each run."""
    return [replace(asked_from(one), driver=_name(bench, one.run_id)) for one in await waits(bench)]


def _name(bench: Any, run_id: str) -> str:
    driver = bench.store.shared.driver(run_id)
    return driver.name if driver is not None else "nobody"


async def resume(bench: Any, run_id: str) -> str:
    """Go on with a run; its id."""
    try:
        return str((await bench.resume(run_id)).run_id)
    except RunOwned as error:
        hint = error.hint if "taken over" in error.hint else "Enter shows it live"
        raise UsageError(error.message, hint=hint) from error
