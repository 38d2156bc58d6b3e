"""Explaining a run that does not fit its workflow: why that may be, and what can be done about it.

All of it is found out by driving the workflow over the rows again, which begins nothing: whether
it asks for the same twice, and up to which row it fits, so that a fork there works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.errors import Diverged, UnknownName
from workbench.journal.events import Event
from workbench.run.changes import Change, Driven, numbers
from workbench.run.header import Header
from workbench.workflow.pattern import Pattern
from workbench.workflow.suspects import suspects

_HINT = "Go on from before it with: kaizen-tui fork {}@{}, or bring back the code of then"

_REPLACE = "Use now(), random() and the like instead, and try: kaizen-tui plugins check"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A run that does not fit, and the means to drive it again."""

    whose: str
    """The run to name: of a fork that was not recorded its parent."""
    header: Header
    rows: Sequence[Event]
    found: Pattern[..., Any]
    then: Driven
    changes: Sequence[Change]
    version: str
    again: Callable[[Header, Sequence[Event]], None]
    """Drives the workflow over rows and throws it away. Raises Diverged."""

    def told(self, error: Diverged) -> Diverged:
        """The error with the run, what was changed, a likely cause, and the choices."""
        report: dict[str, Any] = error.data["report"]
        pattern, cut = self.header.pattern, self._fitting(_before(self.rows, report))
        error.message = f"run {self.whose} does not fit {pattern} any more: {error.message}"
        error.hint = _HINT.format(self.whose, cut) if cut else ""
        is_new = self.whose != self.header.run_id
        is_over = is_new or self.rows[-1].kind == "run.finished"
        error.data |= {
            "run_id": self.whose,
            "pattern": pattern,
            "changes": [change.to_json() for change in self.changes],
            "cause": self._cause(is_steady=self._is_steady(report)),
            "cut": cut,
            "choices": choices(self.whose, pattern, cut, is_over=is_over),
        }
        return error

    def _is_steady(self, report: Mapping[str, Any]) -> bool:
        """Whether another replay parts from the log in just the same way."""
        try:
            self.again(self.header, self.rows)
        except Diverged as error:
            return _asks(error.data["report"]) == _asks(report)
        return report["why"] in {"longer", "result"}

    def _fitting(self, cut: int) -> int:
        """The last row, at or before ``cut``, up to which the rows fit: a fork can begin there.

        A shorter log is not a beginning of the same replay: a scope whose end was cut off is
        driven anew, and may not fit earlier. 0 when nothing fits.
        """
        # What is in flight in this run will not be the fork's own.
        forked = replace(self.header, run_id=f"{self.header.run_id}/fork")
        first = self.rows[0].seq
        while cut >= first:
            try:
                self.again(forked, [row for row in self.rows if row.seq <= cut])
            except Diverged as error:
                cut = min(cut, error.data["report"]["seq"]) - 1
            except UnknownName:
                cut = min(cut - 1, first)
            else:
                return cut
        return 0

    def _cause(self, *, is_steady: bool) -> str:
        lines = suspects(self.found.function)
        read = f": {'; '.join(lines[:3])}" if lines else ""
        unrecorded = (
            "it reads something that is not recorded (the clock, random numbers, a set's order, "
            f"the environment, a file){read}. {_REPLACE} {self.found.name}"
        )
        matters = [str(change) for change in self.changes if change.matters]
        was = self.then.version
        if not is_steady:
            return f"two replays in a row asked for different things, so {unrecorded}"
        if was and numbers(was) > numbers(self.version):
            return (
                f"the run was driven by kaizen-tui {was}, which is later than this one "
                f"({self.version}); resume it with that"
            )
        if matters:
            return "; ".join(matters)
        if self.then.parts:
            return f"the code is the same as then, so {unrecorded}"
        return f"what code it was started with is not recorded, so it may be any change{read}"


def _before(rows: Sequence[Event], report: Mapping[str, Any]) -> int:
    """The row before the one that does not fit, and before what only led to it."""
    cut, recorded = report["seq"] - 1, report["recorded"]
    key = recorded["effect"]["key"] if recorded else ""
    for row in reversed([row for row in rows if row.seq <= cut]):
        if row.is_fed or not key or row.key != key:
            break
        cut = row.seq - 1
    return cut


def _asks(report: Mapping[str, Any]) -> tuple[Any, ...]:
    return report["seq"], {one["fingerprint"] for one in report["asked"]}, report["ended"]


def choices(run_id: str, pattern: str, cut: int, *, is_over: bool) -> list[dict[str, str]]:
    """What can be done about a run that does not fit, each a command that works."""
    back = f"bring back the code that {pattern} had"
    found = [
        ("fork", "go on from before it, with the code of now", f"kaizen-tui fork {run_id}@{cut}"),
        ("resume", f"{back}, then go on", f"kaizen-tui resume {run_id}"),
        ("look", "look at it", f"kaizen-tui show {run_id}"),
        ("drop", "give it up; its rows stay", f"kaizen-tui drop {run_id}"),
    ]
    over = {"resume", "drop"} if is_over else set[str]()
    over |= set[str]() if cut else {"fork"}
    return [
        {"choice": name, "does": does, "command": command}
        for name, does, command in found
        if name not in over
    ]
