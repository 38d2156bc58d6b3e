"""The mode and the rules of a session: how they change, and what that means for what waits.

A change is a row in every live run, and in the audit where there is none; whatever waits is
decided again under the new policy, and a question that is not the same any more is asked anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from workbench.permission.doubting import DoubtRule
from workbench.permission.policy import Policy
from workbench.permission.rule import Rule
from workbench.run.permit import outdated, reconsidered
from workbench.run.ports import Keeper
from workbench.run.uses import InForce, Uses
from workbench.run.world import World

if TYPE_CHECKING:
    from workbench.run.run import Run


class Ruled:
    """What a session goes by. Lives on the core's loop."""

    def __init__(
        self,
        world: World,
        keeper: Keeper,
        keep_rules: Callable[[Policy], None],
    ) -> None:
        self.world = world
        self.runs: dict[str, Run] = {}
        """Runs that this process drives, or drove since it was opened."""
        self._keeper, self._keep_rules = keeper, keep_rules
        world.add_rule, world.expire_rules = self.add_rule, self.expire_rules

    @property
    def policy(self) -> Policy:
        """Mode and rules in force."""
        return self.world.policy

    @property
    def in_force(self) -> list[InForce]:
        """Every rule that holds now, those for doubts last."""
        rules = (*self.world.policy.rules, *self.world.doubts)
        return [InForce(rule, self.world.uses.get(rule.id, Uses())) for rule in rules]

    def set_mode(self, mode: Literal["plan", "confirm", "edits", "auto"], by: str = "user") -> None:
        """Change the mode; what waits is decided again under it."""
        self.world.policy = self.world.policy.with_mode(mode)
        self._told_all("mode.changed", {"mode": mode, "by": by})
        self._reconsider()

    def add_rule(self, rule: Rule, by: str = "user") -> Rule:
        """Add a permission rule; what waits is decided again under it."""
        self.world.policy = self.world.policy.with_rules(rule)
        if rule.scope == "workspace":
            self._keep_rules(self.world.policy)
        self._told_all("rule.added", {"rule": str(rule), "by": by})
        self._reconsider()
        return rule

    def add_doubt(self, rule: DoubtRule, by: str = "user") -> DoubtRule:
        """Add a rule for doubts still to come."""
        kept = (known for known in self.world.doubts if known.id != rule.id)
        self.world.doubts = (*kept, rule)
        self._told_all("rule.added", {"rule": str(rule), "by": by})
        return rule

    def remove_rule(self, rule_id: str, by: str = "user") -> None:
        """Take a rule back, of permissions or of doubts; what waits is decided again.

        One of the settings file holds again when the workbench is next opened.

        Raises:
            UnknownName: there is no such rule.
        """
        found = {one.rule.id: one.rule for one in self.in_force}.get(rule_id)
        if isinstance(found, DoubtRule):
            self.world.doubts = tuple(rule for rule in self.world.doubts if rule.id != rule_id)
        else:
            self.world.policy = self.world.policy.without(rule_id)
            self._keep_rules(self.world.policy)
        self._told_all("rule.removed", {"rule": str(found), "id": rule_id, "by": by})
        self._reconsider()

    def expire_rules(self) -> None:
        """Take back the rules whose time is over, and say so."""
        for rule in self.world.policy.expired(self.world.clock()):
            self.world.policy = self.world.policy.without(rule.id)
            self._told_all("rule.expired", {"rule": str(rule), "by": "time"})
        self._keep_rules(self.world.policy)
        self._reconsider()

    def _told_all(self, kind: str, data: dict[str, Any]) -> None:
        """A row in every live run, which the audit has with it; without any, the audit alone."""
        live = [run for run in self.runs.values() if run.status in {"running", "paused"}]
        for run in live:
            run.rows.append(kind, "", dict(data))
        if not live:
            self._keeper.audit.enter(kind, self.world.redaction.value(data))

    def _reconsider(self) -> None:
        def policy_of(run_id: str) -> Policy:
            return self.runs[run_id].policy

        inbox = self.world.inbox
        for waiting_id, answer in reconsidered(self.world, policy_of):
            if answer.verdict == "deny":  # what is allowed comes past its rule once more
                self.world.used(answer.by.removeprefix("rule "))
            inbox.answer(waiting_id, answer)
        for waiting_id, why in outdated(self.world, policy_of):
            inbox.renew(waiting_id, why)
