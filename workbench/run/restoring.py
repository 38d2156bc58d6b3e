"""Files put back as they were at a place in a run: planned from rows, done as a run of its own.

The plan says for every file that was changed since what becomes of it, and what is refused: a
file that does not hold what the log last knew was edited by somebody else, and no file is touched
unless all of them may be. Whoever has seen a plan can have exactly it done. Doing it is a workflow
with one effect, through the gate like any other; so a restore is recorded, goes on after a kill,
and is itself taken back by restoring to the beginning of its run.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.agent.tool import Tool
from workbench.errors import Denied, UnknownName, UsageError
from workbench.journal.events import Event
from workbench.journal.files import (
    Blind,
    FileChange,
    Past,
    blind_effects,
    changes_in,
    head_at,
    pasts,
    unsettled,
)
from workbench.journal.outside import Outside, outside_of
from workbench.journal.places import place_of
from workbench.permission.danger import Danger
from workbench.permission.rule import Rule
from workbench.run.header import Header
from workbench.run.touch import RESTORE
from workbench.values import digest, dumps
from workbench.workflow.effects import Repeat
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import use

if TYPE_CHECKING:
    from workbench.run.ports import Keeper, Standing, ToolBox
    from workbench.run.run import Run
    from workbench.run.session import Session
    from workbench.run.world import World

_CHANGE: Final = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "before": {"type": ["string", "null"]},
        "after": {"type": ["string", "null"]},
        "mode": {"type": ["integer", "null"]},
    },
    "required": ["path", "before", "after", "mode"],
    "additionalProperties": False,
}

PUT_BACK: Final = Tool(
    RESTORE,
    "Put files back as they were at a place in a run, all of them or none.",
    {
        "type": "object",
        "properties": {
            "of": {"type": "string", "description": "RUN@ROW"},
            "changes": {"type": "array", "items": _CHANGE},
        },
        "required": ["of", "changes"],
        "additionalProperties": False,
    },
    act="write",
    repeat=Repeat.PROBEABLE,
    floor=Danger.MEDIUM,
    timeout_s=600.0,
)
"""No agent is ever given it: it is in no registry."""

_NOT_RUNS: Final = frozenset({"script", "restore-files"})
"""Patterns whose runs write through other runs, or are what waits here."""


@pattern(name="restore-files")
async def restore(source: str, place: int, changes: list[dict[str, Any]], undo: str) -> Any:
    """Put files back as they were at a place in a run.

    Args:
        source: the run.
        place: the row.
        changes: what is to stand where, and what has to stand there before.
        undo: the command that takes this back.
    """
    done = await use(PUT_BACK, of=f"{source}@{place}", changes=changes)
    return {**done, "undo": undo}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asks to be put back."""

    run_id: str
    at: int | str | None = None
    paths: tuple[str, ...] = ()
    """Files, or folders with all below them; empty for everything that was changed since."""
    force: tuple[str, ...] = ()
    """Files that may be replaced although somebody else has edited them."""
    moved: bool = False
    """Also when another branch is checked out now."""


@dataclass(frozen=True, slots=True)
class Item:
    """What becomes of one file."""

    path: str
    deed: str
    """``created``, ``changed``, ``deleted``, ``mode``, or ``same`` when it is so already."""
    before: str | None
    """Names the content that has to stand there."""
    after: str | None
    mode: int | None
    by: tuple[str, ...]
    """Who has changed it since, in order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is put back."""

    path: str
    """Empty when it is about all of them."""
    why: str
    can_force: bool = False


@dataclass(frozen=True, slots=True)
class Restore:
    """A plan."""

    run_id: str
    place: int
    folder: str
    items: tuple[Item, ...]
    refused: tuple[Refusal, ...]
    outside: tuple[Outside, ...]
    """What the run has done since that no restore brings back."""
    blind: tuple[Blind, ...]
    """Effects since, of which it is not known which files they changed."""
    diff: str = field(default="", compare=False)

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the call that does it."""
        names = ("path", "before", "after", "mode")
        changes = [{name: getattr(item, name) for name in names} for item in self.items]
        return {"of": f"{self.run_id}@{self.place}", "changes": changes}

    @property
    def digest(self) -> str:
        """Names exactly this plan; short, for a person to repeat."""
        return digest(dumps(self.arguments), 4)

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {**asdict(self), "digest": self.digest}


async def plan(keeper: Keeper, world: World, runs: Mapping[str, Run], wanted: Wanted) -> Restore:
    """Work out what a restore would do; nothing is changed.

    Raises:
        UnknownName: a run, a place or a file that there is not.
    """
    keeper.flush()
    run_id = keeper.run(wanted.run_id).run_id
    place = place_of(keeper, run_id, wanted.at)
    rows = await asyncio.to_thread(lambda: list(keeper.rows(run_id)))
    folder = Header.from_row(next(row for row in rows if row.run_id == run_id)).workspace
    toolbox = world.toolbox.at(folder)
    found = await asyncio.to_thread(_pasts, keeper, world, rows, place, folder)
    chosen = _chosen(found, wanted)
    looks = await asyncio.to_thread(lambda: {path: toolbox.look(path) for path in chosen})
    kept = await asyncio.to_thread(world.copies.missing, _needed(chosen.values()))
    items, refused = list[Item](), list(_about_all(world, runs, rows, place, folder, wanted))
    for path, past in chosen.items():
        item = _item(past, looks[path], forced=path in wanted.force)
        refusal = _refusal(past, looks[path], item, kept, forced=path in wanted.force)
        items.append(item)
        refused += [refusal] if refusal else []
    after = [row for row in rows if row.seq > place]
    outside = [one for one in outside_of(after) if not one.is_file]
    made = Restore(
        run_id,
        place,
        folder,
        tuple(items),
        tuple(refused),
        tuple(outside),
        tuple(blind_effects(after)),
    )
    return await _with_diff(toolbox, made)


async def _with_diff(toolbox: ToolBox, made: Restore) -> Restore:
    diff = await asyncio.to_thread(toolbox.preview, PUT_BACK, made.arguments)
    return replace(made, diff=diff)


def _pasts(
    keeper: Keeper, world: World, rows: Sequence[Event], place: int, folder: str
) -> dict[str, Past]:
    """What each file was that was changed since, by any run of the folder."""
    mark = next(row for row in rows if row.seq == place)
    changes = changes_in(keeper.changed_since(mark.run_id, mark.seq), folder)
    own = [one for one in unsettled([r for r in rows if r.seq > place]) if one.workspace == folder]
    toolbox = world.toolbox.at(folder)
    changes += [one for one in own if toolbox.look(one.path).is_(one.after)]
    return pasts([one for one in changes if not one.path.startswith("/")], world.copies.same)


def _chosen(found: dict[str, Past], wanted: Wanted) -> dict[str, Past]:
    for path in (*wanted.paths, *wanted.force):
        if not any(_is_at(one, path) for one in found):
            raise UnknownName("file that was changed since", path, found)
    if not wanted.paths:
        return found
    return {one: past for one, past in found.items() if any(_is_at(one, p) for p in wanted.paths)}


def _is_at(path: str, named: str) -> bool:
    return path == named or path.startswith(f"{named.rstrip('/')}/")


def _needed(pasts_: Iterable[Past]) -> list[str]:
    return [past.content for past in pasts_ if past.content is not None and past.restorable]


def _item(past: Past, now: Standing, *, forced: bool) -> Item:
    by = tuple(dict.fromkeys(_who(one) for one in past.changes))
    done = now.is_(past.content) and _same_mode(past.mode, now.mode)
    if done:
        return Item(past.path, "same", past.content, past.content, past.mode, by)
    before = now.name if forced else past.known
    if past.content is None:
        deed = "deleted"
    elif before is None:
        deed = "created"
    else:
        deed = "mode" if now.is_(past.content) else "changed"
    return Item(past.path, deed, before, past.content, past.mode, by)


def _who(change: FileChange) -> str:
    whom = change.agent or change.name or "a workflow"
    return f"{whom} in run {change.run_id[:8]}"


def _same_mode(one: int | None, other: int | None) -> bool:
    """Whether two modes agree as far as they are known: a snapshot knows one bit."""
    if one is None or other is None:
        return True
    return bool(one & 0o100) == bool(other & 0o100)


def _refusal(
    past: Past, now: Standing, item: Item, missing: set[str], *, forced: bool
) -> Refusal | None:
    if item.deed == "same":
        return None
    why = _impossible(past, now, missing)
    if why:
        return Refusal(past.path, why)
    why = "" if forced else _edited(past, now)
    return Refusal(past.path, why, can_force=True) if why else None


_STANDS = {"link": "a link", "special": "no regular file", "large": "too large to be kept",
           "outside": "reached through a link"}  # fmt: skip


def _impossible(past: Past, now: Standing, missing: set[str]) -> str:
    """Why a file cannot be put back whoever wants it."""
    if not past.restorable:
        return f"what it was is not kept: {past.limit}"
    if past.content in missing:
        return "what it was is not kept any more: its snapshot was set aside"
    return f"it is {_STANDS[now.kind]} now" if now.kind in _STANDS else ""


def _edited(past: Past, now: Standing) -> str:
    """Whose edits would be lost, if anybody's."""
    if not now.is_(past.known) and not (now.kind == "folder" and past.known is None):
        return "it was edited by somebody else since"
    if past.broken is None:
        return ""
    return f"somebody else edited it before {_who(past.broken)} did (row {past.broken.seq})"


def _about_all(
    world: World,
    runs: Mapping[str, Run],
    rows: Sequence[Event],
    place: int,
    folder: str,
    wanted: Wanted,
) -> Iterable[Refusal]:
    holder = world.copies.holder(folder)
    if holder is not None:
        what, who = holder.get("name", "somebody"), str(holder.get("run_id", ""))[:8]
        yield Refusal("", f"{what} of run {who} is writing there now")
    for run in runs.values():
        busy = run.status in {"running", "paused"} and run.folder == folder
        if busy and run.header.pattern not in _NOT_RUNS:
            yield Refusal("", f"run {run.run_id} works there: interrupt it first")
    then, now = head_at(rows, place), world.copies.head(folder)
    if then is not None and then != now and not wanted.moved:
        was, is_ = (name.removeprefix("refs/heads/") or "none" for name in (then, now))
        yield Refusal("", f"the branch checked out was {was} and is {is_} now (moved=true)")


def refuse(made: Restore) -> None:
    """Raise Denied when a plan has refusals, UsageError when there is nothing to do."""
    if made.refused:
        said = "; ".join(f"{one.path}: {one.why}".removeprefix(": ") for one in made.refused[:20])
        raise Denied(f"nothing was changed: {said}", refused=[asdict(r) for r in made.refused])
    if all(item.deed == "same" for item in made.items):
        raise UsageError(f"the files of {made.folder} are as they were at row {made.place}")


async def begin(session: Session, made: Restore, run_id: str = "") -> Run:
    """Do what a plan says, as a run of its own, which goes on when this returns.

    Whoever had exactly this plan shown and said yes has permitted exactly this call of this run.
    Raises as `refuse`, with nothing changed.
    """
    refuse(made)
    run_id = run_id or secrets.token_hex(4)
    changes = made.arguments["changes"]
    undo = f"restore {run_id}@1"
    inputs = {"source": made.run_id, "place": made.place, "changes": changes, "undo": undo}
    permit(session, run_id, made.run_id, made.place, changes)
    title = f"restore {made.run_id}@{made.place}"
    return await session.start(
        restore, inputs, run_id=run_id, title=title, limits={}, workspace=Path(made.folder)
    )


def permit(
    session: Session, run_id: str, source: str, place: int, changes: list[dict[str, Any]]
) -> None:
    """Let one run make exactly these changes, whatever the mode; a rule that denies still does."""
    given = PUT_BACK.read({"of": f"{source}@{place}", "changes": changes})
    action = digest(dumps([PUT_BACK.digest, given]))
    why = "the plan was shown and confirmed"
    rule = Rule("allow", tool=RESTORE, scope="run", run_id=run_id, digest=action, reason=why)
    session.world.policy = session.world.policy.with_rules(rule)


def settle(session: Session, run_id: str) -> None:
    """Take back what `permit` gave: the run is over."""
    policy = session.world.policy
    for rule in policy.rules:
        if rule.tool == RESTORE and rule.run_id == run_id:
            policy = policy.without(rule.id)
    session.world.policy = policy
