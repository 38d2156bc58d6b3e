"""Whether one rule is about one call: rules made ready once, compared quickly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

from workbench.permission.case import Case
from workbench.permission.danger import Danger
from workbench.permission.egress import names_host
from workbench.permission.filter import Filter
from workbench.permission.globs import ANYTHING, Test, glob
from workbench.permission.rule import Rule, Verdict, levels


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
    places: bool
    """Spells out the host it is about, so that it may allow free egress."""
    bare: bool
    """Says nothing beyond tool and danger."""
    loose: bool
    """Says nothing of run, call, time, words or filter."""
    agent: Test | None
    globs: tuple[tuple[str, Test], ...]
    when: Filter | None
    sightless: Entry | None
    """The same rule without what it says about commands, when it restricts them."""

    @staticmethod
    def of(rule: Rule) -> Entry:
        """Make a rule ready."""
        low, high = levels(rule.danger)
        agent = None if rule.agent == ANYTHING else glob(rule.agent)
        globs = tuple((name, glob(pattern)) for name, pattern in rule.arguments.items())
        timed = rule.argv is not None or rule.expires_at is not None
        loose = not (timed or rule.digest or rule.run_id or rule.when)
        return Entry(
            rule,
            low,
            high,
            Decision(rule.verdict, _reason(rule), rule),
            restricts=rule.verdict != "allow",
            exact=rule.argv is not None or bool(rule.digest),
            places=names_host(rule.arguments),
            bare=loose and not (agent or globs),
            loose=loose,
            agent=agent,
            globs=globs,
            when=Filter.parse(rule.when) if rule.when else None,
            sightless=_sightless(rule),
        )

    def applies(self, case: Case) -> bool:
        """Whether everything the rule names holds for the call, its danger aside."""
        if self.bare:
            return True
        if self.agent is not None and not self._names(self.agent, case):
            return False
        for name, test in self.globs:
            if not self._fits(name, test, case):
                return False
        return self.loose or self._is_about(case)

    def may_decide(self, danger: Danger, free: bool) -> bool:
        """Whether a rule that applies has the last word.

        CRITICAL is allowed only exactly, and free egress only by who names it.
        """
        if self.restricts or self.exact:
            return True
        return danger < Danger.CRITICAL and (self.places or not free)

    def is_blind(self, case: Case) -> bool:
        """Whether it restricts commands while this call runs something the text does not name."""
        rest = self.sightless
        if rest is None or case.call.facts.act != "run" or not case.shell().opaque:
            return False
        return rest.applies(case)

    def _names(self, test: Test, case: Case) -> bool:
        """To restrict, anybody on the way counts: a child has no more than its parents have."""
        agents = case.call.agents
        if not agents:
            return test("")
        if not self.restricts:
            return test(agents[-1])
        return fits_any(test, agents)

    def _fits(self, name: str, test: Test, case: Case) -> bool:
        if self.restricts:
            return fits_any(test, case.any_of(name))
        things = case.canonical(name)
        for thing in things:
            if not fits_any(test, thing):
                return False
        return bool(things)

    def _is_about(self, case: Case) -> bool:
        """The conditions that few rules have: one run, one call, a time, words, a filter."""
        rule, call = self.rule, case.call
        return (
            rule.run_id in ("", call.run_id)
            and rule.digest in ("", call.digest)
            and (rule.expires_at is None or case.now < rule.expires_at)
            and (rule.argv is None or self._has_argv(case))
            and (self.when is None or self._filtered(case))
        )

    def _has_argv(self, case: Case) -> bool:
        argv, facts = self.rule.argv, case.call.facts
        if facts.argv == argv:
            return True
        return self.restricts and facts.act == "run" and any(p == argv for p in case.parts())

    def _filtered(self, case: Case) -> bool:
        test, call = cast("Filter", self.when), case.call
        agents = call.agents if self.restricts and call.agents else (call.agent,)
        return any(test.matches(call.row(agent)) for agent in agents)


def fits_any(test: Test, texts: Iterable[str]) -> bool:
    """Whether one of them fits. The hottest line of a decision: a generator costs twice."""
    for text in texts:  # noqa: SIM110
        if test(text):
            return True
    return False


def _sightless(rule: Rule) -> Entry | None:
    if rule.verdict == "allow" or (rule.argv is None and "command" not in rule.arguments):
        return None
    others = {name: text for name, text in rule.arguments.items() if name != "command"}
    return Entry.of(replace(rule, argv=None, arguments=others))


def _reason(rule: Rule) -> str:
    verb = {"allow": "allowed", "confirm": "asked for", "deny": "denied"}[rule.verdict]
    return f"{verb} by rule {rule.id}: {rule.reason or rule}"
