"""The laws: what must hold between a case's ledger and its log, however often it was killed.

The ledger says what was done and by which incarnation (process) of the case; each incarnation
wrote down how far the log had got when it began. The log says what was meant and what came of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

from workbench.journal.events import OUTCOMES, Event
from workbench.values import dumps

TOKEN = re.compile(r"tok:[\w.]+")
_ACTING = frozenset({"call", "tool", "model", "press"})


@dataclass(slots=True)
class Breaches:
    """What was found wrong in one case, by kind; empty lists are what is wanted."""

    lost: list[str] = field(default_factory=list[str])
    """Something was done, and the log does not say so; or the log says what was never done."""
    repeated: list[str] = field(default_factory=list[str])
    """Something was done again that must not be, or got two outcomes."""
    unflagged: list[str] = field(default_factory=list[str])
    """Nobody knew how an attempt had ended, and nobody was told."""
    corrupt: list[str] = field(default_factory=list[str])
    """The database, its rows or its blobs."""
    wrong: list[str] = field(default_factory=list[str])
    """Another result than without a kill, another end, or a log that cannot be driven again."""


@dataclass(slots=True)
class Told:
    """What the log says of one effect."""

    run_id: str
    key: str
    token: str = ""
    rows: list[Event] = field(default_factory=list[Event])
    resumed: list[int] = field(default_factory=list[int])
    """Rows at which the run was taken up again."""

    @property
    def intents(self) -> list[Event]:
        """Start rows, one for each attempt."""
        return [r for r in self.rows if r.kind == "step.started" and r.run_id == self.run_id]

    @property
    def outcomes(self) -> list[Event]:
        """There should be one."""
        return [row for row in self.rows if row.kind in OUTCOMES]

    @property
    def repeat(self) -> str:
        """Its class, as its intent says; one without an intent is pure."""
        return self.intents[0].data.get("repeat", "pure") if self.intents else "pure"

    def between(self, kind: str, first: int, last: int) -> list[Event]:
        """Rows of a kind in between."""
        return [row for row in self.rows if row.kind == kind and first < row.seq < last]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.key} ({self.token})"


class Judge:
    """Holds one case's ledger against its log."""

    def __init__(
        self,
        ledger: Sequence[Mapping[str, Any]],
        runs: Mapping[str, Sequence[Event]],
        *,
        restored: bool = False,
    ) -> None:
        self.found = Breaches()
        self._restored = restored
        """The log is an older copy: what was begun after it may be done again."""
        self._last = [line["last"] for line in ledger if line["what"] == "open"]
        self._acts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        newest = 0
        for line in ledger:
            newest = line["incarnation"] if line["what"] == "open" else newest
            # One that could not take over has taken nothing from anybody.
            newest -= line["what"] == "blocked"
            if line["what"] == "act":
                self._acts[line["token"]].append({**line, "newest": newest})
        self.told = [told for run_id, rows in runs.items() for told in _told(run_id, rows)]

    def judge(self) -> Breaches:
        """Everything that is wrong."""
        known = {told.token for told in self.told}
        for told in self.told:
            self._outcomes(told)
            self._flags(told)
            if told.token:
                self._acted(told, self._acts[told.token])
        for token, acts in self._acts.items():
            if token not in known and not acts[0]["pure"] and not self._restored:
                self.found.lost.append(f"{token} was done and the log does not know it")
        return self.found

    def _outcomes(self, told: Told) -> None:
        if len(told.outcomes) > 1:
            self.found.repeated.append(f"{told} has {len(told.outcomes)} outcomes")
        if not told.outcomes:
            self.found.lost.append(f"{told} has no outcome")
        attempts = [row.data["attempt"] for row in told.intents]
        if attempts != list(range(1, len(attempts) + 1)) and not _is_scope(told):
            self.found.wrong.append(f"{told} has the attempts {attempts}")

    def _acted(self, told: Told, acts: Sequence[Mapping[str, Any]]) -> None:
        """What was done of one effect against what the log says of it."""
        acts = [act for act in acts if act["run"] in {"", told.run_id}]
        if not told.outcomes:
            return
        outcome = told.outcomes[0]
        if outcome.run_id != told.run_id:
            # Shared with the run that this one is a fork of.
            if acts:
                self.found.repeated.append(f"{told} was complete before the fork and done again")
            return
        for act in acts:
            if outcome.seq <= self._last[act["incarnation"]].get(told.run_id, 0):
                self.found.repeated.append(f"{told} was complete and was done again")
        if outcome.kind == "step.finished" and not acts and outcome.data["name"] != "write_file":
            self.found.lost.append(f"{told} is finished and was never done")
        if acts and not acts[0]["pure"]:
            self._acted_for_good(told, outcome, acts)

    def _late(self, told: Told, acts: Sequence[Mapping[str, Any]]) -> bool:
        """Whether a process acted that had been taken over, as it had begun to before that."""
        found = False
        for act in acts:
            if act["incarnation"] < act["newest"]:
                found = True
                begun = self._last[act["newest"]].get(told.run_id, 0)
                if not told.intents or told.intents[0].seq > begun:
                    self.found.repeated.append(f"{told} was done by a process that was fenced")
        return found

    def _acted_for_good(
        self, told: Told, outcome: Event, acts: Sequence[Mapping[str, Any]]
    ) -> None:
        """The same for what another attempt does not leave as it is."""
        late = self._late(told, acts)
        excused = self._excused(told, acts[0]["incarnation"])
        if outcome.kind == "step.cancelled" and outcome.data["end"] == "never" and not excused:
            self.found.lost.append(f"{told} was done, and the log says that it was never begun")
        if not told.intents:
            self.found.lost.append(f"{told} was done with no intent before it")
        elif told.repeat == "keyed":
            keys = {act["key"] for act in acts}
            if len(keys) > 1 or (told.intents[0].data["name"] == "keyed_deed" and "" in keys):
                self.found.repeated.append(f"{told} was done under several keys, or none")
        elif len(acts) > 1 and not late and not excused:
            self.found.repeated.append(f"{told} cannot be repeated and was, {len(acts)} times")

    def _excused(self, told: Told, incarnation: int) -> bool:
        """The log went back to before the first attempt that began, so nobody could know."""
        begun = self._last[min(incarnation + 1, len(self._last) - 1)]
        never = {r.data["attempt"] for r in told.rows if r.data.get("end") == "never"
                 and r.kind == "attempt.ended"}  # fmt: skip
        intents = told.intents or told.outcomes
        first = next((r for r in intents if r.data.get("attempt") not in never), intents[-1])
        return self._restored and first.seq > begun.get(told.run_id, 0)

    def _flags(self, told: Told) -> None:
        """Between an attempt that a crash cut off and whatever came next, somebody was told."""
        intents = told.intents
        if not intents or _is_scope(told) or told.repeat == "pure":
            return
        # A keyed one runs again by itself; of a file its tool can tell what became of it.
        safe = told.repeat == "keyed" or intents[0].data["name"] == "write_file"
        for one, two in pairwise(intents):
            ended = told.between("attempt.ended", one.seq, two.seq)
            if any(row.data["end"] == "never" for row in ended):
                continue  # nothing of it was performed, and the log says so
            answers = told.between("question.answered", one.seq, two.seq)
            if not safe and [row.data["answer"] for row in answers][-1:] != ["run again"]:
                self.found.unflagged.append(f"{told} was tried again and nobody said so")
        for outcome in told.outcomes[:1]:
            self._flagged_end(told, intents[-1], outcome)

    def _flagged_end(self, told: Told, intent: Event, outcome: Event) -> None:
        if not any(intent.seq < seq < outcome.seq for seq in told.resumed):
            return
        ended = told.between("attempt.ended", intent.seq, outcome.seq)
        if any(row.data["end"] == "never" for row in ended):
            return
        asked = told.between("question.asked", intent.seq, outcome.seq)
        unknown = outcome.data.get("end") in {"unknown", "confirmed"}
        if not asked and not unknown and "resolved" not in outcome.data:
            self.found.unflagged.append(f"{told} was in doubt, and became {outcome.kind}")


def _told(run_id: str, rows: Sequence[Event]) -> list[Told]:
    found: dict[str, Told] = {}
    resumed = [row.seq for row in rows if row.kind == "run.resumed"]
    ended = rows[-1].kind == "run.finished"
    for row in rows:
        if not row.key or not ended:
            continue
        told = found.setdefault(row.key, Told(run_id, row.key, resumed=resumed))
        told.rows.append(row)
        told.token = told.token or _token(row)
    return list(found.values())


def _token(row: Event) -> str:
    if row.data.get("effect") not in _ACTING:
        return ""
    said = row.data.get("result") or row.data.get("error")
    if row.data["effect"] == "model":
        said = cast("dict[str, Any]", said or {}).get("text")
    elif row.kind == "step.started":
        said = row.data["arguments"]
    tokens = TOKEN.findall(dumps(said).decode())
    return tokens[0] if tokens else ""


def _is_scope(told: Told) -> bool:
    return any(row.data.get("scope") for row in told.rows)
