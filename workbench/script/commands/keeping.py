"""Commands about keeping runs: clean up, pin, delete, back up."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from datetime import UTC, datetime

from workbench.assembly import kept_by
from workbench.config import Config
from workbench.errors import UsageError
from workbench.plain import one_line
from workbench.script.amounts import seconds, shown, size
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.session import Session
from workbench.store.backup import back_up
from workbench.store.collecting import chosen, collect
from workbench.store.deleting import Freed
from workbench.store.memory import MemoryStore
from workbench.store.retention import Retention


async def _gc(session: Session, call: Call) -> Output:
    wanted = retention(session.bench.config, call)
    store = session.bench.store
    if call.given.get("dry-run") is True or call.text("dry-run") == "true":
        going = await asyncio.to_thread(chosen, store, wanted, time.time())
        lines = [one_line(f"{run.run_id}  {_day(run.started_at)}  {run.title}") for run in going]
        told = f"{len(going)} runs would go" if going else "no run would go"
        return said(*lines, told, data={"would_go": [run.run_id for run in going]})
    freed = await asyncio.to_thread(collect, store, wanted, time.time())
    files = await asyncio.to_thread(_files, session, delete=call.given.get("copies") is True)
    return Output((*freed_lines(freed), *files), asdict(freed))


def _files(session: Session, *, delete: bool) -> list[str]:
    """Snapshots that nothing names go; a copy that a fork worked in goes only when that is said."""
    copies, store = session.bench.copies, session.bench.store
    given_back = copies.collect(store.snapshot_trees())
    lines = [f"snapshots of files: {shown(given_back)}"] if given_back else []
    for own in copies.copies():
        if store.last_seq(own.run_id):
            continue
        if delete:
            copies.discard(own.run_id)
        what = "deleted" if delete else "copies=true deletes it"
        lines.append(one_line(f"{own.folder}: files of a fork that is gone; {what}"))
    return lines


def retention(config: Config, call: Call) -> Retention:
    """What a call wants, or else the settings. Raises UsageError when that is nothing."""
    age, keep, most = (call.text(name) for name in ("older-than", "keep", "max-size"))
    if keep and not keep.isdigit():
        raise UsageError(f"{keep!r} is no number of runs")
    wanted = Retention(
        seconds(age) if age else None, int(keep) if keep else None, size(most) if most else None
    )
    if wanted.wants_nothing:
        wanted = kept_by(config)
    if wanted.wants_nothing:
        raise UsageError(
            "nothing says which runs may go",
            hint="Say older-than=30d, keep=100 or max-size=1G, or set keep.days in the settings",
        )
    return wanted


def freed_lines(freed: Freed) -> list[str]:
    """What a clean-up came to, for people."""
    runs = f"{len(freed.runs)} run{'' if len(freed.runs) == 1 else 's'}"
    rows = f"{freed.rows} rows ({shown(freed.row_bytes)})"
    blobs = f"{freed.blobs} blobs ({shown(freed.blob_bytes)})"
    lines = [f"{runs} deleted: {rows}, {blobs}", *freed.spared]
    if freed.row_bytes > 2**20:
        lines.append("the room of rows is used again; kaizen-tui compact gives it to the disk")
    return lines


async def _delete(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    freed = await asyncio.to_thread(session.bench.store.delete_runs, [run_id])
    return Output(tuple(freed_lines(freed)), asdict(freed))


async def _pin(session: Session, call: Call) -> Output:
    return _pinned(session, call, pinned=True)


async def _unpin(session: Session, call: Call) -> Output:
    return _pinned(session, call, pinned=False)


def _pinned(session: Session, call: Call, *, pinned: bool) -> Output:
    run_id = session.find(call.text("run"))
    session.bench.store.pin(run_id, pinned=pinned)
    told = "is pinned: no clean-up takes it" if pinned else "is not pinned any more"
    return said(f"run {run_id} {told}", data={"run_id": run_id, "pinned": pinned})


async def _backup(session: Session, call: Call) -> Output:
    store = session.bench.store
    if isinstance(store, MemoryStore):
        raise UsageError("runs in memory have no backup")
    store.catch_up()
    target = session.bench.config.workspace / call.text("file", default_name())
    made = await asyncio.to_thread(back_up, store.path, target)
    return said(
        f"{made.file}: {made.runs} runs, {made.rows} rows, {made.blobs} blobs, "
        f"{shown(made.size_bytes)}; read again and whole",
        data=asdict(made),
    )


def default_name() -> str:
    """A backup's name, by the time."""
    return f"kaizen-{datetime.now(UTC):%Y%m%d-%H%M%S}.backup"


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


_WHICH = Parameter("run", "which run", "run", required=True)

COMMANDS = (
    Command(
        "gc",
        "Delete runs by age, number and size, and what nothing names any more.",
        _gc,
        (
            Parameter("older-than", "runs that ended longer ago: 30d", named_only=True),
            Parameter("keep", "so many of the newest stay", named_only=True),
            Parameter("max-size", "the oldest go until the rest fits: 1G", named_only=True),
            Parameter("copies", "true: also files of forks that are gone", named_only=True),
            Parameter("dry-run", "true to say only what would go", named_only=True),
        ),
        details="What runs, rests, is pinned or has a fork that stays is kept.",
        examples=("gc older-than=30d keep=100 dry-run=true",),
    ),
    Command("delete", "Delete a run for good.", _delete, (_WHICH,)),
    Command("pin", "Have no clean-up take a run.", _pin, (_WHICH,)),
    Command("unpin", "Let clean-ups take a run again.", _unpin, (_WHICH,)),
    Command(
        "backup",
        "Copy the whole database with its blobs into one file, and check it.",
        _backup,
        (Parameter("file", "where to", "file"),),
    ),
)
