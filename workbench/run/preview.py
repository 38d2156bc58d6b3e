"""What a fork would be, before it is one: shared, asked anew, different, not inherited.

Read from the source's rows; nothing is recorded. Costs one pass over what is shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from workbench.agent.agent import Agent
from workbench.journal.events import OUTCOMES, Event, agent_of
from workbench.journal.outside import Outside, outside_of
from workbench.journal.overlay import words
from workbench.journal.places import Reader
from workbench.journal.requests import ASKS, ENDS
from workbench.run.fork import Fork, Plan
from workbench.run.header import Tally, add_row
from workbench.workflow.effects import SCOPES


@dataclass(frozen=True, slots=True)
class Open:
    """An effect that was on its way at the cut: a fork asks for it anew."""

    key: str
    effect: str
    name: str
    agent: str
    seq: int
    waits: str = ""
    """``permission`` or ``question`` when it waited for a person."""


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything a person should know before forking."""

    source: str
    cut: int
    """The last row that is shared."""
    place: int
    """The row that was asked for; later than the cut when a reply is edited."""
    shared_turns: int
    changes: str
    """What is different from the cut on, in words; empty when nothing is."""
    tokens: int
    cost_usd: float
    """What the shared part has cost; the fork starts at nothing of its own."""
    unpriced_calls: int
    steps: int
    asked_anew: tuple[Open, ...] = ()
    not_inherited: tuple[str, ...] = ()
    """Sentences: grants, pending questions, what is left of a budget."""
    outside_before: tuple[Outside, ...] = ()
    """What the shared part did outside: it stays done."""
    outside_after: tuple[Outside, ...] = ()
    """What the source did outside after the cut: it stays done, and the fork does not know it."""

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return asdict(self)


def previewed(reader: Reader, wanted: Fork, plan: Plan) -> Preview:
    """Preview a planned fork."""
    seen = _seen(reader.rows(wanted.source, upto=plan.cut))
    after = reader.rows(wanted.source, after=plan.cut)
    # The call whose reply is edited is asked anew with it, and a reply that is given is not.
    waiting = [one for one in seen.open() if plan.edited is None or one.key != plan.edited.key]
    tally = seen.tally
    return Preview(
        source=wanted.source,
        cut=plan.cut,
        place=plan.place,
        shared_turns=seen.turns,
        changes=words(plan.overlay, plan.what),
        tokens=tally.input_tokens + tally.output_tokens,
        cost_usd=tally.cost_usd,
        unpriced_calls=tally.unpriced_calls,
        steps=tally.steps,
        asked_anew=tuple(waiting),
        not_inherited=tuple(_not_inherited(seen, plan.source.limits)),
        outside_before=tuple(seen.outside),
        outside_after=tuple(outside_of(after)),
    )


@dataclass(slots=True)
class _Seen:
    tally: Tally = field(default_factory=Tally)
    turns: int = 0
    started: dict[str, Event] = field(default_factory=dict[str, Event])
    asked: dict[str, Event] = field(default_factory=dict[str, Event])
    """Questions and permissions that nobody has answered, by id."""
    rules: int = 0
    outside: list[Outside] = field(default_factory=list[Outside])

    def take(self, row: Event) -> None:
        add_row(self.tally, row)
        kind = row.kind
        if kind == "step.started":
            self.started[row.key] = row
        elif kind in OUTCOMES:
            self.started.pop(row.key, None)
            self.turns += row.data.get("effect") == "ask"
        elif kind in ASKS:
            self.asked[str(row.data.get("id"))] = row
        elif kind in ENDS:
            self.asked.pop(str(row.data.get("id")), None)
        elif kind in {"rule.added", "rule.removed"}:
            self.rules += 1 if kind == "rule.added" else -1

    def open(self) -> Iterator[Open]:
        for row in self.started.values():
            effect = str(row.data.get("effect"))
            if effect not in SCOPES:
                name = str(row.data.get("name") or row.data.get("model") or "")
                yield Open(row.key, effect, name, agent_of(row.key), row.seq)
        for row in self.asked.values():
            waits = "permission" if row.kind == "approval.asked" else "question"
            name = str(row.data.get("tool") or row.data.get("text") or "")
            effect = "tool" if waits == "permission" else "question"
            yield Open(row.key, effect, name, agent_of(row.key), row.seq, waits)


def _seen(rows: Iterable[Event]) -> _Seen:
    seen, held = _Seen(), list[Event]()
    for row in rows:
        seen.take(row)
        held.append(row)
    seen.outside = list(outside_of(held))
    return seen


def _not_inherited(seen: _Seen, limits: Mapping[str, Any]) -> Iterator[str]:
    if seen.rules > 0:
        yield f"{seen.rules} rules that were granted to the run"
    for row in seen.asked.values():
        what = row.data.get("tool") or row.data.get("text") or "something"
        kind = "the permission" if row.kind == "approval.asked" else "the question"
        yield f"{kind} that waits: {what} (it is asked again, for the fork)"
    if limits:
        told = ", ".join(f"{name} {value:g}" for name, value in limits.items())
        yield f"what is left of the budget: the fork has its own, {told}"


def agents_known(reader: Reader, run_id: str, registered: Mapping[str, Agent]) -> list[str]:
    """The names of agents that a run has asked, was given or can look up."""
    started = reader.rows(run_id, kinds={"step.started"})
    asked = {str(row.data.get("name")) for row in started if row.data.get("effect") == "ask"}
    given = {one["name"] for one in _definitions(reader, run_id)}
    return sorted({*registered, *asked, *given})


def tools_known(reader: Reader, run_id: str) -> list[str]:
    """The names of tools that a run's own agents brought with them."""
    return sorted({name for one in _definitions(reader, run_id) for name in one.get("tools", ())})


def _definitions(reader: Reader, run_id: str) -> Iterator[Mapping[str, Any]]:
    """The agents that stand in a run's rows: in its arguments, or defined on the way."""
    for row in reader.rows(run_id, kinds={"run.started", "value.defined"}):
        yield from _agents_in(row.data.get("arguments") or row.data.get("value"))


def _agents_in(value: Any) -> Iterator[Mapping[str, Any]]:
    match value:
        case {"$agent": {"name": str(), **rest}}:
            yield {**rest, "name": value["$agent"]["name"]}
        case {"name": str(), "signature": _, "max_rounds": _}:
            yield value
        case {**items}:
            for item in items.values():
                yield from _agents_in(item)
        case [*items]:
            for item in items:
                yield from _agents_in(item)
        case _:
            pass
