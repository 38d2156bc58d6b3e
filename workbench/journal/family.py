"""The family of a run: its root, all forks of that, forks of forks, and what each cost.

A branch's figures are its own, since its cut; rolled up they hold all forks below it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from workbench.journal.events import Event
from workbench.journal.overlay import words

FAMILY_KINDS = ("run.started", "checkpoint.taken")
"""The rows that a family is drawn from, besides what is known of each run."""


class RunFacts(Protocol):
    """What is known of a run without reading its rows."""

    @property
    def run_id(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def cut_seq(self) -> int: ...  # noqa: D102
    @property
    def last_seq(self) -> int: ...  # noqa: D102
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def input_tokens(self) -> int: ...  # noqa: D102
    @property
    def output_tokens(self) -> int: ...  # noqa: D102
    @property
    def cost_usd(self) -> float: ...  # noqa: D102
    @property
    def unpriced_calls(self) -> int: ...  # noqa: D102
    @property
    def result_preview(self) -> str: ...  # noqa: D102


class Mark(NamedTuple):
    """One checkpoint."""

    seq: int
    """Its own row."""
    name: str
    by: str
    """``user``, ``workflow``, ``rule``, or the script that took it."""
    place: int
    """The last row that a fork from here shares."""
    at: float
    row: int
    """The row it stands at, for people: its own, or the earlier one that it names."""


@dataclass(slots=True)
class Branch:
    """One run of a family."""

    run_id: str
    parent_id: str = ""
    cut_seq: int = 0
    label: str = ""
    overlay: str = ""
    """What the fork does otherwise, in a few words."""
    status: str = ""
    checkpoints: list[Mark] = field(default_factory=list[Mark])
    children: list[str] = field(default_factory=list[str])
    steps: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    preview: str = ""
    """The beginning of its result, or of its error."""
    all_tokens: int = 0
    """Rolled up, as `roll_up` last found it."""
    all_cost_usd: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {
            "run_id": self.run_id,
            "parent": self.parent_id or None,
            "cut": self.cut_seq,
            "title": self.label,
            "overlay": self.overlay,
            "status": self.status,
            "steps": self.steps,
            "tokens": self.tokens,
            "cost_usd": self.cost_usd,
            "unpriced_calls": self.unpriced_calls,
            "rolled_up": {"tokens": self.all_tokens, "cost_usd": self.all_cost_usd},
            "checkpoints": [mark._asdict() for mark in self.checkpoints],
        }


def mark_of(row: Event, last_seq: int) -> Mark:
    """A checkpoint from its row; ``last_seq`` is the run's newest."""
    by, at = str(row.data.get("by") or ""), row.data.get("at")
    here = place = at if isinstance(at, int) else row.seq
    if by == "workflow":
        place = min(row.seq + 1, last_seq)  # its outcome is the row after it
    return Mark(row.seq, str(row.data.get("name") or ""), by, place, row.at, here)


def family_of(runs: Iterable[RunFacts], rows: Iterable[Event]) -> dict[str, Branch]:
    """The branches by run, root first.

    Args:
        runs: every run of the family, in the order of their beginnings.
        rows: their own rows of `FAMILY_KINDS`.
    """
    facts = {run.run_id: run for run in runs}
    found = {run_id: _branch(run) for run_id, run in facts.items()}
    for branch in found.values():
        parent = found.get(branch.parent_id)
        if parent is not None:
            parent.children.append(branch.run_id)
    for row in rows:
        if row.kind == "run.started":
            edit = str(row.data.get("edit") or "")
            found[row.run_id].overlay = words(row.data.get("overlay") or {}, edit)
        else:
            mark = mark_of(row, facts[row.run_id].last_seq)
            found[row.run_id].checkpoints.append(mark)
    roll_up(found)
    return found


def _branch(run: RunFacts) -> Branch:
    return Branch(
        run.run_id,
        run.parent_id or "",
        run.cut_seq,
        run.title,
        status=run.status,
        steps=run.steps,
        tokens=run.input_tokens + run.output_tokens,
        cost_usd=run.cost_usd,
        unpriced_calls=run.unpriced_calls,
        preview=run.result_preview,
    )


def roll_up(branches: Mapping[str, Branch]) -> None:
    """Sum up, for each branch, what it and all below it used."""
    order = [branch for branch in branches.values() if branch.parent_id not in branches]
    for branch in order:  # grows while it is gone through: every parent before its children
        order += [branches[child] for child in branch.children if child in branches]
    for branch in reversed(order):
        below = [branches[child] for child in branch.children if child in branches]
        branch.all_tokens = branch.tokens + sum(one.all_tokens for one in below)
        branch.all_cost_usd = branch.cost_usd + sum(one.all_cost_usd for one in below)


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


class Parted(Protocol):
    """A run that may have left another."""

    @property
    def parent_id(self) -> str | None: ...  # noqa: D102
    @property
    def cut_seq(self) -> int: ...  # noqa: D102


def parting(branches: Mapping[str, Parted], one: str, other: str) -> int:
    """The last row that two runs of a family share."""
    line = _line(branches, one)
    upto = 2**62
    while other:
        if other in line:
            return min(upto, line[other])
        branch = branches.get(other)
        if branch is None:
            break
        other, upto = branch.parent_id or "", min(upto, branch.cut_seq)
    return 0


def _line(branches: Mapping[str, Parted], run_id: str) -> dict[str, int]:
    """A run and its parents, each with the last row of it that belongs to the run."""
    line: dict[str, int] = {}
    upto = 2**62
    while run_id in branches and run_id not in line:
        line[run_id] = upto
        branch = branches[run_id]
        run_id, upto = branch.parent_id or "", min(upto, branch.cut_seq)
    return line
