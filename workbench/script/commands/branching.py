"""Commands about places and branches: name, list, fork, compare, carry to another workbench."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from workbench.errors import UsageError
from workbench.journal.family import Branch, root_of
from workbench.journal.overlay import check_names
from workbench.journal.tree import TreeRow, tree
from workbench.plain import one_line
from workbench.run.preview import Preview
from workbench.run.run import Run
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.compare import Compared, beside, compare, contents_in, family_in
from workbench.script.differing import lines_of, text_of
from workbench.script.export import export_run
from workbench.script.importing import import_run
from workbench.script.rows import brief
from workbench.script.session import SCRIPT, Session
from workbench.values import Json


async def _checkpoint(session: Session, call: Call) -> Output:
    run_id, at = session.place(call.text("run"))
    if at is None:
        session.live(call.text("run"))
    row = await session.bench.mark(run_id, call.text("name"), at, by=session.rule_scope)
    here = row.data.get("at", row.seq)
    data: dict[str, Json] = {"run_id": run_id, "seq": row.seq, "name": row.data["name"], "at": here}
    return said(f"checkpoint {row.data['name']} at {here}", data=data)


async def _checkpoints(session: Session, call: Call) -> Output:
    session.bench.store.flush()
    run_id = session.find(call.text("run"))
    rows = session.bench.store.checkpoints(run_id)
    lines = [
        one_line(f"{row.data.get('at', row.seq):>6}  {row.data.get('name', '')}  ")
        + f"by {one_line(str(row.data.get('by', '')))}"
        for row in rows
    ]
    data: list[Any] = [
        {
            "run_id": row.run_id,
            "seq": row.seq,
            "name": row.data.get("name"),
            "by": row.data.get("by"),
            "at": row.data.get("at", row.seq),
            "key": row.key,
        }
        for row in rows
    ]
    return Output(tuple(lines) or ("no checkpoints",), data)


async def _tree(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    branches = await asyncio.to_thread(family_in, session.bench.store, run_id)
    all_marks = call.given.get("automatic") is not False
    rows = tree(branches, run_id, all_marks=all_marks)
    told = [branch.to_json() for branch in branches.values()]
    data = {"run_id": run_id, "root": root_of(branches, run_id), "branches": told}
    return Output(tuple(_tree_line(row, branches) for row in rows), data)


def _tree_line(row: TreeRow, branches: Mapping[str, Branch]) -> str:
    text = f"{row.stem}{row.mark} {one_line(row.label)}"
    if row.mark != "*":
        return text
    branch = branches[row.run_id]
    text += f"  {row.run_id}" if not row.stem else ""
    text += f"  {branch.status}  {row.tokens} tokens ${row.cost_usd:.4f}"
    if row.all_tokens != row.tokens:
        text += f"  with its forks {row.all_tokens} tokens ${row.all_cost_usd:.4f}"
    return text


async def _fork(session: Session, call: Call) -> Output:
    source, at = session.place(call.text("run"))
    changes: dict[str, Any] = dict(call.inputs)
    check_names(changes)
    files: Any = call.text("files")
    if call.given.get("preview") is True:
        told = session.bench.branches.preview(source, at, **changes)
        own = (files or session.bench.world.fork_files) == "own"
        lines = (*preview_lines(told), files_line(told, own=own))
        return Output(lines, {**told.to_json(), "files": "own" if own else "shared"})
    if session.bench.store.run(source).pattern == SCRIPT:
        raise UsageError(
            f"run {source} is a script's, and goes on as one",
            hint=f"From the shell: kaizen-tui fork {source}",
        )

    async def start(run_id: str) -> Run:
        title = f"fork of {source}"
        return await session.bench.fork(
            source, at, title=title, as_id=run_id, files=files, **changes
        )

    return await session.finish(call, await session.begin(session.start_id(call), start))


def preview_lines(told: Preview) -> Iterator[str]:
    """A preview for people."""
    unknown = " and calls of unknown price" if told.unpriced_calls else ""
    yield (
        f"shares rows 1 to {told.cut} of run {told.source}: turns {told.shared_turns}, "
        f"steps {told.steps}, tokens {told.tokens}, ${told.cost_usd:.4f}{unknown}"
    )
    if told.place > told.cut:
        yield f"rows {told.cut + 1} to {told.place} are not shared: what is edited was said before"
    yield f"different from there on: {one_line(told.changes) or 'nothing'}"
    for one in told.asked_anew:
        waits = f", which waits for a {one.waits}" if one.waits else ""
        who = f"{one.agent}: " if one.agent else ""
        yield one_line(f"asked anew: {who}{one.effect} {one.name} (row {one.seq}){waits}")
    yield from (one_line(f"not inherited: {line}") for line in told.not_inherited)
    for title, found in (
        ("done outside before, and stays done", told.outside_before),
        ("done outside after the cut, and the fork does not know it", told.outside_after),
    ):
        outside = [one for one in found if not one.is_file]
        if outside:
            yield f"{title}:"
        for one in outside:
            yield one_line(f"  #{one.seq} {one.what} {brief(one.arguments)}  {one.state}")


def files_line(told: Preview, *, own: bool) -> str:
    """What a fork finds in its folder."""
    changed = len({one.what for one in told.outside_after if one.is_file})
    if own:
        return "files: a copy of its own, as they were at the cut (no .git, no ignored files)"
    if not changed:
        return "files: the same folder; nothing there was changed after the cut"
    return (
        f"files: the same folder, where files were changed after the cut: {changed}; "
        f"files=own gives it a copy as they were, or: restore {told.source}@{told.cut}"
    )


async def _diff(session: Session, call: Call) -> Output:
    store = session.bench.store
    store.flush()
    given = call.text("left")
    left = session.place(given) if given else None
    if call.text("right") or left is None or session.last not in {"", left[0]}:
        right = session.place(call.text("right"))
    else:
        left, right = None, left  # one place alone is looked at beside its parent
    if left is None:
        parent = store.run(right[0]).parent_id
        if parent is None:
            raise UsageError(f"run {right[0]} is no fork", hint="Name the run to compare it with")
        left = (parent, None)
    found = await asyncio.to_thread(compare, store, left, right)
    lines = await asyncio.to_thread(
        lambda: text_of(lines_of(found, contents_in(session.bench.world.copies.read)))
    )
    return Output(tuple(one_line(line) for line in lines), found.to_json())


async def _compare(session: Session, call: Call) -> Output:
    named = call.text("runs").split() or [""]
    runs = [session.find(name) for name in named]
    found = await asyncio.to_thread(beside, session.bench.store, runs)
    return Output(tuple(_table(found)), [one.to_json() for one in found])


_HEADS = ("run", "parts at", "status", "steps", "tokens", "cost", "seconds", "files")


def _table(found: Sequence[Compared]) -> Iterator[str]:
    """A line for each branch with its figures, and one with what it does otherwise and came to."""
    cells = [_HEADS, *map(_cells, found)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(_HEADS))]
    for place, row in enumerate(cells):
        yield "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
        if place:
            one = found[place - 1]
            changed = f"({one.overlay}) " if one.overlay else ""
            yield one_line(f"    {changed}{brief(one.result)}".rstrip())


def _cells(one: Compared) -> tuple[str, ...]:
    return (
        one.run_id,
        str(one.parts_at) if one.parent else "-",
        one.status,
        str(one.used.steps),
        str(one.used.tokens),
        f"${one.used.cost_usd:.4f}" + ("?" if one.used.unpriced_calls else ""),
        f"{one.duration_s:.1f}",
        str(len(one.files)),
    )


async def _export(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    path = session.bench.config.workspace / call.text("file", f"{run_id}.jsonl")
    replacing = call.given.get("replace") is True
    with session.moving(f"export {run_id}") as moved:
        told = await asyncio.to_thread(
            export_run, session.bench.store, run_id, path, replace=replacing, moved=moved
        )
    lines = [f"{told.rows} rows and the contents of {told.blobs} files in {path}"]
    if told.left_out:
        lines.append(f"{told.left_out} contents of files are not kept here, and not in it")
    return said(*lines, data={"run_id": run_id, "file": str(path), **asdict(told)})


async def _import(session: Session, call: Call) -> Output:
    path = session.bench.config.workspace / call.text("file")
    with session.moving(f"import {path.name}") as moved:
        told = await asyncio.to_thread(import_run, session.bench.store, path, moved=moved)
    session.adopt(call, told.run_id)
    if not told.rows:
        line = f"run {told.run_id} is here already, row by row: nothing was stored"
    else:
        line = f"run {told.run_id}: {told.rows} rows were stored"
        line += f", {told.known} were here already" if told.known else ""
    lines = [line, *(f"run {old} of the file is {new} here" for old, new in told.renamed.items())]
    return said(*lines, data=asdict(told))


_WHICH = Parameter("run", "which run; the last one if none is named", "run")
_AS = Parameter("as", "a name for the run, for later lines", "text", named_only=True)
_PLACE = "RUN, RUN@CHECKPOINT, RUN@NUMBER or RUN@last"

_LOOKING = (
    Command("checkpoints", "List the places of a run one can go back to.", _checkpoints, (_WHICH,)),
    Command(
        "tree",
        "Show the tree of a run: all forks, what they do otherwise and cost, all checkpoints.",
        _tree,
        (
            _WHICH,
            Parameter("automatic", "false: only what somebody named", named_only=True),
        ),
        examples=("tree", "tree last automatic=false"),
    ),
    Command(
        "diff",
        "Show what differs between two places, or between a fork and its parent.",
        _diff,
        (
            Parameter("left", f"{_PLACE}; the parent of the other if none", "checkpoint"),
            Parameter("right", f"{_PLACE}; the last run if none", "checkpoint"),
        ),
        details=(
            "Messages of each agent, arguments and outcomes of its calls, files, use and cost,"
            " and what was done outside since the two parted."
        ),
        examples=("diff first second", "diff first@5 first@last"),
    ),
    Command(
        "compare",
        "Show branches side by side: how each ended, what it used, where it parts.",
        _compare,
        (Parameter("runs", "two or more; all branches of the tree if one or none", rest=True),),
        examples=("compare", "compare first second third"),
    ),
)

COMMANDS = (
    Command(
        "fork",
        "Start a run that shares the beginning of another, with something changed.",
        _fork,
        (
            Parameter("run", f"{_PLACE}; @… means the last run", "checkpoint"),
            _AS,
            Parameter("preview", "true: only say what it would be", named_only=True),
            Parameter(
                "files",
                "own: a copy of the files as they were there",
                named_only=True,
                choices=("shared", "own"),
            ),
        ),
        takes_inputs=True,
        can_background=True,
        details=(
            "Changes from there on: model, instructions, tools (for all agents, or by agent),"
            " options={…}. What was said last: reply=… (text or outputs), or arguments={…} of the"
            " tool call that is asked next. A fork of a fork inherits them; null takes one back."
        ),
        examples=(
            "fork last@plan model=ollama:qwen3:8b",
            'fork last@12 tools={"coder": ["read_file"]} preview=true',
        ),
    ),
    Command(
        "checkpoint",
        "Name the place a running run is at, or an earlier one of any run.",
        _checkpoint,
        (
            Parameter("name", "the name", required=True),
            Parameter("run", f"{_PLACE}; the last one if none is named", named_only=True),
        ),
        examples=("checkpoint reviewed", "checkpoint 'before it broke' run=first@12"),
    ),
    *(replace(command, is_looking=True) for command in _LOOKING),
    Command(
        "export",
        "Write a run out as one file, with its parents: another workbench can import it.",
        _export,
        (
            _WHICH,
            Parameter("file", "where to", "file"),
            Parameter("replace", "true to write over a file", named_only=True),
        ),
    ),
    Command(
        "import",
        "Take in a run that was exported, all or nothing; it can be looked at, forked, resumed.",
        _import,
        (Parameter("file", "what 'export' wrote", "file", required=True), _AS),
        details=(
            "It keeps its id unless another run has that. The same file again is recognised."
            " A folder it worked in is not taken over: it goes on in this workspace."
        ),
    ),
)
