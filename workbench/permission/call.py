"""A call that waits for a decision: who wants what, and what was found out about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.permission.danger import Danger, Facts
from workbench.values import dumps


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one tool with its final arguments."""

    tool: str
    agents: tuple[str, ...]
    """Everybody on the way to it, outermost first; the last one acts. Empty for a pattern."""
    arguments: Mapping[str, Any]
    digest: str
    run_id: str
    facts: Facts
    danger: Danger
    key: str = field(default="", compare=False)
    """The effect's path, for filters."""

    @property
    def agent(self) -> str:
        """The acting agent, or the empty string for the pattern itself."""
        return self.agents[-1] if self.agents else ""

    def row(self, agent: str) -> dict[str, Any]:
        """The call as a filter sees it, in the name of one of its agents."""
        return {
            "agent": agent,
            "kind": "tool",
            "name": self.tool,
            "danger": self.danger,
            "state": "asked",
            "key": self.key,
            "run": self.run_id,
            "text": dumps(self.arguments).decode(),
        }
