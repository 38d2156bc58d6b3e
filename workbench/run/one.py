"""The smallest patterns: one agent asked once, one tool used once, each a run of its own."""

from __future__ import annotations

from typing import Any

from workbench.agent.agent import Agent
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import ask, use


@pattern(name="ask")
async def ask_one(agent: Agent, inputs: dict[str, Any]) -> Any:
    """Ask one agent once."""
    return await ask(agent, **inputs)


@pattern(name="use")
async def use_one(tool: str, arguments: dict[str, Any]) -> Any:
    """Use one tool once."""
    return await use(tool, **arguments)
