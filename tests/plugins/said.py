"""Agents that say what a test wants, by name, and a run of a shipped pattern with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tests.run.stage import opened
from workbench.agent.agent import Agent
from workbench.agent.conversation import ModelRequest
from workbench.errors import ModelError

Says: TypeAlias = "Callable[[Mapping[str, Any]], Mapping[str, Any]]"
"""Outputs from inputs; raises `ModelError` to fail."""


def answering(says: Mapping[str, Says]) -> Callable[[ModelRequest], str]:
    """A model whose answers are made by the agent's name."""

    def answer(request: ModelRequest) -> str:
        outputs = dict(says[request.agent](request.inputs))
        return str(next(iter(outputs.values()))) if request.schema is None else json.dumps(outputs)

    return answer


def gives(**outputs: Any) -> Says:
    """An agent that always says the same."""
    return lambda _: outputs


def fails(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """An agent whose model cannot answer."""
    raise ModelError("it is ill", reason="test")


def agents(signature: str, names: str) -> list[Agent]:
    """One for each letter."""
    return [Agent(name, signature) for name in names]


async def run(folder: Path, pattern: str, says: Mapping[str, Says], **inputs: Any) -> Any:
    """What a pattern returns; the requests of all its agents are kept in ``ASKED``."""
    ASKED.clear()

    def asked(request: ModelRequest) -> str:
        ASKED.append((request.agent, dict(request.inputs)))
        return answering(says)(request)

    async with opened(folder, asked) as bench:
        return await (await bench.start(pattern, inputs)).result()


ASKED: list[tuple[str, dict[str, Any]]] = []
"""Who was asked what in the last run, in order."""
