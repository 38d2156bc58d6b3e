"""The store without a file: the same methods over plain lists, for tests and runs nobody keeps.

It is also the shortest statement of what the methods mean. Rows are copied through JSON on their
way in, as in the file, and `done` is called before `append` returns.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from workbench.errors import (
    LimitReached,
    RunOwned,
    StoreDamaged,
    StoreError,
    UnknownName,
    UsageError,
    WorkbenchError,
)
from workbench.journal.events import Event
from workbench.journal.ledger import Dues, Ledger, Within, refused
from workbench.store import asked, queries, remembered, workspace
from workbench.store.alone import Alone
from workbench.store.audited import MemoryAudit
from workbench.store.deleting import Freed
from workbench.store.projection import (
    RunRow,
    RunState,
    UsageRow,
    check_next,
    check_parent,
    seen,
    total,
)
from workbench.store.room import OnRoom
from workbench.store.workspace import Kind
from workbench.store.writer import Done
from workbench.values import Json, copied, digest, dumps


class MemoryBlobs:
    """Contents by digest, in memory."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def write(self, content: bytes) -> str:
        """Keep a content; its digest."""
        name = digest(content, 32)
        self._contents[name] = content
        return name

    def read(self, name: str) -> bytes:
        """What was kept. Raises StoreDamaged."""
        if name not in self._contents:
            raise StoreDamaged(f"the blob {name} is not there")
        return self._contents[name]


class MemoryStore:
    """A store that forgets everything when it goes. For one thread."""

    def __init__(self) -> None:
        self.blobs = MemoryBlobs()
        self._log: list[Event] = []
        self._states: dict[str, RunState] = {}
        self._ledger = Ledger()
        self._epochs: dict[str, int] = {}
        self._owned: set[str] = set()
        self._catalogue: dict[str, list[dict[str, Any]]] = {}
        self._settings: dict[str, Json] = {}
        self._unheard: list[WorkbenchError] = []
        self._pinned: set[str] = set()
        self._deleted: set[str] = set()
        self.audit = MemoryAudit()
        self.memory, self._memory_link = remembered.in_memory()
        self._open = True
        self.shared = Alone(self.owner)

    def append(
        self, events: Sequence[Event], done: Done | None = None, within: Within = ()
    ) -> None:
        """Store all of the rows or none, then call ``done``."""
        if not self._open:
            raise StoreError("the store in memory was closed")
        over: LimitReached | None = None
        try:
            rows = [_copied(event) for event in events]
            self._check(rows)
            if within and (over := self._ledger.refusal(rows[0], within)) is not None:
                rows = [refused(rows[0], over)]
        except WorkbenchError as error:
            if done is None:
                self._unheard.append(error)
            else:
                done(error)
            return
        self._take(rows)
        if done is not None:
            done(over)

    def flush(self) -> None:
        """Raise the first error that nobody was told about."""
        unheard, self._unheard = self._unheard, []
        if unheard:
            raise unheard[0]

    def catch_up(self) -> None:
        """Everything is there already."""

    def watch_room(self, told: OnRoom) -> None:
        """There is always room."""

    def short_of(self, least_bytes: int) -> str:
        """Of nothing."""
        del least_bytes
        return ""

    def close(self) -> None:
        """Nothing can be appended afterwards."""
        self._open = False
        self._owned.clear()
        self._memory_link.close()
        self.flush()

    def rows(
        self,
        run_id: str,
        *,
        after: int = 0,
        upto: int | None = None,
        kinds: Collection[str] | None = None,
    ) -> Iterator[Event]:
        """The rows of a run and, before its cut, those of its parents, in order of ``seq``."""
        line: dict[str, int] = {}
        name, last = run_id, queries.END if upto is None else upto
        while name:
            row = self._state(name).row
            line[name] = last
            name, last = row["parent_id"], min(last, row["cut_seq"])
        found = (e for e in self._log if e.run_id in line and after < e.seq <= line[e.run_id])
        return (e for e in sorted(found, key=_seq) if kinds is None or e.kind in kinds)

    def tail(self, after: int = 0, *, limit: int = queries.PAGE_ROWS) -> list[tuple[int, Event]]:
        """Rows of all runs in order of commit, each with its place."""
        there = enumerate(self._log[after:], after + 1)
        return list(islice((item for item in there if item[1] is not _GONE), limit))

    def last_place(self) -> int:
        """The newest row's place."""
        return len(self._log)

    def run(self, run_id_or_prefix: str) -> RunRow:
        """One run, by its id or the beginning of it."""
        name = run_id_or_prefix
        if name in self._states:
            return seen(self._states[name].as_row(), self.owner(name))
        found = [row for row in self._newest() if name and row.run_id.startswith(name)]
        if len(found) > 1:
            raise queries.ambiguous_run(name, [row.run_id for row in found])
        return found[0] if found else self._state(name).as_row()

    def runs(self, *, limit: int = 100, search: str = "", session: str = "") -> list[RunRow]:
        """Runs, newest first; ``search`` looks into id, title, pattern, status, model, result."""
        sought = search.casefold()
        found = [
            row
            for row in self._newest()
            if session in ("", row.session_id)
            and any(sought in str(getattr(row, field)).casefold() for field in queries.SEARCHED)
        ]
        return [seen(row, self.owner(row.run_id)) for row in found[:limit]]

    def children(self, run_id: str) -> list[RunRow]:
        """The forks of a run, newest first."""
        return [row for row in self._newest() if row.parent_id == run_id]

    def checkpoints(self, run_id: str) -> list[Event]:
        """The checkpoints one can go back to from a run, its parents' included."""
        return list(self.rows(run_id, kinds={"checkpoint.taken"}))

    def checkpoint(self, run_id: str, name: str) -> Event | None:
        """The newest checkpoint of that name among them."""
        found = [row for row in self.checkpoints(run_id) if row.data.get("name") == name]
        return found[-1] if found else None

    def changed_since(self, run_id: str, seq: int) -> list[Event]:
        """The ``file.changed`` rows of all runs that were appended after a row."""
        places = [n for n, e in enumerate(self._log) if (e.run_id, e.seq) == (run_id, seq)]
        if not places:
            raise UnknownName("run", run_id, self._states)
        return [event for event in self._log[places[0] + 1 :] if event.kind == "file.changed"]

    def snapshot_trees(self) -> set[str]:
        """The snapshots of folders that rows name."""
        return {name for row in self._log for name in queries.trees_in(dumps(row.data).decode())}

    def family(self, run_id: str) -> list[RunRow]:
        """Every run of the tree that a run belongs to, in the order of their beginnings."""
        root = self._state(run_id).row
        while root["parent_id"]:
            root = self._state(root["parent_id"]).row
        known, found = {root["run_id"]}, list[RunRow]()
        for state in self._states.values():  # a fork comes after its parent
            if state.row["run_id"] in known or state.row["parent_id"] in known:
                known.add(state.row["run_id"])
                found.append(seen(state.as_row(), self.owner(state.row["run_id"])))
        return sorted(found, key=lambda row: row.started_at)

    def family_rows(self, run_id: str, kinds: Sequence[str]) -> list[Event]:
        """The own rows, of kinds that are looked up by kind, of every run of a tree."""
        runs = {row.run_id for row in self.family(run_id)}
        rows = [e for e in self._log if e.run_id in runs and e.kind in kinds]
        return sorted(rows, key=lambda row: (row.run_id, row.seq))

    def usage(self, run_id: str) -> UsageRow:
        """What a run itself spent; zeros when there is no such run."""
        return total(self._states[run_id].spent if run_id in self._states else {})

    def approvals(
        self, run_id: str = "", *, before: int = queries.END, limit: int = queries.PAGE_ROWS
    ) -> list[tuple[int, Event]]:
        """Rows about approvals before an entry, newest first, each with its entry's number."""
        log = {(event.run_id, event.seq): event for event in self._log}
        return asked.in_memory(self.audit.entries(), log, run_id, before)[:limit]

    def dues(self, day: str) -> Dues:
        """What was used and is reserved on a day (UTC), by agent over all runs."""
        return copy.deepcopy(self._ledger.dues(day))

    def last_seq(self, run_id: str) -> int:
        """The newest row's number; 0 when there is no such run."""
        return self._states[run_id].row["last_seq"] if run_id in self._states else 0

    def take_in(self, events: Iterator[Event]) -> None:
        """Store whole runs from elsewhere, all or nothing."""
        rows = [_copied(event) for event in events]
        self._deleted -= {event.run_id for event in rows}
        for run_id in dict.fromkeys(event.run_id for event in rows):
            self.audit.enter("run.imported", {}, run_id)
        self._check(rows)
        self._take(rows)

    def delete_runs(
        self, run_ids: Sequence[str], *, by: str = "user", sweeps: bool = True
    ) -> Freed:
        """Delete whole runs."""
        del sweeps
        for run_id in run_ids:
            self._state(run_id)
            if run_id in self._owned:
                raise RunOwned(f"run {run_id} is driven by this process", pid=os.getpid())
            for child in self.children(run_id):
                if child.run_id not in run_ids:
                    raise UsageError(f"run {run_id} has the fork {child.run_id}")
            if run_id in self._pinned:
                raise UsageError(f"run {run_id} is pinned")
        going = {run_id: sum(e.run_id == run_id for e in self._log) for run_id in run_ids}
        # Places stay: whoever reads the tail goes by them.
        self._log = [_GONE if event.run_id in going else event for event in self._log]
        for run_id, rows in going.items():
            del self._states[run_id]
            self._ledger.forget(run_id)
            self._deleted.add(run_id)
            self.audit.enter("run.deleted", {"by": by, "rows": rows}, run_id)
        return Freed(list(run_ids), sum(going.values()))

    def sweep_blobs(self) -> Freed:
        """There are none."""
        return Freed()

    def sizes(self) -> dict[str, int]:
        """The bytes of each run."""
        found: dict[str, int] = {}
        for event in self._log:
            found[event.run_id] = found.get(event.run_id, 0) + len(dumps(event.data))
        return found

    def pinned(self) -> set[str]:
        """Runs that are never deleted."""
        return set(self._pinned)

    def pin(self, run_id: str, *, pinned: bool = True) -> None:
        """Have a run never deleted, or let it go again."""
        (self._pinned.add if pinned else self._pinned.discard)(run_id)

    def rebuild(self) -> None:
        """Compute the runs and their spending anew from the log."""
        self._states.clear()
        self._ledger = Ledger()
        self._count([event for event in self._log if event is not _GONE])

    def catalogue(self, kind: Kind, entries: Sequence[Mapping[str, Any]]) -> None:
        """Say what there is of a kind now; it replaces what was said before."""
        self._catalogue[kind] = workspace.read_entries(entries, time.time())

    def catalogued(self, kind: Kind) -> list[dict[str, Any]]:
        """What there was of a kind when last said, by name."""
        return [dict(entry) for entry in self._catalogue.get(kind, [])]

    def get_setting(self, key: str) -> Json:
        """A value kept for the workspace, None when there is none."""
        return copied(self._settings.get(key))

    def set_setting(self, key: str, value: Json) -> None:
        """Keep a value for the workspace."""
        self._settings[key] = copied(value)

    def claim(self, run_id: str, *, take_over: bool = False) -> int:
        """Become the one who drives a run; returns its epoch."""
        if run_id in self._owned and not take_over:
            raise RunOwned(f"run {run_id} is driven by this process already", pid=os.getpid())
        self._owned.add(run_id)
        self._epochs[run_id] = self._epochs.get(run_id, 0) + 1
        return self._epochs[run_id]

    def release(self, run_id: str) -> None:
        """Let a run go; nothing happens when it was not claimed."""
        self._owned.discard(run_id)

    def owner(self, run_id: str) -> int | None:
        """This process, if it claimed the run."""
        return os.getpid() if run_id in self._owned else None

    def _newest(self) -> list[RunRow]:
        rows = [state.as_row() for state in reversed(self._states.values())]
        return sorted(rows, key=lambda row: row.started_at, reverse=True)

    def _state(self, run_id: str) -> RunState:
        if run_id not in self._states:
            raise UnknownName("run", run_id, self._states)
        return self._states[run_id]

    def _check(self, events: Sequence[Event]) -> None:
        last = {run_id: state.row["last_seq"] for run_id, state in self._states.items()}
        for event in events:
            newest = last.get(event.run_id)
            check_next(event, newest)
            if event.run_id in self._deleted:
                raise StoreError(f"run {event.run_id} was deleted, and its id is not used again")
            if newest is None and event.data.get("parent"):
                check_parent(event, last.get(str(event.data["parent"])))
            last[event.run_id] = event.seq

    def _take(self, events: Sequence[Event]) -> None:
        """Rows that are new."""
        self._log += events
        for event in events:
            self.audit.take(event)
        self._count(events)

    def _count(self, events: Sequence[Event]) -> None:
        for event in events:
            self._ledger.take(event)
            if event.run_id in self._states:
                self._states[event.run_id].take(event)
            else:
                self._states[event.run_id] = RunState.begin(event)


_GONE = Event("", 0, 0.0, "place.kept", "", {})


def _copied(event: Event) -> Event:
    return Event(event.run_id, event.seq, event.at, event.kind, event.key, copied(event.data))


def _seq(event: Event) -> int:
    return event.seq
