"""How often each rule has decided something, since the workbench was opened.

Not a row of its own: the row that a decision leads to says what was decided, and this is for
whoever wonders whether a rule is still needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from workbench.permission.doubting import DoubtRule
from workbench.permission.rule import Rule


class Uses(NamedTuple):
    """What is known of one rule's use."""

    times: int = 0
    last_at: float | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule that holds now, and its use."""

    rule: Rule | DoubtRule
    uses: Uses

    @property
    def fits(self) -> Rule:
        """Which calls it is about."""
        return self.rule.fits if isinstance(self.rule, DoubtRule) else self.rule
