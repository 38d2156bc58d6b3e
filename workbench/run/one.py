"""The smallest pattern: one agent asked once. What `Workbench.ask` and the line ``ask`` start."""

from __future__ import annotations

from typing import Any

from workbench.agent.agent import Agent
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask


@pattern(name="ask")
async def ask_one(agent: Agent, inputs: dict[str, Any]) -> Any:
    """Ask one agent once."""
    return await ask(agent, **inputs)
