"""Commands about files: what a run changed, how one was at a place, put some back."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from workbench.errors import UsageError
from workbench.journal.events import Event
from workbench.journal.files import changes_in, pasts
from workbench.journal.places import place_of
from workbench.run import restoring
from workbench.run.header import Header
from workbench.run.restoring import Restore, Wanted
from workbench.run.run import Run
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.filing import (
    LIMITS,
    change_data,
    changed_between,
    content_lines,
    files_lines,
    restore_lines,
)
from workbench.script.session import Session


async def _files(session: Session, call: Call) -> Output:
    run_id, at = session.place(call.text("run"))
    store = session.bench.store
    store.flush()
    rows = await asyncio.to_thread(lambda: list(store.rows(run_id)))
    if path := call.text("path"):
        place = place_of(store, run_id, at)
        data = await asyncio.to_thread(_content_at, session, rows, place, path)
        text = None if data is None or b"\0" in data else data.decode("utf-8", "replace")
        told: dict[str, Any] = {"path": path, "place": place, "exists": data is not None}
        return Output(tuple(content_lines(path, data)), {**told, "text": text})
    after, upto = _stretch(call.text("between"))
    if at is not None and not call.text("between"):
        upto = place_of(store, run_id, at)
    changes = [change_data(one) for one in changed_between(rows, after, upto)]
    return Output(tuple(files_lines(rows, after, upto)), changes)


def _stretch(text: str) -> tuple[int, int | None]:
    """``A..B``: the rows after one and up to another; either may be missing."""
    if not text:
        return 0, None
    first, dots, last = text.partition("..")
    if not dots or not all(part == "" or part.isdecimal() for part in (first, last)):
        raise UsageError(f"{text!r} is no stretch of rows", hint="Write it as 12..40")
    return int(first or 0), int(last) if last else None


def _content_at(session: Session, rows: list[Event], place: int, path: str) -> bytes | None:
    """A file's content at a place: what the first change after it found, or what stands now."""
    bench = session.bench
    folder = Header.from_row([row for row in rows if row.kind == "run.started"][-1]).workspace
    mark = next(row for row in rows if row.seq == place)
    since = changes_in(bench.store.changed_since(mark.run_id, mark.seq), folder)
    found = pasts(since, bench.world.copies.same).get(path)
    if found is not None:
        if found.content is not None and not found.restorable:
            raise UsageError(f"{path} at row {place} is not kept: {found.limit}")
        return None if found.content is None else bench.world.copies.read(found.content)
    return cast("Any", bench.world.toolbox.at(folder).look(path)).content


async def _restore(session: Session, call: Call) -> Output:
    run_id = session.start_id(call)
    yes = call.given.get("yes")
    if yes and (known := _recorded(session, run_id)) is not None:
        # This very line has begun before: its run is gone on with, by the same consent.
        restoring.permit(session.bench, run_id, known["source"], known["place"], known["changes"])
        return await _finished(session, call, run_id, None)
    source, at = session.place(call.text("run"))
    wanted = Wanted(
        source,
        at,
        _paths(call.given.get("paths")),
        _paths(call.given.get("force")),
        call.given.get("moved") is True,
    )
    bench = session.bench
    made = await restoring.plan(bench.store, bench.world, bench.runs, wanted)
    if not yes:
        return Output(tuple(restore_lines(made)), made.to_json())
    if yes is not True and str(yes) != made.digest:
        raise UsageError(
            f"the plan is not {yes} any more, it is {made.digest}",
            hint=f"Look at it again: restore {made.run_id}@{made.place}",
        )
    return await _finished(session, call, run_id, made)


def _recorded(session: Session, run_id: str) -> dict[str, Any] | None:
    store = session.bench.store
    if not store.last_seq(run_id):
        return None
    return next(iter(store.rows(run_id, upto=1))).data["arguments"]


async def _finished(session: Session, call: Call, run_id: str, made: Restore | None) -> Output:
    async def start(name: str) -> Run:
        assert made is not None
        return await restoring.begin(session.bench, made, name)

    try:
        output = await session.finish(call, await session.begin(run_id, start))
    finally:
        restoring.settle(session.bench, run_id)
    done = output.data["result"]
    lines = [f"{path} is as it was" for path in done["restored"]]
    lines += [f"already as they were: {done['already']}"] if done["already"] else []
    return said(*lines, f"to take this back: {done['undo']}", data=output.data)


def _paths(given: Any) -> tuple[str, ...]:
    """Words with spaces between them, or a list."""
    if given is None:
        return ()
    if isinstance(given, list):
        return tuple(str(one) for one in cast("list[Any]", given))
    return tuple(str(given).split())


_PLACE = "RUN@CHECKPOINT or RUN@NUMBER"

COMMANDS = (
    Command(
        "files",
        "Show which files a run changed, when and by whom; or one file as it was at a place.",
        _files,
        (
            Parameter("run", f"{_PLACE}: up to there; the last one if none", "checkpoint"),
            Parameter("between", "A..B: only rows after A and up to B"),
            Parameter("path", "show this file's content at the place", "file", named_only=True),
        ),
        is_looking=True,
        details=LIMITS,
        examples=("files last", "files a41f 12..40", "files a41f@plan path=src/app.py"),
    ),
    Command(
        "restore",
        "Put files back as they were at a place in a run; without yes it only says the plan.",
        _restore,
        (
            Parameter("run", f"{_PLACE}; RUN@1 is before the run", "checkpoint", required=True),
            Parameter("paths", "only these files or folders", "file", rest=True),
            Parameter("yes", "what the preview ended with, or true", named_only=True),
            Parameter("force", "a list of files: also over somebody's own edits", named_only=True),
            Parameter("as", "a name for its run, for later lines", "text", named_only=True),
            Parameter("moved", "true: although another branch is checked out", named_only=True),
        ),
        details=(
            "All files go back or none. One that does not hold what the log last knew was edited by"
            f" somebody else and is refused. A restore is a run; what it did is taken back by"
            f" restoring to its own beginning. {LIMITS}"
        ),
        examples=("restore last@plan", "restore a41f@12 src yes=true"),
    ),
)
