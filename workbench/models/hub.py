"""The hub: one `complete` for all models, by the provider that a request's name says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.agent.conversation import Capabilities, ModelInfo, ModelReply, ModelRequest, OnDelta
from workbench.journal.events import Event
from workbench.models.choose import Choice, choose
from workbench.models.failures import failed
from workbench.models.litellm import Learn, LitellmModel
from workbench.models.ollama import OllamaModel
from workbench.models.providers import Providers
from workbench.models.survey import Provider, ask, configured


@dataclass(slots=True)
class Hub:
    """Every model a workbench can ask."""

    providers: Providers

    @staticmethod
    def of(
        folders: Iterable[Path],
        rows: Callable[[str], Iterable[Event]],
        *,
        hosts: Mapping[str, str],
        endpoints: Mapping[str, Mapping[str, Any]],
        learn: Learn,
    ) -> Hub:
        """A hub over playbook folders, recorded runs, Ollama hosts and litellm's endpoints."""
        return Hub(Providers(list(folders), rows, dict(hosts), endpoints, os.environ, learn))

    async def choose(self, configured: str) -> Choice:
        """The default model and why."""
        return await choose(self.providers, configured)

    def check(self, name: str) -> None:
        """Refuse a model name that no provider can mean."""
        self.providers.open(name)

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer one request."""
        return await self.providers.open(request.model).complete(request, on_delta)

    def price(self, request: ModelRequest) -> tuple[float, float] | None:
        """Dollars for a million tokens asked and answered: nothing for what runs here."""
        if self.providers.split(request.model)[0] != "litellm":
            return 0.0, 0.0
        named: tuple[float, float] | None = request.options.get("usd_per_million")
        return (float(named[0]), float(named[1])) if named else None

    async def capabilities(self, model: str) -> Capabilities:
        """What a model can take and do; its provider is asked once. Raises ModelError."""
        return await self.providers.open(model).capabilities(model)

    async def embed(self, model: str, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text.

        Raises:
            ModelError: its provider cannot, or failed.
        """
        found = self.providers.open(model)
        if not isinstance(found, OllamaModel | LitellmModel):
            raise failed(
                f"{model} makes no vectors",
                "unsupported",
                hint="Name a model of Ollama or litellm that embeds, as ollama:nomic-embed-text",
            )
        return await found.embed(model, texts)

    async def models(self) -> list[ModelInfo]:
        """What can be asked for."""
        return await self.providers.models()

    async def configured(self) -> list[Provider]:
        """Where models come from; nobody is asked over the network."""
        return await configured(self.providers)

    async def ask(self, provider: Provider) -> Provider:
        """A provider with its models, or why it has none."""
        return await ask(self.providers, provider)

    async def close(self) -> None:
        """Close whatever was opened."""
        await self.providers.close()
