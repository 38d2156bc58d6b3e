"""What became of files, in words: a run's changes, one file at a place, a plan to put some back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.errors import WorkbenchError
from workbench.journal.events import Event
from workbench.journal.files import Blind, FileChange, blind_effects, changes_in
from workbench.plain import one_line
from workbench.run.ports import WorkingCopies
from workbench.run.restoring import Item, Restore
from workbench.script.rows import brief
from workbench.tools.preview import diff_of

_SIGNS = {"created": "+", "deleted": "-", "changed": "~", "mode": "m", "same": "="}
_BECOMES = {"created": "comes back", "deleted": "goes", "mode": "mode as it was"}
LIMITS = (
    "Not kept: ignored files, files named like secrets, files over 16 MiB, links, what a killed or"
    " too large command changed; `workbench.workspace` lists everything."
)


def changed_between(rows: Sequence[Event], after: int, upto: int | None) -> list[FileChange]:
    """The changes that rows after one and up to another record."""
    return changes_in(row for row in rows if after < row.seq and (upto is None or row.seq <= upto))


def change_line(change: FileChange) -> str:
    """``   12  + coder      write_file    notes.md  120 bytes``."""
    who = change.agent or "-"
    size = f"{change.size_bytes} bytes" if change.after is not None else "gone"
    limit = "" if change.restorable else f"  (before: not kept, {change.limit})"
    sign = _SIGNS[change.deed]
    return one_line(
        f"{change.seq:>6}  {sign} {who:<12} {change.name:<14} {change.path}  {size}{limit}"
    )


def change_data(change: FileChange) -> dict[str, Any]:
    """For programs."""
    place = {"run_id": change.run_id, "seq": change.seq, "at": change.at, "key": change.key}
    return {**place, "agent": change.agent, "deed": change.deed, **change.to_data()}


def files_lines(rows: Sequence[Event], after: int, upto: int | None) -> Iterator[str]:
    """All that is known of what became of files in a stretch of a run."""
    changes = changed_between(rows, after, upto)
    yield from map(change_line, changes)
    stretch = [row for row in rows if after < row.seq and (upto is None or row.seq <= upto)]
    for one in blind_effects(stretch):
        yield f"{one.seq:>6}  ? {blind_line(one)}: not known"
    if not changes:
        yield "no file was changed, as far as rows tell"


def blind_line(one: Blind) -> str:
    """An effect of which it is not known which files it changed, and why."""
    return one_line(f"{one.name} {brief(one.arguments)}: {one.why}")


def change_diff(copies: WorkingCopies, change: FileChange) -> str:
    """The difference that one change made, from the contents that are kept; else a sentence."""
    try:
        before, after = (_held(copies, name) for name in (change.before, change.after))
    except WorkbenchError as error:
        why = change.limit or error.message
        return f"{change.path} was {change.deed}; its content is not kept: {why}"
    if change.deed == "mode":
        return f"{change.path}: mode {change.before_mode or 0:o} became {change.mode or 0:o}"
    return diff_of(before, after, change.path, existed=change.before is not None)


def _held(copies: WorkingCopies, name: str | None) -> bytes:
    return b"" if name is None else copies.read(name)


def content_lines(path: str, data: bytes | None) -> Iterator[str]:
    """A file's content for people."""
    if data is None:
        yield f"{path}: there was no such file"
    elif b"\0" in data[:8000]:
        yield f"{path}: {len(data)} bytes, not text"
    else:
        yield from data.decode("utf-8", "replace").splitlines() or ("",)


def restore_lines(made: Restore, *, with_diff: bool = True) -> Iterator[str]:
    """A plan for people: what becomes of each file, what is refused, what stays as it is."""
    of = f"{made.run_id}@{made.place}"
    acting = [item for item in made.items if item.deed != "same"]
    yield one_line(f"restore {of} in {made.folder}: files to put back {len(acting)}")
    yield from map(_item_line, acting)
    same = len(made.items) - len(acting)
    if same:
        yield f"  already as they were: {same}"
    for one in made.refused:
        force = " (force names it)" if one.can_force else ""
        yield one_line(f"  refused: {one.path + ': ' if one.path else ''}{one.why}{force}")
    yield from _left_lines(made)
    if with_diff and made.diff.strip():
        yield from made.diff.rstrip("\n").split("\n")
    if made.refused:
        yield "nothing is changed unless all of it can be"
    elif acting:
        yield f"nothing was changed yet; to do exactly this: restore {of} yes={made.digest}"


def _item_line(item: Item) -> str:
    by = ", ".join(item.by[:4]) + (" and more" if len(item.by) > 4 else "")
    deed = _BECOMES.get(item.deed, "as it was")
    return one_line(f"  {_SIGNS[item.deed]} {item.path}  {deed}  ({by})")


def _left_lines(made: Restore) -> Iterator[str]:
    if made.blind:
        yield "not taken back, because it is not known which files these changed:"
    for one in made.blind:
        yield one_line(f"  #{one.seq} {one.name} {brief(one.arguments)}: {one.why}")
    if made.outside:
        yield "done outside, and stays done:"
    for one in made.outside:
        yield one_line(f"  #{one.seq} {one.what} {brief(one.arguments)}  {one.state}")
