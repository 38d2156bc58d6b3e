"""Whether a call may happen: rules first, then what the mode says.

Deny beats confirm beats allow, wherever they stand; only when no rule applies does the mode
decide. Authority down a chain of agents is an intersection: a rule that denies or confirms
applies as soon as it names *anyone* on the way to the call, a rule that allows only when it
names the one who acts. So a child never has more than its parents have, and a grant to a parent
is not a grant to its children. Nothing but exact words, or the digest of the very call, allows
CRITICAL.

`decide` is a pure function and looks at nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, TypeAlias, get_args

from workbench.errors import UnknownName
from workbench.permission.alike import Alike, rows_of
from workbench.permission.call import Call
from workbench.permission.case import Case
from workbench.permission.danger import Danger
from workbench.permission.egress import all_of_host, is_free_egress, names_server, why
from workbench.permission.globs import Test, glob
from workbench.permission.matching import Decision, Entry
from workbench.permission.rule import Rule, Verdict, rule_from
from workbench.values import digest, dumps

__all__ = ["MODES", "Call", "Decision", "Mode", "Policy", "Rule", "Verdict", "decide", "rule_from"]

Mode: TypeAlias = Literal["plan", "confirm", "edits", "auto"]
MODES: tuple[Mode, ...] = get_args(Mode)

_ORDER: dict[Verdict, int] = {"deny": 0, "confirm": 1, "allow": 2}

_MOST_REMEMBERED = 1_000
"""Tools whose rules are kept at hand; of more they are looked for each time."""

_Levels: TypeAlias = tuple[tuple[Alike, ...], ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A mode and its rules; every change is a new policy."""

    mode: Mode = "confirm"
    rules: tuple[Rule, ...] = ()
    workspace: str = ""
    """The workspace's real path: what rules' relative paths are seen from."""
    _ready: tuple[tuple[Entry, Test], ...] = field(init=False, repr=False, compare=False)
    """Every rule made ready, denying first, and the test for the tools it is about."""
    _found: dict[str, _Levels] = field(init=False, repr=False, compare=False)
    """For each tool that was asked about, and each danger level: what may apply."""
    expires_at: float = field(init=False, repr=False, compare=False)
    """When the next of its rules expires; infinite when none does."""
    _version: list[str] = field(init=False, repr=False, compare=False, default_factory=list[str])
    """Worked out when it is first asked for."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UnknownName("mode", self.mode, MODES)
        ordered = sorted(self.rules, key=lambda rule: _ORDER[rule.verdict])
        ready = tuple((Entry.of(rule), glob(rule.tool)) for rule in ordered)
        object.__setattr__(self, "_ready", ready)
        object.__setattr__(self, "_found", {})
        ends = (rule.expires_at for rule in ordered if rule.expires_at is not None)
        object.__setattr__(self, "expires_at", min(ends, default=inf))

    @property
    def version(self) -> str:
        """Names mode, rules and workspace: another policy has another one."""
        if not self._version:
            said = [rule.definition() for rule in self.rules]
            self._version.append(digest(dumps([self.mode, self.workspace, said])))
        return self._version[0]

    def expired(self, now: float) -> tuple[Rule, ...]:
        """The rules whose time is over."""
        return tuple(r for r in self.rules if r.expires_at is not None and r.expires_at <= now)

    def with_mode(self, mode: Mode) -> Policy:
        """The same rules under another mode."""
        return replace(self, mode=mode)

    def with_rules(self, *rules: Rule) -> Policy:
        """More rules; one with the id of an older one takes its place."""
        new = {rule.id for rule in rules}
        kept = (rule for rule in self.rules if rule.id not in new)
        return replace(self, rules=(*kept, *rules))

    def without(self, rule_id: str) -> Policy:
        """One rule fewer."""
        kept = tuple(rule for rule in self.rules if rule.id != rule_id)
        if len(kept) == len(self.rules):
            raise UnknownName("rule", rule_id, [rule.id for rule in self.rules])
        return replace(self, rules=kept)

    def rules_about(self, tool: str, danger: Danger) -> tuple[Alike, ...]:
        """The rules that may be about a call, made ready: denying first, allowing last."""
        found = self._found.get(tool)
        if found is None:
            fitting = [entry for entry, fits in self._ready if fits(tool)]
            found = tuple(_within(fitting, level) for level in Danger)
            if len(self._found) < _MOST_REMEMBERED:
                self._found[tool] = found
        return found[danger]


def _within(entries: Iterable[Entry], level: Danger) -> tuple[Alike, ...]:
    return tuple(rows_of(entry for entry in entries if entry.may_decide(level)))


def decide(policy: Policy, call: Call, *, now: float, headless: bool = False) -> Decision:
    """Allow, confirm or deny one call.

    Args:
        policy: Mode and rules.
        call: The call with its final arguments, facts and level.
        now: The wall clock, for rules that expire.
        headless: Nobody is there to ask. It changes no verdict (what becomes of a confirm is
            for the gate to say), only the reason: it then names what would have allowed it.
    """
    free = is_free_egress(call.facts)
    found, blind = _ruling(policy, Case(call, policy.workspace, now), free)
    decision = found.decision if found else _by_mode(policy.mode, call)
    if blind and decision.verdict == "allow" and not (found and found.exact):
        decision = Decision("confirm", f"rule {blind.rule.id} cannot see what this would run")
    if free:
        decision = _egress(decision, call, found)
    if headless and decision.verdict == "confirm":
        return replace(decision, reason=f"{decision.reason}; {remedy(call)}")
    return decision


def _ruling(policy: Policy, case: Case, free: bool) -> tuple[Entry | None, Entry | None]:
    """The rule that decides, if one does, and one that would restrict what it cannot see."""
    blind: Entry | None = None
    for alike in policy.rules_about(case.call.tool, case.call.danger):
        may_matter = alike.may_matter
        if may_matter is not None and not may_matter(case):
            continue
        for entry in alike.entries:
            if entry.applies(case):
                if entry.sure or not free:
                    return entry, blind
            elif entry.sightless and entry.is_blind(case):
                blind = entry
    return None, blind


def _egress(decision: Decision, call: Call, found: Entry | None) -> Decision:
    """Free egress is never allowed by a mode, and whoever is asked is told why."""
    if decision.verdict == "deny" or (decision.verdict == "allow" and found):
        return decision
    said = f"{decision.reason}; " if decision.verdict == "confirm" else ""
    return Decision("confirm", f"{said}{why(call)}", decision.rule)


def _verdict(mode: Mode, call: Call) -> Verdict:
    """What a mode says by itself."""
    danger, facts = call.danger, call.facts
    if danger == Danger.SAFE:
        return "allow"
    if mode == "plan":
        return "deny"
    if danger == Danger.LOW:
        return "allow"
    if mode == "edits":
        edits = facts.act == "write" and danger == Danger.MEDIUM
        return "allow" if edits and not facts.outside and not facts.protected else "confirm"
    if mode == "auto" and facts.sandbox == "full" and danger < Danger.CRITICAL:
        return "allow"
    return "confirm"


def _by_mode(mode: Mode, call: Call) -> Decision:
    return _DEFAULTS[mode, _verdict(mode, call), call.danger]


_VERBS: dict[Verdict, str] = {"allow": "allowed:", "confirm": "asked for:", "deny": "denied:"}

_DEFAULTS: dict[tuple[Mode, Verdict, Danger], Decision] = {
    (mode, verdict, danger): Decision(verdict, f"{verb} {danger.name} in {mode} mode")
    for mode in MODES
    for verdict, verb in _VERBS.items()
    for danger in Danger
}
"""Every sentence a mode can say, made once."""


def remedy(call: Call) -> str:
    """The rule that would have allowed it, where one could."""
    free = is_free_egress(call.facts)
    host = all_of_host(call) if free else {}
    if call.facts.argv is not None:
        rule = Rule("allow", tool=call.tool, argv=call.facts.argv)
    elif call.danger == Danger.CRITICAL:
        return "nobody is there to ask, and only exact words may allow CRITICAL"
    elif free and not host and not names_server(call.tool):
        return "nobody is there to ask, and no rule but one for this very call could allow it"
    else:
        rule = Rule("allow", tool=call.tool, arguments=host, danger=f"<={call.danger.name}")
    return f"nobody is there to ask; a rule would allow it: {rule}"
