"""The jobs behind the overviews: what was asked and answered, what holds, who is there.

What reads the log runs in a thread; the language of commands is loaded when one of these is first
asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from workbench.errors import UnknownName
from workbench.journal.approvals import Asked
from workbench.journal.audit import Entry
from workbench.journal.events import Event
from workbench.run.uses import InForce
from workbench.tui.front_elsewhere import LIVE

PORTION = 200
"""So many questions at most come to the screen at once."""
LOOKED = 2_000
"""So many are looked through at most before the screen hears how far a search is."""


@dataclass(slots=True)
class Reading:
    """The history of approvals being read backwards; one portion at a time, one reader."""

    words: str = ""
    looked: int = 0
    """How many questions were looked through."""
    is_over: bool = False
    """There are no older ones."""
    _asked: Iterator[Asked] | None = field(default=None, repr=False)

    def more(self, store: Any) -> list[Asked]:
        """The next questions that fit; none yet when they are rare."""
        from workbench.script.asked import asked_of  # noqa: PLC0415 - as above

        if self._asked is None:
            store.catch_up()
            self._asked = asked_of(store)
        found: list[Asked] = []
        seen = 0
        for asked in islice(self._asked, LOOKED):
            seen += 1
            if asked.matches(self.words):
                found.append(asked)
            if len(found) == PORTION:
                break
        self.looked += seen
        self.is_over = seen < LOOKED and len(found) < PORTION
        return found


async def more_approvals(bench: Any, reading: Reading) -> list[Asked]:
    """Read on."""
    return await asyncio.to_thread(reading.more, bench.store)


@dataclass(frozen=True, slots=True)
class Decided:
    """A question in full: its row, those that ended it, and what the audit has of them."""

    asked: Event
    ends: tuple[Event, ...]
    entries: tuple[Entry, ...]


async def approval(bench: Any, asked: tuple[str, int], ends: tuple[int, ...]) -> Decided:
    """A question in full, from the log and from the audit."""

    def read() -> Decided:
        run_id, seq = asked
        rows = tuple(_row(bench.store, run_id, number) for number in (seq, *ends))
        entries = bench.store.audit.of_rows(run_id, (seq, *ends))
        return Decided(rows[0], rows[1:], tuple(entries))

    return await asyncio.to_thread(read)


def _row(store: Any, run_id: str, seq: int) -> Event:
    found = [row for row in store.rows(run_id, after=seq - 1, upto=seq) if row.seq == seq]
    if not found:
        raise UnknownName("row", f"{run_id[:8]}@{seq}", [])
    return found[0]


async def verify(bench: Any, moved: Callable[[int, int], None]) -> list[str]:
    """Go through the audit; what there is to say of it. Raises AuditBroken."""
    from workbench.script.commands.auditing import verified_lines  # noqa: PLC0415 - as above

    return verified_lines(await asyncio.to_thread(bench.store.audit.verify, "", moved))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force, and what is to be known beside them."""

    rules: tuple[InForce, ...]
    live: frozenset[str]
    """The runs that go on here."""
    files: str
    """Which files of settings wrote rules."""


async def rules(bench: Any) -> Rules:
    """The rules that hold now."""
    live = (key for key, run in bench.runs.items() if run.status in LIVE)
    config = getattr(bench, "config", None)
    files = [config.sources.get(name, "") for name in ("rules", "doubts")] if config else []
    return Rules(tuple(bench.in_force), frozenset(live), ", ".join(filter(None, files)))


async def remove_rule(bench: Any, rule_id: str) -> Rules:
    """Take a rule back; those that are left."""
    bench.remove_rule(rule_id)
    return await rules(bench)
