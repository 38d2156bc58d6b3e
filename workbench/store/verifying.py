"""Verifying the audit: whether its chain holds, and whether the log still says what it stands for.

Three things are looked at in one moment of the database: each entry hashes to what it says and
follows the one before; each row that an entry stands for is there and unchanged; each decision in
the log has an entry. The first that is otherwise is named. What a repair said it could not save
is told and is no fault; what was deleted on purpose has an entry that says so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workbench.errors import AuditBroken
from workbench.journal.audit import Entry, Head, row_digest
from workbench.plain import one_line
from workbench.store.chain import DECISIONS, entries, head

Moved: TypeAlias = Callable[[int, int], None]
_OFTEN = 500
"""So many entries or rows are gone through between two words about it."""
_HINT = "What stands there cannot be relied on; a backup may show what was there before"


@dataclass(frozen=True, slots=True)
class Verified:
    """An intact audit."""

    entries: int
    head: str
    since: int | None = None
    """How many entries came after the head that was asked about."""
    notes: tuple[str, ...] = ()
    """What a repair could not save."""


@dataclass(slots=True)
class _Walk:
    """What is known after some entries."""

    at: Head = field(default_factory=Head)
    count: int = 0
    rows: dict[str, dict[int, Entry]] = field(default_factory=dict[str, dict[int, Entry]])
    """By run, the entry of each row that has to be there."""
    known_heads: dict[str, int] = field(default_factory=dict[str, int])
    gaps: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    excused: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])
    spared: set[int] = field(default_factory=set[int])
    """Entries of runs that a repair found damaged: their rows may be missing."""


def unwatched(_done: int, _total: int) -> None:
    """Tell nobody how far it is."""


def verify(link: sqlite3.Connection, wanted_head: str = "", moved: Moved = unwatched) -> Verified:
    """Go through entries and log in one read.

    Args:
        link: a connection that reads.
        wanted_head: a head that was kept elsewhere, whole or its beginning (at least 8 signs).
        moved: told now and then how far it is: each entry counts once, and once its row.

    Raises:
        AuditBroken: with the first entry that does not hold.
    """
    link.execute("BEGIN")
    try:
        stands = head(link)
        walk = _chain(link, lambda done: moved(done, stands.number * 2))
        _rows(link, walk, lambda done: moved(walk.count + done, stands.number * 2))
    finally:
        link.execute("ROLLBACK")
    notes = tuple(f"{_span(*gap)} lost to damage, as a repair said" for gap in walk.gaps)
    since = _since(walk, wanted_head) if wanted_head else None
    return Verified(walk.count, stands.hash, since, notes)


def _chain(link: sqlite3.Connection, moved: Callable[[int], None]) -> _Walk:
    walk = _Walk()
    for entry in entries(link):
        _take(walk, entry)
        if walk.count % _OFTEN == 0:
            moved(walk.count)
    mark = head(link)
    if mark.number > walk.at.number:
        walk.gaps.append((walk.at.number + 1, mark.number))
    elif mark != walk.at:
        raise broken(walk.at.number, "is not the one that was written last: it was altered")
    if walk.count and not link.execute("SELECT 1 FROM audit_head").fetchone():
        raise broken(walk.at.number, "has lost the mark that says it is the last one")
    for gap in walk.gaps:
        if gap not in walk.excused:
            raise broken(gap[0], f"is gone: {_span(*gap)} removed")
    return walk


def _take(walk: _Walk, entry: Entry) -> None:
    if entry.own_hash() != entry.hash:
        raise broken(entry.number, "was altered: it does not hash to what it says")
    if entry.number > walk.at.number + 1:
        walk.gaps.append((walk.at.number + 1, entry.number - 1))
    elif entry.before != walk.at.hash:
        told = f"does not follow entry {walk.at.number}: one of the two was altered or put in"
        raise broken(entry.number, told)
    walk.at = Head(entry.number, entry.hash)
    walk.count += 1
    walk.known_heads[entry.hash] = walk.count
    if entry.row:
        walk.rows.setdefault(entry.run_id, {})[entry.seq] = entry
    elif entry.kind == "run.deleted":
        walk.rows.pop(entry.run_id, None)
    elif entry.kind == "log.repaired":
        _excuse(walk, entry.said())


def _excuse(walk: _Walk, said: dict[str, Any]) -> None:
    walk.excused |= {(int(first), int(last)) for first, last in said.get("lost", ())}
    for run_id in said.get("runs", ()):
        walk.spared |= {entry.number for entry in walk.rows.get(run_id, {}).values()}


def _rows(link: sqlite3.Connection, walk: _Walk, moved: Callable[[int], None]) -> None:
    """Compare the log with what the entries say of it; the first entry that differs counts."""
    wrong: list[tuple[Entry, str]] = []
    strange = ""
    for number, row in enumerate(link.execute(DECISIONS), 1):
        if number % _OFTEN == 0:
            moved(number)
        entry = walk.rows.get(row[0], {}).pop(row[1], None)
        if entry is None:
            strange = strange or f"row {row[1]} of run {one_line(str(row[0]))} ({row[3]})"
        elif row_digest(row) != entry.row:
            wrong.append((entry, "was altered"))
    left = (entry for of_run in walk.rows.values() for entry in of_run.values())
    wrong += [
        (e, "was removed, or is no decision now") for e in left if e.number not in walk.spared
    ]
    if wrong:
        first, why = min(wrong, key=lambda found: found[0].number)
        told = f"row {first.seq} of run {one_line(first.run_id)} ({first.kind})"
        raise broken(first.number, f"stands for {told}, which {why}")
    if strange:
        told = "it was put in, or its entry was taken away"
        raise AuditBroken(f"{strange} has no entry: {told}", hint=_HINT)


def _since(walk: _Walk, wanted: str) -> int:
    found = [count for own, count in walk.known_heads.items() if own.startswith(wanted)]
    if len(wanted) < 8 or len(found) != 1:
        raise AuditBroken(
            f"no entry has the hash {one_line(wanted)[:64]}",
            hint="Entries were removed or all was written anew since; or the hash is of another "
            "store, or of before a backup was put back",
        )
    return walk.count - found[0]


def _span(first: int, last: int) -> str:
    return f"entry {first} was" if first == last else f"entries {first} to {last} were"


def broken(number: int, what: str) -> AuditBroken:
    """The finding about one entry."""
    return AuditBroken(f"entry {number} {what}", hint=_HINT, entry=number)
