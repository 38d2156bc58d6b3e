"""Taking a run up again: its workflow is driven over its rows, and nothing is begun by that.

Whoever resumes goes on from there; whoever only wants to know whether a run still fits the code of
now throws it away again. What is said of one that does not is in `workbench.run.explain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from workbench.errors import Diverged, InputError, UnknownName
from workbench.journal.divergence import (
    Asked,
    Divergence,
    Recorded,
    asked_of,
    diverged,
    how_it_ended,
)
from workbench.journal.events import Event
from workbench.journal.replay import Replayed
from workbench.journal.strands import Outcome
from workbench.run.changes import Change, changes_since, code_of, driven, in_one_line
from workbench.run.drop import DROPPED, drop
from workbench.run.explain import Misfit
from workbench.run.header import Header, outcome_data, valued
from workbench.run.ports import Keeper
from workbench.run.run import Run
from workbench.run.scopes import agents_in, known_tools, read_agents
from workbench.run.world import Acks, World
from workbench.values import copied, dumps
from workbench.workflow.pattern import Pattern


@dataclass(frozen=True, slots=True)
class Taken:
    """A run that stands where its rows end."""

    run: Run
    replayed: Replayed
    changes: tuple[Change, ...] = ()
    now: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What it is driven with from here on, as its row says it; empty when nothing changed."""

    def go_on(
        self,
        epoch: int,
        unwritten: Sequence[Event] = (),
        *,
        left: str = "",
        limits: Mapping[str, Any] | None = None,
    ) -> Run:
        """Have the run go on, live; what was changed stands in its row and is said once.

        Args:
            epoch: of the one who drives it now.
            unwritten: a fork's first rows, which are not in the log yet.
            left: from whom it is taken, if its owner did not let it go.
            limits: ceilings that are others now.
        """
        told: dict[str, Any] = {"epoch": epoch, **({"left": left} if left else {})}
        if self.changes:
            told |= {"changes": [str(change) for change in self.changes], **self.now}
        self.run.resume(self.replayed, told, unwritten=unwritten, limits=limits)
        if self.changes:
            self.run.notice(in_one_line(self.changes))
        return self.run

    @property
    def frontier(self) -> tuple[Asked, ...]:
        """What would be asked for next, live."""
        parked = self.run.drive.parked.values()
        return tuple(asked_of(one) for one in parked if one.child is None)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a dry replay found; nothing was performed, claimed or written."""

    run_id: str
    pattern: str
    rows: int
    """How many rows the run has."""
    fed: int
    """How many of them its workflow saw."""
    changes: tuple[Change, ...]
    frontier: tuple[Asked, ...]
    ended: str
    """How the workflow ended, or empty."""

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {"fits": True, **copied(asdict(self))}


@dataclass(frozen=True, slots=True)
class TakeUp:
    """How runs are taken up: with the world and the program of now."""

    keeper: Keeper
    world: World
    acks: Acks
    publish: Callable[[Event], None]
    version: str

    def take(
        self, rows: Sequence[Event], what: Pattern[..., Any] | None = None, *, is_new: bool = False
    ) -> Taken:
        """Drive a run's workflow over its rows.

        Args:
            rows: all of them, its parents' included.
            what: its workflow; None for the pattern of its name.
            is_new: a fork that is not in the log yet.

        Raises:
            Diverged: it asks for something else than it did then; with a report and choices.
            UnknownName: a pattern or tool that it needs is not there any more.
        """
        header = header_of(rows)
        whose = header.parent if is_new else header.run_id
        try:
            found = what or self._pattern(header)
            run, replayed = self._replayed(header, rows, found)
        except UnknownName as error:
            raise _missed(error, whose) from None
        except Diverged as error:
            raise self._explained(error, whose, header, rows, what) from None
        changes, now = self._changes(run, rows, found)
        return Taken(run, replayed, changes, now)

    def check(self, run_id: str, what: Pattern[..., Any] | None = None) -> Checked:
        """Find out whether a run fits the code of now. Raises as `take` does.

        A run that has ended fits when its workflow ends just so.
        """
        self.keeper.flush()
        rows = list(self.keeper.rows(self.keeper.run(run_id).run_id))
        taken = self.take(rows, what)
        header = taken.run.header
        drive = taken.run.drive
        ended = how_it_ended(drive)
        report = self._compare_ends(rows, taken.frontier, drive.outcome)
        frontier = taken.frontier
        drive.suspend()
        if report is not None:
            raise self._explained(diverged(report), header.run_id, header, rows, what)
        fed, seq = taken.replayed.fed, rows[-1].seq
        return Checked(header.run_id, header.pattern, seq, fed, taken.changes, frontier, ended)

    def drop(self, run_id: str, by: str = "user") -> str:
        """End a run that rests, for good and without driving it; its rows stay. Returns its id."""
        record = self.keeper.run(run_id)
        for row in drop(self.keeper, record, self.world.clock(), by):
            self.publish(row)
        return record.run_id

    def driven_with(self, found: Pattern[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the first row of a new run says of its code."""
        agents = agents_in(arguments)
        return code_of(self.version, found.source, agents, known_tools(agents, self.world.tools))

    # -- driving ---------------------------------------------------------------------------------

    def _pattern(self, header: Header) -> Pattern[..., Any]:
        known = self.world.patterns
        if header.pattern not in known:
            raise UnknownName("pattern", header.pattern, known)
        return known[header.pattern]

    def _replayed(
        self, header: Header, rows: Sequence[Event], found: Pattern[..., Any]
    ) -> tuple[Run, Replayed]:
        try:
            found.check(header.arguments)
        except InputError as error:
            raise _begun_otherwise(error, header, rows) from None
        workflow = found.function(**read_agents(header.arguments))
        run = Run(self.world, self.acks, header, workflow)
        return run, run.replay(rows)

    def _changes(
        self, run: Run, rows: Sequence[Event], found: Pattern[..., Any]
    ) -> tuple[tuple[Change, ...], dict[str, Any]]:
        then = driven(rows, run.scopes.definitions)
        changes = changes_since(then, self.version, found, self.world)
        if not changes:
            return (), {}
        agents = [self.world.agents[name] for name in then.agents if name in self.world.agents]
        tools = {**self.world.brought, **self.world.tools}
        named = [tools[name] for name in then.tools if name in tools]
        return tuple(changes), code_of(self.version, found.source, agents, named)

    def _compare_ends(
        self, rows: Sequence[Event], frontier: tuple[Asked, ...], outcome: Outcome | None
    ) -> Divergence | None:
        """Whether a workflow ends as its run did; None when it does, or the run has not ended."""
        last = rows[-1]
        if last.kind != "run.finished" or _was_dropped(rows):
            return None
        then = Recorded(last.seq, last.kind, Asked("", "run", ""), preview=_said(last.data))
        if outcome is None:
            return Divergence("longer", last.seq, last.seq, 0, then, frontier)
        now: dict[str, Any] = self.world.redaction.value(outcome_data(valued(outcome)))
        if dumps(_told(now)) == dumps(_told(last.data)):
            return None
        ended = f"{now['outcome']} {_said(now)}".strip()
        return Divergence("result", last.seq, last.seq, 0, then, ended=ended)

    def _explained(
        self,
        error: Diverged,
        whose: str,
        header: Header,
        rows: Sequence[Event],
        what: Pattern[..., Any] | None,
    ) -> Diverged:
        found = what or self._pattern(header)
        defined = (row.data for row in rows if row.kind == "value.defined")
        then = driven(rows, {data["digest"]: data["value"] for data in defined})
        changes = changes_since(then, self.version, found, self.world)

        def again(header: Header, rows: Sequence[Event]) -> None:
            self._replayed(header, rows, found)[0].drive.suspend()

        return Misfit(whose, header, rows, found, then, changes, self.version, again).told(error)


def header_of(rows: Sequence[Event]) -> Header:
    """A run's own first row: the last of those that its line of forks has."""
    return Header.from_row(next(row for row in reversed(rows) if row.kind == "run.started"))


def _missed(error: UnknownName, run_id: str) -> UnknownName:
    what, name = error.data["what"], error.data["name"]
    error.message = f"run {run_id} needs the {what} {name!r}, which is not there any more"
    return error


def _begun_otherwise(error: InputError, header: Header, rows: Sequence[Event]) -> Diverged:
    first = next(row for row in rows if row.run_id == header.run_id)
    effect = Asked("", "run", header.pattern, dict(header.arguments))
    recorded = Recorded(first.seq, first.kind, effect, is_exact=True)
    fed = sum(row.is_fed for row in rows)
    report = Divergence("refused", first.seq, rows[-1].seq, fed, recorded)
    found = diverged(report)
    found.message = f"run {header.run_id} was started with other arguments: {error}"
    return found


def _was_dropped(rows: Sequence[Event]) -> bool:
    before = rows[-2] if len(rows) > 1 else rows[-1]
    return before.kind == "run.cancelled" and before.data.get("reason") == DROPPED


def _told(data: Mapping[str, Any]) -> list[Any]:
    error: Mapping[str, Any] = data.get("error") or {}
    return [data["outcome"], data.get("result"), error.get("code"), error.get("message")]


def _said(data: Mapping[str, Any]) -> str:
    error: Mapping[str, Any] = data.get("error") or {}
    return str(error.get("message", "")) or str(data.get("result", ""))[:200]
