"""Whether one rule is about one call: rules made ready once, compared quickly.

What a rule names becomes a test of its own when the rule is made ready, so that a decision asks
only what was named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from workbench.permission.case import Case
from workbench.permission.danger import Danger
from workbench.permission.egress import names_host, names_server
from workbench.permission.filter import Filter
from workbench.permission.globs import ANYTHING, Test, glob
from workbench.permission.rule import Rule, Verdict, levels

Holds: TypeAlias = Callable[[Case], bool]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, why, and by which rule if by one."""

    verdict: Verdict
    reason: str
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule made ready. Its decision is a value and made in advance."""

    rule: Rule
    low: int
    high: int
    decision: Decision
    restricts: bool
    exact: bool
    """Names an exact call or exact words, so that it may allow CRITICAL."""
    sure: bool
    """Restricts, is exact or spells out a host or server: it decides about free egress too."""
    applies: Holds
    """Whether everything the rule names holds for the call, its danger aside."""
    sightless: Holds | None
    """The same without what it says about commands, when it restricts them."""

    @staticmethod
    def of(rule: Rule) -> Entry:
        """Make a rule ready."""
        low, high = levels(rule.danger)
        restricts = rule.verdict != "allow"
        exact = rule.argv is not None or bool(rule.digest)
        return Entry(
            rule,
            low,
            high,
            Decision(rule.verdict, _reason(rule), rule),
            restricts,
            exact,
            sure=restricts or exact or names_host(rule.arguments) or names_server(rule.tool),
            applies=_all_of(_conditions(rule)),
            sightless=_sightless(rule),
        )

    def may_decide(self, danger: Danger) -> bool:
        """Whether it can have the last word at a level: CRITICAL is allowed only exactly."""
        is_meant = self.low <= danger <= self.high
        return is_meant and (danger < Danger.CRITICAL or self.restricts or self.exact)

    def is_blind(self, case: Case) -> bool:
        """Whether it restricts commands while this call runs something the text does not name."""
        return self.sightless is not None and case.is_opaque() and self.sightless(case)


def _all_of(conditions: Iterable[Holds]) -> Holds:
    first, *more = [*conditions] or [_always]
    if not more:
        return first

    def all_hold(case: Case) -> bool:
        if not first(case):
            return False
        for holds in more:  # noqa: SIM110 - a generator costs twice, here and below
            if not holds(case):
                return False
        return True

    return all_hold


def _always(case: Case) -> bool:
    del case
    return True


def _conditions(rule: Rule) -> Iterator[Holds]:
    """What a rule names, each as a test: what most rules have first."""
    restricts = rule.verdict != "allow"
    if rule.agent != ANYTHING:
        yield (_named_any if restricts else _named_last)(glob(rule.agent))
    for name, pattern in rule.arguments.items():
        yield (_spelled if restricts else _stands_for)(name, glob(pattern))
    if rule.run_id:
        yield lambda case: case.call.run_id == rule.run_id
    if rule.digest:
        yield lambda case: case.call.digest == rule.digest
    if (end := rule.expires_at) is not None:
        yield lambda case: case.now < end
    if rule.argv is not None:
        yield _runs_any(rule.argv) if restricts else _runs(rule.argv)
    if rule.when:
        yield _filtered(Filter.parse(rule.when), restricts)


def _named_any(test: Test) -> Holds:
    """To restrict, anybody on the way counts: a child has no more than its parents have."""

    def holds(case: Case) -> bool:
        for agent in case.call.agents or ("",):  # noqa: SIM110
            if test(agent):
                return True
        return False

    return holds


def _named_last(test: Test) -> Holds:

    def holds(case: Case) -> bool:
        agents = case.call.agents
        return test(agents[-1] if agents else "")

    return holds


def _spelled(name: str, test: Test) -> Holds:
    """One spelling of an argument that fits is enough to restrict."""

    def holds(case: Case) -> bool:
        for text in case.any_of(name):  # noqa: SIM110
            if test(text):
                return True
        return False

    return holds


def _stands_for(name: str, test: Test) -> Holds:
    """To allow, each thing that an argument stands for must fit, and there must be one."""

    def holds(case: Case) -> bool:
        things = case.canonical(name)
        for thing in things:
            for text in thing:
                if test(text):
                    break
            else:
                return False
        return bool(things)

    return holds


def _runs(argv: tuple[str, ...]) -> Holds:
    return lambda case: case.call.facts.argv == argv


def _runs_any(argv: tuple[str, ...]) -> Holds:
    """To restrict, any command within the text counts, and by its bare name too."""

    def holds(case: Case) -> bool:
        facts = case.call.facts
        return facts.argv == argv or (facts.act == "run" and argv in case.shell().commands)

    return holds


def _filtered(wanted: Filter, restricts: bool) -> Holds:
    def holds(case: Case) -> bool:
        call = case.call
        agents = call.agents if restricts and call.agents else (call.agent,)
        return any(wanted.matches(case.row(agent)) for agent in agents)

    return holds


def _sightless(rule: Rule) -> Holds | None:
    if rule.verdict == "allow" or (rule.argv is None and "command" not in rule.arguments):
        return None
    others = {name: text for name, text in rule.arguments.items() if name != "command"}
    return _all_of(_conditions(replace(rule, argv=None, arguments=others)))


def _reason(rule: Rule) -> str:
    verb = {"allow": "allowed", "confirm": "asked for", "deny": "denied"}[rule.verdict]
    return f"{verb} by rule {rule.id}: {rule.reason or rule}"
