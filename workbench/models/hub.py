"""The hub: one `complete` for all models, by the provider that a request's name says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.agent.conversation import Capabilities, ModelInfo, ModelReply, ModelRequest, OnDelta
from workbench.errors import UsageError
from workbench.models.choose import Choice, choose
from workbench.models.details import ModelDetails, details
from workbench.models.failures import failed
from workbench.models.litellm import LitellmModel, place_of
from workbench.models.ollama import OllamaModel
from workbench.models.providers import Providers
from workbench.models.survey import Provider, ask, configured


@dataclass(slots=True)
class Hub:
    """Every model a workbench can ask."""

    providers: Providers

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
        provider, name = self.providers.split(request.model)
        if provider != "litellm":
            return 0.0, 0.0
        options = {**self.providers.endpoints.get(place_of(name), {}), **request.options}
        named: tuple[float, float] | None = options.get("usd_per_million")
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

    async def details(self, model: str) -> ModelDetails:
        """One model in full. Raises ModelError."""
        return await details(self.providers, model)

    def pulls(self, name: str) -> tuple[OllamaModel, str]:
        """Whose host a pull goes to, and the model's whole name: ``qwen3:4b`` is ``ollama:…``.

        Raises:
            UsageError: models of this provider are not fetched.
        """
        prefix = next((one for one in self.providers.ollamas() if name.startswith(f"{one}:")), "")
        if name.startswith(("playbook:", "recorded:", "litellm:")):
            raise UsageError(
                f"{name} cannot be pulled", hint="Only models of Ollama are: models pull qwen3:4b"
            )
        if not prefix:
            is_at = name.startswith("ollama@")
            prefix, rest = self.providers.split(name) if is_at else ("ollama", name)
            name = f"{prefix}:{rest}"
        if name == f"{prefix}:":
            raise UsageError("a pull needs a model's name", hint="For example: qwen3:4b")
        model = self.providers.provider(prefix)
        assert isinstance(model, OllamaModel)
        return model, name

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
