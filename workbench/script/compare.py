"""Compare: two places in the log, or all branches of a tree side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench.errors import UsageError, WorkbenchError
from workbench.journal.difference import Difference, difference
from workbench.journal.family import FAMILY_KINDS, Branch, family_of, parting
from workbench.journal.places import place_of
from workbench.journal.said import Used, said_in
from workbench.script.differing import Contents
from workbench.store.memory import MemoryStore
from workbench.store.store import Store

AnyStore = Store | MemoryStore

Place = tuple[str, int | str | None]
"""A run and a place in it."""

_MOST_BYTES = 1_000_000
"""A file's content that is longer is only named."""

MOST_BRANCHES = 100
"""So many are compared without being named: each is read from its first row."""


def compare(store: AnyStore, left: Place, right: Place) -> Difference:
    """The difference of two places. Raises UnknownName, InputError."""
    one, other = place_of(store, *left), place_of(store, *right)
    first = list(store.rows(left[0], upto=one))
    runs = {run.run_id: run for run in store.family(left[0])}
    shared = min(parting(runs, left[0], right[0]), one, other) if right[0] in runs else 0
    # What both have in common is read once.
    common = [row for row in first if row.seq <= shared]
    found = difference(first, common + list(store.rows(right[0], after=shared, upto=other)))
    # The run that was asked about, although a row before its cut is its parent's.
    asked = zip((found.left, found.right), (left, right), strict=True)
    one_side, other_side = (replace(side, run_id=place[0]) for side, place in asked)
    return replace(found, left=one_side, right=other_side)


def contents_in(read: Callable[[str], bytes]) -> Contents:
    """The texts of files, by the names that rows have for their contents."""

    def text(name: str) -> str | None:
        try:
            content = read(name)
        except WorkbenchError:
            return None
        if len(content) > _MOST_BYTES or b"\0" in content[:8000]:
            return None
        return content.decode("utf-8", "replace")

    return text


def family_in(store: AnyStore, run_id: str) -> dict[str, Branch]:
    """The family of a run."""
    store.flush()
    return family_of(store.family(run_id), store.family_rows(run_id, FAMILY_KINDS))


@dataclass(frozen=True, slots=True)
class Compared:
    """One branch beside others. What it used is from its root on, so lines can be compared."""

    run_id: str
    title: str
    overlay: str
    status: str
    result: Any
    parent: str
    parts_at: int
    """The last row that it shares with the branch it left; 0 for the root."""
    used: Used
    own_tokens: int
    """Since it parted."""
    own_cost_usd: float
    duration_s: float
    files: tuple[str, ...]
    """Files it changed, the shared part included."""

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return asdict(self)


def beside(store: AnyStore, run_ids: Sequence[str]) -> list[Compared]:
    """Branches side by side: those that are named, or all of the one's tree.

    Raises:
        UsageError: there are too many to compare them all.
    """
    families = {run_id: family_in(store, run_id) for run_id in run_ids[:1]}
    if len(run_ids) == 1:
        run_ids = list(families[run_ids[0]])
        if len(run_ids) > MOST_BRANCHES:
            raise UsageError(
                f"the tree has {len(run_ids)} branches, too many to compare all",
                hint=f"Name up to {MOST_BRANCHES} of them",
            )
    known: dict[str, Branch] = {}
    for run_id in run_ids:
        if run_id not in known:
            known |= families.get(run_id) or family_in(store, run_id)
    return [_compared(store, known, run_id) for run_id in dict.fromkeys(run_ids)]


def _compared(store: AnyStore, known: Mapping[str, Branch], run_id: str) -> Compared:
    branch, said = known[run_id], said_in(store.rows(run_id))
    took = round(max(0.0, said.ended_at - said.began_at), 3)
    return Compared(
        run_id,
        branch.label,
        branch.overlay,
        branch.status,
        said.result,
        branch.parent_id,
        branch.cut_seq,
        said.used,
        branch.tokens,
        branch.cost_usd,
        took,
        tuple(sorted(said.files)),
    )
