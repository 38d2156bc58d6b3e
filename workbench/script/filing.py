"""What became of files, in words: a run's changes, one file at a place, a plan to put some back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from workbench.errors import UnknownName
from workbench.journal.events import Event
from workbench.journal.files import FileChange, blind_effects, changes_in
from workbench.plain import one_line
from workbench.run.restoring import Item, Restore
from workbench.script.rows import brief

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
        yield one_line(f"{one.seq:>6}  ? {one.name} {brief(one.arguments)}: not known, {one.why}")
    if not changes:
        yield "no file was changed, as far as rows tell"


def content_lines(path: str, data: bytes | None) -> Iterator[str]:
    """A file's content for people."""
    if data is None:
        yield f"{path}: there was no such file"
    elif b"\0" in data[:8000]:
        yield f"{path}: {len(data)} bytes, not text"
    else:
        yield from data.decode("utf-8", "replace").splitlines() or ("",)


def find_change(changes: Iterable[FileChange], path: str) -> None:
    """Raise UnknownName when no change is of that file."""
    known = {change.path for change in changes}
    if path not in known:
        raise UnknownName("file that a run changed", path, known)


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
