"""What the core needs of models, as protocols; see `workbench.run.ports` for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workbench.agent.conversation import Capabilities, ModelReply, ModelRequest, OnDelta


class Models(Protocol):
    """Who answers model requests."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer one request, by the provider its ``model`` names."""
        ...

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        """Dollars for a million tokens asked and answered, if that is known beforehand."""
        ...

    async def capabilities(self, model: str) -> Capabilities:
        """What a model can take and do. Raises ModelError when its provider cannot be asked."""
        ...


class Embedder(Protocol):
    """Who turns texts into vectors."""

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text, by the provider that ``model`` names. Raises ModelError."""
        ...
