"""What agents that plan are tried with: a model that plays the roles, and items as JSON."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Mapping
from typing import Any, TypeAlias

from tests.run.stage import Answering, Said
from workbench.agent.conversation import ModelRequest

Role: TypeAlias = "Answering | list[str] | Said"


def item(name: str, **more: Any) -> dict[str, Any]:
    """One item of a plan."""
    return {"id": name, "do": f"do {name}", "criterion": f"{name} is done", **more}


def plan_of(*items: Mapping[str, Any]) -> str:
    """A planner's reply."""
    return json.dumps({"items": [*items]})


def verdict(passed: bool, *reasons: str) -> str:
    """A judge's reply."""
    return json.dumps({"passed": passed, "reasons": [*reasons]})


def role_of(request: ModelRequest) -> str:
    """Which of its roles the agent is asked in."""
    for name, field in (("planner", "left"), ("worker", "item"), ("judge", "criteria")):
        if field in request.inputs:
            return name
    return "answer"


def playing(**roles: Role) -> Answering:
    """A model that answers by role.

    Lists are the answers of one role in order, the last one again and again; ``worker`` may be a
    function of the request.
    """
    asked: dict[str, int] = dict.fromkeys(("planner", "worker", "judge", "answer"), 0)
    roles = {"judge": verdict(True), "answer": "all is done", **roles}

    def answer(request: ModelRequest) -> Said | Awaitable[Said]:
        name = role_of(request)
        said = roles[name]
        if callable(said):
            return said(request)
        if not isinstance(said, list):
            return said
        place, asked[name] = asked[name], asked[name] + 1
        return said[min(place, len(said) - 1)]

    return answer
