"""Cleaning up by a retention: choose the runs, delete them in portions, sweep the blobs.

Killed in the middle, it has deleted whole runs and left blobs that nobody names; the next one takes
those away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from workbench.errors import RunOwned, UsageError
from workbench.store.deleting import Freed
from workbench.store.projection import RunRow
from workbench.store.retention import Retention, doomed

ALL: Final = 2**31
PORTION: Final = 100
"""Runs that go in one transaction: it bounds how long others wait for the file."""


class Collectable(Protocol):
    """What is needed of a store."""

    def runs(self, *, limit: int = 100) -> list[RunRow]:
        """The runs, newest first."""
        ...

    def pinned(self) -> set[str]:
        """Runs that stay."""
        ...

    def sizes(self) -> Mapping[str, int]:
        """Bytes by run."""
        ...

    def delete_runs(self, run_ids: Sequence[str], *, by: str, sweeps: bool) -> Freed:
        """Delete whole runs."""
        ...

    def sweep_blobs(self) -> Freed:
        """Remove blobs that no row names."""
        ...


def chosen(store: Collectable, wanted: Retention, now: float) -> list[RunRow]:
    """The runs that go."""
    if wanted.wants_nothing:
        return []
    sizes = store.sizes() if wanted.max_bytes is not None else None
    return doomed(store.runs(limit=ALL), wanted, now, pinned=store.pinned(), sizes=sizes)


def collect(
    store: Collectable,
    wanted: Retention,
    now: float,
    *,
    by: str = "gc",
    progress: Callable[[str], None] = lambda _: None,
) -> Freed:
    """Delete what goes by a retention, and every blob that nothing names."""
    going = [run.run_id for run in chosen(store, wanted, now)]
    freed = Freed()
    for place in range(0, len(going), PORTION):
        _delete(store, going[place : place + PORTION], by, freed)
        progress(f"{min(place + PORTION, len(going))} of {len(going)} runs")
    progress("looking for blobs that nothing names")
    freed.add(store.sweep_blobs())
    return freed


def _delete(store: Collectable, run_ids: Sequence[str], by: str, freed: Freed) -> None:
    """Delete a portion; a run that somebody has taken up meanwhile holds up no other."""
    try:
        freed.add(store.delete_runs(run_ids, by=by, sweeps=False))
    except (RunOwned, UsageError) as error:
        if len(run_ids) == 1:
            freed.spared.append(error.message)
            return
        for run_id in run_ids:
            _delete(store, [run_id], by, freed)
