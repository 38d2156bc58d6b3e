"""Where a run's time, tokens and words went: a pure function of its rows.

The **critical path** is the chain of steps that the run's end waited for, found from the end
backwards as for traces of services (Zhang et al., CRISP, USENIX ATC 2022): at each moment the step
that ended last before it. What no step accounts for is the containing scope's own. A cancelled
step (a race's loser) never lies on it: nobody needed its outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from workbench.journal.events import Event
from workbench.journal.spans import Span, spans_of
from workbench.journal.usage import NOT_LEAVES
from workbench.workflow.effects import SCOPES

PERSON: Final = "person"
OWN: Final = "workbench"
"""Kinds of time that no effect is: waiting for an answer, and what lies between the steps."""


@dataclass(frozen=True, slots=True)
class OnPath:
    """A stretch of the critical path that belongs to one span."""

    span: Span
    seconds: float

    @property
    def is_between(self) -> bool:
        """Whether it lies between steps, and belongs to the scope around them."""
        return self.kind == OWN

    @property
    def kind(self) -> str:
        """What the time was spent on."""
        if self.span.kind == "question":
            return PERSON
        return OWN if self.span.kind in SCOPES or self.span.kind == "run" else self.span.kind


@dataclass(slots=True)
class AgentUse:
    """What one agent did, without the agents it asked."""

    name: str
    turns: int = 0
    calls: int = 0
    tools: int = 0
    failed: int = 0
    """Steps that failed or were denied."""
    tokens: int = 0
    usd: float = 0.0
    worked_s: float = 0.0
    """In model and tool calls, added up, waiting left out."""
    waited_s: float = 0.0


@dataclass(slots=True)
class Link:
    """Who used whom, how often, and how long that took in all."""

    source: str
    target: str
    kind: str
    times: int = 0
    seconds: float = 0.0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """A run's account."""

    whole: Span
    rested_s: float
    """Not at work: suspended, or without a process."""
    agents: tuple[AgentUse, ...]
    links: tuple[Link, ...]
    path: tuple[OnPath, ...]
    """First to last."""

    @property
    def by_kind(self) -> dict[str, float]:
        """The critical path's seconds by what they were spent on, most first; they add up."""
        found: dict[str, float] = {}
        for part in self.path:
            waited = min(part.span.waited_s, part.seconds) if not part.is_between else 0.0
            found[PERSON] = found.get(PERSON, 0.0) + waited
            found[part.kind] = found.get(part.kind, 0.0) + part.seconds - waited
        return {k: v for k, v in sorted(found.items(), key=lambda item: -item[1]) if v > 0}

    def to_json(self) -> dict[str, Any]:
        """As ``--output json`` prints it."""
        return {
            "pattern": self.whole.name,
            "seconds": self.whole.took_s,
            "rested_s": self.rested_s,
            "by_kind": self.by_kind,
            "agents": [asdict(one) for one in self.agents],
            "links": [asdict(one) for one in self.links],
            "critical_path": [
                {
                    "key": part.span.key,
                    "kind": part.span.kind,
                    "name": part.span.name,
                    "agent": part.span.who,
                    "seq": part.span.seq,
                    "seconds": part.seconds,
                    "waited_s": part.span.waited_s,
                }
                for part in self.path
            ],
        }


def profile(rows: Iterable[Event]) -> Profile:
    """The account of a run from its rows, first to last; of a fork with what it shares.

    Costs one pass over the rows and a sort of the steps.
    """
    whole, inner, rested_s = spans_of([*rows])
    return Profile(
        whole,
        rested_s,
        tuple(_agents(inner)),
        tuple(_links(inner)),
        tuple(reversed([*_critical(whole)])),
    )


def _critical(span: Span) -> Iterator[OnPath]:
    """The critical path of a span, from its end back to its beginning.

    A stack, not recursion: scopes may lie as deep as a run likes.
    """
    # What is under way is what a run under way waits for; after its end nobody waited for that.
    left_out = {"cancelled"} if span.state == "open" else {"cancelled", "open"}
    stack = [(span, span.end_s, _by_end(span, left_out))]
    while stack:
        around, moment, parts = stack.pop()
        while parts and parts[-1].end_s > moment:
            parts.pop()
        if not parts:
            yield from _own(around, moment - around.start_s)
            continue
        last = parts.pop()
        yield from _own(around, moment - last.end_s)
        stack.append((around, max(last.start_s, around.start_s), parts))
        stack.append((last, last.end_s, _by_end(last, left_out)))


def _own(span: Span, seconds: float) -> Iterator[OnPath]:
    if seconds > 0:
        yield OnPath(span, seconds)


def _by_end(span: Span, left_out: Collection[str]) -> list[Span]:
    parts = (part for part in span.parts if part.state not in left_out)
    return sorted(parts, key=lambda part: (part.end_s, part.seq))


def _agents(spans: Iterable[Span]) -> list[AgentUse]:
    """By when each first appeared."""
    found: dict[str, AgentUse] = {}
    for span in spans:
        name = span.who
        if not name:
            continue
        agent = found.setdefault(name, AgentUse(name))
        agent.turns += span.kind == "ask"
        agent.calls += span.kind == "model"
        agent.tools += span.kind == "tool"
        agent.failed += span.kind != "ask" and span.state in ("failed", "denied")
        agent.tokens += span.tokens
        agent.usd += span.usd
        agent.waited_s += span.waited_s
        if span.kind not in NOT_LEAVES:
            agent.worked_s += max(0.0, span.took_s - span.waited_s)
    return [*found.values()]


def _links(spans: Iterable[Span]) -> list[Link]:
    """Agents and patterns with whom they asked and what they used, in order of first use."""
    found: dict[tuple[str, str, str], Link] = {}
    for span in spans:
        if span.kind not in ("ask", "follow", "tool", "call"):
            continue
        ends = (span.inside or "the run", span.name or span.kind, span.kind)
        link = found.setdefault(ends, Link(*ends))
        link.times += 1
        link.seconds += span.took_s
        link.failed += span.state in ("failed", "denied")
    return [*found.values()]
