"""What the gate does around an effect that may change files: its turn, snapshots, and the rows.

Which of that a call needs follows from its facts. One that names its files (write, edit, delete)
waits for its turn in the folder and says itself what it changes. One of which nobody can say what
it will change gets a snapshot before, with its intent, and one after, and what differs becomes
rows. Whatever only reads does not wait. A person is asked before a turn is taken, never during.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workbench.agent.tool import Tool
from workbench.errors import SnapshotFailed
from workbench.journal.files import FileChange, prepared_in
from workbench.permission.danger import Facts
from workbench.run.permit import permit_bare
from workbench.run.ports import HeldTurn
from workbench.run.touch import Touch, may_touch, touch
from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.step import Step

MOST_SHOWN = 50

MOST_LISTED = 2_000
"""Of one effect that a snapshot follows, so many changed files get a row each."""


@dataclass
class Writing:
    """One effect's time in its working copy."""

    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """For the intent's row."""
    prepared: Any = None
    result: Any = None
    """What performing returned; it may have found another content than was prepared for."""
    turn: HeldTurn | None = None

    def within(self, tool: Tool) -> AbstractContextManager[None]:
        """Where a tool's own code runs: what it uses in turn does not wait for it."""
        return self.turn.within() if self.turn and tool.function is not None else nullcontext()


@asynccontextmanager
async def writing(step: Step, tool: Tool, facts: Facts) -> AsyncGenerator[Writing]:
    """Have the turn, and the snapshot before, that a call needs; afterwards say what it changed."""
    kind = touch(tool, facts)
    if kind == "nothing":
        found = Writing(prepared=await step.run.toolbox.prepare(tool, step.arguments))
        if tool.act == "run":
            found.data["proven_reading"] = True
        yield found
        return
    bare = ""
    while True:
        await step.run.hold.passes()  # whoever is paused keeps nobody from writing
        async with _turn(step, tool) as turn:
            found = Writing(turn=turn)
            failed = await _before(step, kind, found, bare)
            if not failed:
                found.prepared = await step.run.toolbox.prepare(tool, step.arguments)
                async with _told(step, tool, kind, found):
                    yield found
                return
        await permit_bare(step, tool, facts, failed)
        bare = failed


@asynccontextmanager
async def undisturbed(step: Step, tool: Tool | None) -> AsyncGenerator[None]:
    """Look what became of an attempt while nobody writes, whoever made it included."""
    if tool is None or not may_touch(tool):
        yield
        return
    async with _turn(step, tool):
        yield


def _turn(step: Step, tool: Tool) -> Any:
    run = step.run
    who = {"run_id": run.run_id, "key": step.key, "name": tool.name, "agent": step.agent}
    return run.world.copies.turn(run.folder, who, lambda other: _waits(step, other))


def _waits(step: Step, other: Mapping[str, Any]) -> None:
    """Say, as something live, whom an effect waits for."""
    whom = f"{other.get('name') or 'another workbench'} of run {str(other.get('run_id', ''))[:8]}"
    if other.get("pid"):
        whom += f" (process {other['pid']})"
    data = {"text": f"waits for {whom} to be done with {step.run.folder}", "waits_for": dict(other)}
    step.run.world.publish(Live("progress", step.run.run_id, step.key, data))
    if other.get("pid"):
        # Nothing else on this screen shows what another program does.
        step.run.notice(f"{step.parked.effect.name} {data['text']}")


async def _before(step: Step, kind: Touch, found: Writing, bare: str) -> str:
    """Record how things stand; returns why that failed, where a person has not waived it."""
    copies, folder = step.run.world.copies, step.run.folder
    found.data["head"] = copies.head(folder)
    if kind == "named":
        return ""
    if bare:
        found.data["snapshot"] = {"none": bare}
        return ""
    try:
        found.data["snapshot"] = await copies.snapshot(folder)
    except SnapshotFailed as error:
        return error.message
    if anew := found.data["snapshot"].get("anew"):
        step.run.notice(f"the snapshots were damaged and begin anew: {anew}")
    return ""


@asynccontextmanager
async def _told(step: Step, tool: Tool, kind: Touch, found: Writing) -> AsyncGenerator[None]:
    """Write down what was changed, also when the effect failed or was stopped."""
    done = False
    try:
        yield
        done = True
    finally:
        if kind == "opaque":
            await _after(step, tool, found.data.get("snapshot", {}))
        elif done and kind == "named":
            note_changes(
                step, [_as_found(one, found.result) for one in prepared_in(found.prepared)]
            )
        elif step.begun:
            changed = await asyncio.to_thread(step.run.toolbox.happened, tool, found.prepared)
            note_changes(step, changed)


def _as_found(data: dict[str, Any], result: Any) -> dict[str, Any]:
    """A prepared change with what really stood there when it was made."""
    if isinstance(result, dict) and "before" in result:
        return {**data, "before": result["before"]}
    return data


async def _after(step: Step, tool: Tool, snapshot: Mapping[str, Any]) -> None:
    if not step.begun or "tree" not in snapshot:
        return
    copies, folder = step.run.world.copies, step.run.folder
    before = str(snapshot["tree"])
    try:
        now = await copies.snapshot(folder)
        changed = await copies.changes(folder, before, now["tree"]) if "tree" in now else []
    except SnapshotFailed as error:
        now, changed = {"none": error.message}, []
    data = {**now, "before": before, "head": copies.head(folder), "changed": len(changed)}
    if len(changed) > MOST_LISTED:
        data["unlisted"] = len(changed) - MOST_LISTED
    note_changes(step, [replace(one, name=tool.name).to_data() for one in changed[:MOST_LISTED]])
    step.run.rows.append("snapshot.taken", step.key, data)


async def note_found(step: Step, tool: Tool | None) -> None:
    """Rows for the changes of an earlier attempt that are found done: it died before its own."""
    if step.prior is not None and tool is not None:
        prepared = step.prior.data.get("prepared")
        note_changes(step, await asyncio.to_thread(step.run.toolbox.happened, tool, prepared))


async def since_intent(step: Step) -> str:
    """What is different in the folder since an earlier attempt's snapshot, a line for each file."""
    assert step.prior is not None
    snapshot: Mapping[str, Any] = step.prior.data.get("snapshot") or {}
    if "tree" not in snapshot:
        return ""
    try:
        changed = await step.run.world.copies.since(step.run.folder, str(snapshot["tree"]))
    except SnapshotFailed as error:
        return f"not known: {error.message}"
    lines = [f"{one.deed} {one.path} ({one.size_bytes} bytes)" for one in changed[:MOST_SHOWN]]
    more = [f"and {len(changed) - MOST_SHOWN} more"] if len(changed) > MOST_SHOWN else []
    return "\n".join([*lines, *more]) or "no file"


def note_changes(step: Step, changes: list[dict[str, Any]]) -> None:
    """A row for each file that an effect changed."""
    for data in changes:
        row = FileChange.read(data).to_data()
        step.run.rows.append("file.changed", step.key, row)
