"""The steps of a run as stretches of its time, each in the scope it was begun in.

The time is time at work: pauses, and hours in which no process drove the run, are taken out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Final

from workbench.journal.events import OUTCOMES, Event, agent_of, parent_of
from workbench.journal.requests import ASKS, ENDS
from workbench.journal.usage import used

_GOES_ON: Final = frozenset({"run.started", "run.resumed"})


@dataclass(slots=True, eq=False)
class Span:
    """One step, or the whole run, on the time at work; seconds since the run's first row."""

    key: str
    kind: str
    """The effect's kind; ``run`` for the whole."""
    name: str
    start_s: float
    end_s: float = 0.0
    state: str = "open"
    """``finished failed denied cancelled``, or ``open`` without an outcome."""
    seq: int = 0
    """The row it begins with: its intent, or without one its outcome; of the run the last."""
    waited_s: float = 0.0
    """Of it waiting for a person."""
    tokens: int = 0
    usd: float = 0.0
    inside: str = ""
    """The name of the scope it was begun in."""
    parts: list[Span] = field(default_factory=list["Span"], repr=False)

    @property
    def took_s(self) -> float:
        """From its beginning to its end."""
        return self.end_s - self.start_s

    @property
    def who(self) -> str:
        """The agent it belongs to, of a turn the one who took it; empty for the pattern's own."""
        return agent_of(self.key)


def spans_of(rows: Sequence[Event]) -> tuple[Span, list[Span], float]:
    """The whole run, its steps by when they were begun, and the seconds it rested."""
    clock, spans = _Worktime(rows), _Spans()
    for row in rows:
        spans.take(row, clock.at(row.at))
    spans.arrange()
    whole = spans.whole
    return whole, [one for one in spans.by_key.values() if one is not whole], clock.rested_s


class _Worktime:
    """Times of rows without the times at which nobody worked on the run."""

    def __init__(self, rows: Sequence[Event]) -> None:
        self._begins = rows[0].at if rows else 0.0
        gaps = [(before, row) for before, row in pairwise(rows) if row.kind in _GOES_ON]
        self._ends = [row.at for _, row in gaps]
        rests = (max(0.0, row.at - before.at) for before, row in gaps)
        self._rested = [0.0, *accumulate(rests)]
        self.rested_s = self._rested[-1]

    def at(self, time: float) -> float:
        """Seconds of work from the run's beginning up to a time."""
        return time - self._begins - self._rested[bisect_right(self._ends, time)]


class _Spans:
    """Every step by its key, the run under the empty one."""

    def __init__(self) -> None:
        self.whole = Span("", "run", "", 0.0)
        self.by_key = {"": self.whole}
        self._asked: dict[str, tuple[str, float]] = {}

    def take(self, row: Event, now: float) -> None:
        """Let a row begin or end something."""
        whole = self.whole
        if whole.state == "open" or row.kind in _GOES_ON:
            whole.end_s, whole.seq, whole.state = now, row.seq, "open"
        if row.kind == "run.started":
            whole.name = str(row.data.get("pattern") or row.data.get("title") or whole.name)
        elif row.kind == "run.finished":
            whole.state = str(row.data.get("outcome") or "finished")
        elif row.kind in ASKS and row.key:
            self._of(row, now)
            self._asked[str(row.data.get("id"))] = row.key, now
        elif row.kind in ENDS:
            self._waited(str(row.data.get("id")), now)
        elif row.kind == "step.started" or row.kind in OUTCOMES:
            _take(self._of(row, now), row, now)

    def _of(self, row: Event, now: float) -> Span:
        """The span of a row's step; a step without an intent began its duration ago."""
        found = self.by_key.get(row.key)
        if found is None:
            name = str(row.data.get("name") or row.data.get("tool") or "")
            took = float(row.data.get("duration_s") or 0.0) if row.kind in OUTCOMES else 0.0
            found = Span(row.key, "", name, max(0.0, now - took), seq=row.seq)
            self.by_key[row.key] = found
        return found

    def _waited(self, asked: str, now: float) -> None:
        key, since = self._asked.pop(asked, ("", now))
        if key in self.by_key:
            self.by_key[key].waited_s += now - since

    def arrange(self) -> None:
        """End what has no end at the run's, and put each span among its scope's parts."""
        for asked in [*self._asked]:
            self._waited(asked, self.whole.end_s)
        for span in self.by_key.values():
            if span is not self.whole:
                span.end_s = span.end_s or self.whole.end_s
                # So far only asked about: a call that has a tool's name, or a question.
                span.kind = span.kind or ("tool" if span.name else "question")
                around = self._around(span.key)
                span.inside = around.name
                around.parts.append(span)

    def _around(self, key: str) -> Span:
        while key:
            key = parent_of(key)
            if key in self.by_key:
                return self.by_key[key]
        return self.whole


def _take(span: Span, row: Event, now: float) -> None:
    data = row.data
    if not span.kind:
        span.seq = row.seq  # and not that of a question before it
    span.kind = str(data.get("effect") or span.kind)
    span.name = str(data.get("name") or data.get("model") or span.name)
    if row.kind in OUTCOMES:
        span.end_s, span.state = now, row.kind.removeprefix("step.")
    amount = used(row)
    if amount is not None:
        span.tokens += amount.input_tokens + amount.output_tokens
        span.usd += amount.usd
