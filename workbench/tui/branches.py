"""The tree of runs and their checkpoints, laid out as lines.

A branch is one run. A fork hangs under the last checkpoint at or before its cut, drawn beside the
line it left; the rest of that line follows below, so the oldest line stays leftmost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(slots=True)
class Branch:
    """One run in the tree; tokens and cost are its own, since its cut."""

    run_id: str
    parent_id: str = ""
    cut_seq: int = 0
    label: str = ""
    overlay: str = ""
    """What the fork changed, in a few words."""
    checkpoints: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])
    """Position, name and who took it, in order."""
    children: list[str] = field(default_factory=list[str])
    tokens: int = 0
    cost_usd: float = 0.0


class TreeRow(NamedTuple):
    """One line of the checkpoint tree."""

    run_id: str
    seq: int
    """The position it stands for; 0 for a run's beginning, -1 for its end ("now")."""
    stem: str
    """The branch lines before it."""
    mark: str
    """``o`` a checkpoint, ``@`` the end of a branch, ``*`` a run's beginning."""
    label: str
    tokens: int
    cost_usd: float


def root_of(branches: Mapping[str, Branch], run_id: str) -> str:
    """The run that the branch's line began with, as far as it is known."""
    seen: set[str] = set()
    while run_id not in seen:
        seen.add(run_id)
        branch = branches.get(run_id)
        if branch is None or branch.parent_id not in branches:
            return run_id
        run_id = branch.parent_id
    return run_id


def tree(branches: Mapping[str, Branch], run_id: str) -> list[TreeRow]:
    """The whole tree that ``run_id`` belongs to, top to bottom."""
    if run_id not in branches:
        return []
    return list(_branch(branches, branches[root_of(branches, run_id)], "", "", fork=False))


def _branch(
    branches: Mapping[str, Branch], branch: Branch, stem: str, inner: str, *, fork: bool
) -> Iterator[TreeRow]:
    """A branch's lines: its head, then checkpoints with the forks that left there, then its end."""
    title = branch.label or "run"
    if fork:
        changed = f" ({branch.overlay})" if branch.overlay else ""
        title = f"fork {branch.run_id[:4]}{changed}"
    yield TreeRow(branch.run_id, 0, stem, "*", title, branch.tokens, branch.cost_usd)
    children = [branches[child] for child in branch.children if child in branches]
    children.sort(key=lambda child: child.cut_seq)
    for seq, name, _by in branch.checkpoints:
        while children and children[0].cut_seq < seq:
            yield from _fork(branches, children.pop(0), inner)
        yield TreeRow(branch.run_id, seq, inner + "├─", "o", _named(seq, name), 0, 0.0)
    for child in children:
        yield from _fork(branches, child, inner)
    yield TreeRow(branch.run_id, -1, inner + "╰─", "@", "", 0, 0.0)


def _fork(branches: Mapping[str, Branch], child: Branch, inner: str) -> Iterator[TreeRow]:
    yield from _branch(branches, child, inner + "├─", inner + "│ ", fork=True)


def _named(seq: int, name: str) -> str:
    return f"c{seq} {name}".strip()
