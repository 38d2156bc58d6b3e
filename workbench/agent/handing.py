"""Agents and patterns as tools: what a model is shown of one to whom it may hand a sub-task.

Such a tool performs nothing itself. The turn asks the agent, or follows the pattern, as a scope of
its own below the turn: what is done there has its own permission, budget and rows, and is
recalled, not done again, when the run is resumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from workbench.agent.docstrings import summary
from workbench.agent.fields import Field
from workbench.agent.forms import parameters_of
from workbench.agent.schema import schema_of
from workbench.agent.tool import Tool
from workbench.errors import InputError
from workbench.permission.danger import Danger
from workbench.workflow.pattern import Pattern

_CALLABLE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What providers take as a tool's name."""


def handed(name: str, description: str, fields: Iterable[Field], scope: Any) -> Tool:
    """A tool of that name whose call is a scope.

    Args:
        name: the agent's or the pattern's.
        description: what the model is told of it.
        fields: its inputs.
        scope: the agent or pattern.

    Raises:
        InputError: no provider would take the name.
    """
    if not _CALLABLE.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be a tool: a model calls tools by names of at most 64 letters, "
            "digits, _ and -",
            hint=f"Call it {re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:64]!r}",
            field="tools",
        )
    known = tuple(fields)
    return Tool(name, description, schema_of(known), floor=Danger.SAFE, fields=known, scope=scope)


def pattern_tool(pattern: Pattern[..., Any]) -> Tool:
    """A pattern as a tool.

    Raises:
        InputError: it wants agents, which no model can give.
        SignatureError: a parameter has no type.
    """
    for parameter in pattern.parameters:
        if re.search(r"\bAgent\b", parameter.type):
            raise InputError(
                f"pattern {pattern.name!r} wants agents ({parameter.name!r}), which no model can "
                "give",
                hint="Write a pattern that follows it with agents of yours",
                field="tools",
            )
    told = summary(pattern.doc) or f"Follow {pattern.name}."
    return handed(pattern.name, told, parameters_of(pattern.function), pattern)
