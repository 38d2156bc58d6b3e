"""Places: where in a run something begins or is looked at, as people and programs write it.

A place is a row's number, a checkpoint's name, ``last`` or nothing for the newest row. Names may
repeat; the newest counts, and every other one has its number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Protocol

from workbench.errors import InputError, UnknownName
from workbench.journal.checkpoints import LAST
from workbench.journal.events import OUTCOMES, Event

_ENDS = frozenset({"run.finished", "run.cancelled"})


class Reader(Protocol):
    """What is needed of a store to find a place."""

    def rows(
        self,
        run_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] | None = None,
    ) -> Iterator[Event]:
        """A run's rows in order, its parents' included."""
        ...

    def last_seq(self, run_id: str) -> int:
        """The newest row's number."""
        ...

    def checkpoint(self, run_id: str, name: str) -> Event | None:
        """The newest checkpoint of that name, the parents' before the cut included."""
        ...

    def checkpoints(self, run_id: str) -> list[Event]:
        """All of them, oldest first."""
        ...


def place_of(reader: Reader, run_id: str, at: int | str | None) -> int:
    """The row that a place means.

    Raises:
        UnknownName: no checkpoint is called so.
        InputError: there is no such row.
    """
    if isinstance(at, str) and at.isdecimal():
        at = int(at)
    last = reader.last_seq(run_id)
    if at is None or at == LAST:
        return last
    if isinstance(at, int):
        if not 1 <= at <= last:
            raise InputError(
                f"there is no row {at} in run {run_id}", hint=f"It has rows 1 to {last}"
            )
        return at
    taken = reader.checkpoint(run_id, at)
    if taken is None:
        known = [str(row.data["name"]) for row in reader.checkpoints(run_id)]
        raise UnknownName("checkpoint", at, known)
    return position(reader, run_id, taken)


def position(reader: Reader, run_id: str, taken: Event) -> int:
    """The row that a checkpoint stands for.

    One that a workflow asked for is answered by the row after it, which belongs to it (unless the
    program died between the two); one that a person set on an earlier row names that row.
    """
    if taken.data.get("by") == "workflow":
        after = reader.rows(run_id, after=taken.seq, upto=taken.seq + 1)
        answered = any(row.key == taken.key and row.kind in OUTCOMES for row in after)
        return taken.seq + answered
    return int(taken.data.get("at") or taken.seq)


def cut_of(reader: Reader, run_id: str, at: int | str | None) -> int:
    """The row after which a fork begins.

    An end row of the run itself is not shared: a fork of a finished run goes on from before it.
    Raises as `place_of`.
    """
    cut = place_of(reader, run_id, at)
    end = next((row.seq for row in reader.rows(run_id, upto=cut, kinds=_ENDS)), None)
    return cut if end is None else end - 1


def newest(
    reader: Reader, run_id: str, upto: int, kinds: Collection[str], fits: Callable[[Event], bool]
) -> Event | None:
    """The last row at or before a place that fits, looked for from there backwards.

    Costs what lies between, not what lies before: a fork of a long run is as quick as of a short.
    """
    size = 64
    while upto > 0:
        after = max(0, upto - size)
        found = list(reader.rows(run_id, after=after, upto=upto, kinds=kinds))
        last = next((row for row in reversed(found) if fits(row)), None)
        if last is not None:
            return last
        upto, size = after, size * 4
    return None
