"""Which runs may go: a pure decision by age, number and size.

What is being driven, rests, is pinned, or has a fork that stays, stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from workbench.store.projection import RunRow

ENDED: Final = frozenset({"returned", "failed", "cancelled", "out_of_budget", "damaged"})


@dataclass(frozen=True, slots=True)
class Retention:
    """What is wanted. None is no wish."""

    older_than_s: float | None = None
    """Runs that ended longer ago than this go."""
    keep: int | None = None
    """So many of the newest runs stay whatever their age; named alone, all others go."""
    max_bytes: int | None = None
    """The oldest go until the rest takes no more."""

    @property
    def wants_nothing(self) -> bool:
        """Whether no run goes by it."""
        return self.older_than_s is None and self.keep is None and self.max_bytes is None


def doomed(
    runs: Sequence[RunRow],
    wanted: Retention,
    now: float,
    *,
    pinned: Collection[str] = (),
    sizes: Mapping[str, int] | None = None,
) -> list[RunRow]:
    """The runs that go, children before their parents.

    Args:
        runs: all there are.
        wanted: what is wanted.
        now: seconds since 1970.
        pinned: ids that stay.
        sizes: bytes by run, if ``max_bytes`` is wanted.
    """
    newest = sorted(runs, key=lambda run: (run.started_at, run.run_id), reverse=True)
    kept = {run.run_id for run in newest[: wanted.keep or 0]}
    stays = kept.union(pinned)
    may = [run for run in newest if run.status in ENDED and run.run_id not in stays]
    chosen = {run.run_id for run in may if _is_due(run, wanted, now)}
    if wanted.max_bytes is not None:
        chosen |= _too_many(newest, may, chosen, wanted.max_bytes, sizes or {})
    going = _without_parents(runs, chosen)
    return [run for run in newest if run.run_id in going]


def _is_due(run: RunRow, wanted: Retention, now: float) -> bool:
    if wanted.older_than_s is not None:
        return now - (run.ended_at or run.started_at) > wanted.older_than_s
    return wanted.keep is not None and wanted.max_bytes is None


def _too_many(
    newest: Sequence[RunRow],
    may: Sequence[RunRow],
    chosen: Collection[str],
    most: int,
    sizes: Mapping[str, int],
) -> set[str]:
    """The oldest runs that have to go for the rest to fit."""
    left = sum(sizes.get(run.run_id, 0) for run in newest if run.run_id not in chosen)
    more: set[str] = set()
    for run in reversed(may):
        if left <= most:
            break
        if run.run_id not in chosen:
            more.add(run.run_id)
            left -= sizes.get(run.run_id, 0)
    return more


def _without_parents(runs: Sequence[RunRow], chosen: set[str]) -> set[str]:
    """Those of the chosen whose forks go as well."""
    left, parents = set(chosen), {run.run_id: run.parent_id for run in runs}
    for run_id in parents:
        if run_id in chosen:
            continue
        above = parents.get(run_id)
        while above is not None and above in parents:
            left.discard(above)
            above = parents[above]
    return left
