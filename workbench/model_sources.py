"""From settings to the models that can be asked: hosts, keys, prices, what is switched off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.config import Config
from workbench.config.folders import shipped
from workbench.models.hub import Hub
from workbench.models.providers import Manner, Providers
from workbench.redaction import Redaction
from workbench.run.ports import Keeper


def model_sources(config: Config, folder: Path, store: Keeper, redaction: Redaction) -> Hub:
    """Every model that a workbench on a folder can ask.

    Args:
        config: the settings.
        folder: the workspace, where playbooks may lie.
        store: has the runs that recordings are made of.
        redaction: told each secret that is used.

    Raises:
        WorkbenchError: the settings name a model that no provider can mean.
    """
    providers = Providers(
        [folder, folder / "examples", shipped("examples")],
        lambda name: store.rows(store.run(name).run_id),
        # Left open, OLLAMA_HOST decides.
        dict(config.ollama.hosts) if "ollama.hosts" in config.sources else {},
        _endpoints(config),
        learn=redaction.learn,
        manner=Manner(
            config.ollama.keep_alive or None,
            config.ollama.context_tokens,
            config.litellm.timeout_s,
            frozenset(name for name in ("ollama", "litellm") if not config.has(name)),
        ),
    )
    hub = Hub(providers)
    named = [name for chain in config.models.fallback.values() for name in chain]
    for name in filter(None, (config.model, *named)):
        hub.check(name)
    return hub


def _endpoints(config: Config) -> dict[str, dict[str, Any]]:
    """What litellm's providers are reached with; secrets are resolved by whoever sends them."""
    found: dict[str, dict[str, Any]] = {}
    for name, url in config.litellm.base_urls.items():
        found.setdefault(name, {})["api_base"] = url
    for name, secret in config.litellm.keys.items():
        reference = secret.rest if secret.kind == "env" else secret
        found.setdefault(name, {})["api_key_env"] = reference
    for name, prices in config.litellm.usd_per_million.items():
        found.setdefault(name, {})["usd_per_million"] = prices
    return found
