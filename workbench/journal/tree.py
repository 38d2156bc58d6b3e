"""The tree of a family, laid out as lines: for the pane and for the command alike.

A fork hangs under the last checkpoint at or before its cut, drawn beside the line it left; the
rest of that line follows below, so the oldest line stays leftmost. Nothing here is recursive: a
chain of a thousand forks is a tree too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeAlias

from workbench.journal.family import Branch, Mark, root_of

WIDEST = 32
"""Columns of branch lines; a deeper fork shows the last of them."""


class TreeRow(NamedTuple):
    """One line of the tree."""

    run_id: str
    seq: int
    """The row it stands at; 0 for a run's beginning, -1 for its end ("now")."""
    stem: str
    """The branch lines before it."""
    mark: str
    """``o`` a checkpoint, ``.`` one by the rule, ``@`` the end of a branch, ``*`` its beginning."""
    label: str
    tokens: int = 0
    cost_usd: float = 0.0
    all_tokens: int = 0
    """With all forks below."""
    all_cost_usd: float = 0.0
    place: int = 0
    """The last row that a fork from here shares; 0 for the newest."""


_Frame: TypeAlias = "Iterator[TreeRow | tuple[Branch, str, str]]"


def tree(branches: Mapping[str, Branch], run_id: str, *, all_marks: bool = True) -> list[TreeRow]:
    """The whole tree that ``run_id`` belongs to, top to bottom.

    Args:
        branches: the family.
        run_id: any run of it.
        all_marks: with those that the rule took; without, only what somebody named.
    """
    if run_id not in branches:
        return []
    rows: list[TreeRow] = []
    seen: set[str] = set()
    first = branches[root_of(branches, run_id)]
    frames: list[_Frame] = [_branch(branches, first, "", "", all_marks=all_marks)]
    while frames:
        item = next(frames[-1], None)
        if item is None:
            frames.pop()
        elif isinstance(item, TreeRow):
            rows.append(item)
        elif item[0].run_id not in seen:
            seen.add(item[0].run_id)
            frames.append(_branch(branches, *item, all_marks=all_marks))
    return rows


def _branch(
    branches: Mapping[str, Branch], branch: Branch, stem: str, inner: str, *, all_marks: bool
) -> _Frame:
    """A branch's lines: its head, then checkpoints with the forks that left there, then its end."""
    yield TreeRow(
        branch.run_id,
        0,
        stem,
        "*",
        _title(branch) if stem else branch.label or "run",
        branch.tokens,
        branch.cost_usd,
        branch.all_tokens,
        branch.all_cost_usd,
        place=branch.cut_seq + 1,
    )
    found = [branches[child] for child in branch.children if child in branches]
    forks = deque(sorted(found, key=lambda child: child.cut_seq))
    for mark in sorted(branch.checkpoints, key=lambda mark: mark.place):
        while forks and forks[0].cut_seq < mark.place:
            yield forks.popleft(), cropped(inner + "├─"), cropped(inner + "│ ")
        if all_marks or mark.by != "rule":
            sign = "." if mark.by == "rule" else "o"
            stem = cropped(inner + "├─")
            yield TreeRow(branch.run_id, mark.row, stem, sign, _named(mark), place=mark.place)
    for child in forks:
        yield child, cropped(inner + "├─"), cropped(inner + "│ ")
    yield TreeRow(branch.run_id, -1, cropped(inner + "╰─"), "@", branch.status)


def _title(branch: Branch) -> str:
    changed = f" ({branch.overlay})" if branch.overlay else ""
    return f"fork {branch.run_id[:8]} at {branch.cut_seq}{changed}"


def _named(mark: Mark) -> str:
    return f"c{mark.row} {mark.name}".strip()


def cropped(stem: str) -> str:
    """The last columns of a deep line's stem."""
    return stem if len(stem) <= WIDEST else "…" + stem[1 - WIDEST :]
