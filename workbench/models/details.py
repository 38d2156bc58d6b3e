"""One model in full: what it can do, how much it holds and costs, and what its provider says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from workbench.agent.conversation import Capabilities, ModelInfo
from workbench.models.litellm import LitellmModel
from workbench.models.ollama import OllamaModel
from workbench.models.providers import Providers


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """One model."""

    info: ModelInfo
    """Its context is the most it could hold."""
    able: Capabilities
    """Its context is what it is asked to hold."""
    facts: Mapping[str, str]
    """What else is known, for people."""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        able = asdict(self.able)
        asked = able.pop("context_tokens")
        can = {"can": able, "asked_context_tokens": asked, "facts": dict(self.facts)}
        return {**info_json(self.info), **can}


def info_json(info: ModelInfo) -> dict[str, Any]:
    """A model of a list as a JSON object; a price of null is unknown, which is not free."""
    price = None if info.usd_per_million is None else list(info.usd_per_million)
    return {**asdict(info), "capabilities": list(info.capabilities), "usd_per_million": price}


async def details(providers: Providers, name: str) -> ModelDetails:
    """Ask a model's provider about it.

    Raises:
        UnknownName: no such provider or host.
        ModelError: it cannot be asked, or has no such model.
    """
    model = providers.open(name)
    able = await model.capabilities(name)
    if isinstance(model, OllamaModel):
        return await _of_ollama(model, name, able)
    if isinstance(model, LitellmModel):
        info = replace(await model.info(name), name=name.removeprefix("litellm:"))
        return ModelDetails(info, able, {"through": "litellm"})
    listed = {info.name: info for info in await model.models()}
    return ModelDetails(listed.get(name, ModelInfo(name, ("chat",), None, None, (0, 0))), able, {})


async def _of_ollama(model: OllamaModel, name: str, able: Capabilities) -> ModelDetails:
    shown = await model.show(name)
    bare = model.host.bare(name)
    full = bare if ":" in bare else f"{bare}:latest"
    facts = {"host": model.url, **shown.facts}
    loaded = (await model.running()).get(full)
    if loaded is not None:
        until = str(loaded.get("expires_at") or "")[:19]
        facts["in memory"] = f"until {until}" if until else "yes"
    listed = {info.name: info for info in await model.models()}
    info = listed.get(f"{model.host.prefix}:{full}", shown.info)
    return ModelDetails(info, able, facts)
