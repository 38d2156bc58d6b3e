"""The account of a run, read from the log, and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from workbench.journal.flow import Flow, flows
from workbench.journal.profile import AgentUse, Link, OnPath, Profile, profile
from workbench.journal.spans import Span
from workbench.plain import one_line

LONGEST = 8
"""So many stretches of the critical path are named."""
_WORDS = {
    "model": "models",
    "tool": "tools",
    "call": "functions",
    "line": "lines of the script",
    "person": "waiting for a person",
    "workbench": "between the steps",
    "receive": "waiting for messages",
    "sleep": "sleeping",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A run's profile, and whose words went where."""

    run_id: str
    profile: Profile
    went: tuple[Flow, ...]
    lines: tuple[str, ...]


def account(store: Any, run_id: str) -> Account:
    """Read a run's rows, all of them, and say what became of its time."""
    store.catch_up()
    rows = [*store.rows(run_id)]
    told, (went, is_whole) = profile(rows), flows(rows)
    return Account(run_id, told, tuple(went), tuple(profile_lines(told, went, is_whole=is_whole)))


def profile_lines(told: Profile, went: Sequence[Flow], *, is_whole: bool) -> Iterator[str]:
    """Everything there is to say, in the order in which one asks it.

    Args:
        told: the account.
        went: whose words went where.
        is_whole: whether all of that was looked for.
    """
    yield heading(told)
    yield ""
    yield "what the end waited for (the critical path)"
    yield from kind_lines(told)
    yield ""
    yield "its longest steps"
    longest = sorted(steps_of(told.path), key=lambda part: -part.seconds)[:LONGEST]
    yield from ("  " + step_line(part) for part in longest)
    yield ""
    yield from agent_lines(told.agents)
    yield ""
    yield "who used whom"
    yield from ("  " + link_line(link) for link in told.links)
    if not told.links:
        yield "  nobody anybody"
    yield ""
    yield "whose words went where"
    yield from ("  " + line for line in flow_lines(went))
    if not is_whole:
        yield "  and more: this run is too long to look at all of it"


def heading(told: Profile) -> str:
    """The whole in a line."""
    rested = f", and rested {seconds(told.rested_s)}" if told.rested_s >= 0.01 else ""
    whole = told.whole
    return one_line(f"{whole.name}  {whole.state}  {seconds(whole.took_s)} at work{rested}")


def kind_lines(told: Profile) -> Iterator[str]:
    """The critical path by what its time was spent on."""
    whole = max(told.whole.took_s, 1e-9)
    for kind, spent in told.by_kind.items():
        share = f"{spent / whole:.0%}"
        yield one_line(f"  {seconds(spent):>9}  {share:>4}  {_WORDS.get(kind, kind)}")


def steps_of(path: Sequence[OnPath]) -> list[OnPath]:
    """The stretches of the path that are steps: what lies between them belongs to nobody."""
    return [part for part in path if not part.is_between]


def step_line(part: OnPath) -> str:
    """One stretch of the path."""
    span = part.span
    waited = f", {seconds(span.waited_s)} of it waiting" if span.waited_s >= 0.01 else ""
    return one_line(
        f"{seconds(part.seconds):>9}  {span.who or '-'}  {what(span)}  #{span.seq}{waited}"
    )


def what(span: Span) -> str:
    """What a span was."""
    return f"{span.kind} {span.name}".rstrip()


def agent_lines(agents: Sequence[AgentUse]) -> Iterator[str]:
    """A table of the agents; a column in which nothing stands is left out."""
    columns = {
        "agents": [f"  {one_line(one.name)}" for one in agents],
        "turns": [str(one.turns) for one in agents],
        "models": [str(one.calls) for one in agents],
        "tools": [str(one.tools or "") for one in agents],
        "failed": [str(one.failed or "") for one in agents],
        "tokens": [str(one.tokens or "") for one in agents],
        "cost": [f"${one.usd:.4f}" if one.usd else "" for one in agents],
        "at work": [seconds(one.worked_s) for one in agents],
        "waited": [seconds(one.waited_s) if one.waited_s else "" for one in agents],
    }
    told = {head: cells for head, cells in columns.items() if any(cells) or head == "agents"}
    wide = {head: max(map(len, (head, *cells))) for head, cells in told.items()}
    for row in zip(*([head, *cells] for head, cells in told.items()), strict=True):
        cells = zip(row, wide.items(), strict=True)
        yield "  ".join(
            f"{cell:<{width}}" if head == "agents" else f"{cell:>{width}}"
            for cell, (head, width) in cells
        )
    if not agents:
        yield "  none"


def link_line(link: Link) -> str:
    """Who used whom."""
    failed = f", {link.failed} failed" if link.failed else ""
    word = {"ask": "asked", "follow": "followed", "tool": "used", "call": "called"}[link.kind]
    return one_line(
        f"{link.source} {word} {link.target}  x{link.times}  {seconds(link.seconds)}{failed}"
    )


def flow_lines(went: Sequence[Flow]) -> Iterator[str]:
    """Whose words went where, the same way told once."""
    ways = sorted(went, key=lambda flow: flow[:2] + flow[3:5])
    told = [[*same] for _, same in groupby(ways, key=lambda flow: flow[:2] + flow[3:5])]
    for same in sorted(told, key=lambda flows: min(flow.target_seq for flow in flows)):
        one, rows = same[0], ", ".join(f"#{f.source_seq}>#{f.target_seq}" for f in same[:3])
        more = f" and {len(same) - 3} more" if len(same) > 3 else ""
        source, target = f"{one.source}.{one.source_field}", f"{one.target}.{one.target_field}"
        yield one_line(f"{source.rstrip('.')} -> {target.rstrip('.')}  {rows}{more}")
    if not told:
        yield "nowhere that could be seen"


def seconds(number: float) -> str:
    """A time for people."""
    return f"{number * 1000:.1f} ms" if number < 1 else f"{number:.2f} s"
