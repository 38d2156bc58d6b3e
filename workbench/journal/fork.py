"""Where a fork begins, and what an edited reply looks like as a row.

A fork reads its parent's rows up to the cut by reference and goes on with rows of its own. An
edited reply needs no case of its own: the cut lies just before the reply, and the fork's first
row answers the same request with the edited one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, Protocol

from workbench.errors import InputError, UnknownName
from workbench.journal.events import Event
from workbench.values import dumps


class Reader(Protocol):
    """What is needed of a store to find a cut."""

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


def cut_of(reader: Reader, run_id: str, at: int | str | None) -> int:
    """The row after which a fork begins: by number, by a checkpoint's name, or the newest.

    An end row of the run itself is not shared: a fork of a finished run goes on from before it.
    """
    if isinstance(at, str) and at.isdigit():
        at = int(at)
    last = reader.last_seq(run_id)
    if isinstance(at, str):
        named = list(reader.rows(run_id, kinds={"checkpoint.taken"}))
        # One that a workflow asked for is answered by the very next row, which belongs to it.
        found = [row.seq + bool(row.key) for row in named if row.data["name"] == at]
        if not found:
            raise UnknownName("checkpoint", at, [row.data["name"] for row in named])
        return found[-1]
    if at is not None and not 1 <= at <= last:
        raise InputError(f"there is no row {at} in run {run_id}", hint=f"It has rows 1 to {last}")
    cut = last if at is None else at
    ends = {"run.finished", "run.cancelled"}
    end = next((row.seq for row in reader.rows(run_id, upto=cut, kinds=ends)), None)
    return cut if end is None else end - 1


def edited_reply(reader: Reader, run_id: str, cut: int, reply: Any) -> Event:
    """The newest model reply at or before a cut, as if it had been another."""
    rows = reader.rows(run_id, upto=cut, kinds={"step.finished"})
    replies = [row for row in rows if row.data.get("effect") == "model"]
    if not replies:
        raise InputError(f"run {run_id} has no model reply up to row {cut}")
    newest = replies[-1]
    text = reply if isinstance(reply, str) else dumps(reply).decode()
    result = {"text": text, "model": "edited", "finish": "stop"}
    kept = {k: v for k, v in newest.data.items() if k in {"effect", "name", "fingerprint"}}
    return replace(newest, data={**kept, "result": result, "edited": True})
