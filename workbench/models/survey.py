"""Which providers are configured, and what each has to say when it is asked.

What is configured is known without a word over the network; only `ask` goes there, and only for
the provider it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from workbench.agent.conversation import ModelInfo
from workbench.errors import WorkbenchError
from workbench.models.probe import base_url, reachable
from workbench.models.providers import Providers

PATIENCE_S = 2.0
"""How long a host may take to say that it is there."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One place that models come from."""

    prefix: str
    """What its models' names begin with."""
    where: str
    """Addresses, folders, names of keys; never a key."""
    is_remote: bool
    """Whether knowing its models takes a word over the network."""
    models: tuple[ModelInfo, ...] = ()
    state: str = ""
    """``answers``, or why there are no models; empty until it was asked."""


async def configured(providers: Providers) -> list[Provider]:
    """Every provider there is, with the models of those that are on this disk."""
    hosts = dict.fromkeys(("ollama", *providers.hosts))
    playbooks = Provider("playbook", ", ".join(map(str, providers.playbooks)), is_remote=False)
    return [
        *(Provider(prefix, _address(providers, prefix), is_remote=True) for prefix in hosts),
        Provider("litellm", ", ".join(_reached(providers)) or "no keys are set", is_remote=True),
        await ask(providers, playbooks),
        Provider("recorded", "any run: model recorded:RUN answers from it", is_remote=False),
    ]


async def ask(providers: Providers, provider: Provider) -> Provider:
    """The provider with its models, or with the reason why there are none."""
    prefix = provider.prefix
    if prefix == "recorded":
        return provider
    try:
        if provider.is_remote and prefix != "litellm" and not await _is_there(providers, prefix):
            return replace(provider, models=(), state="does not answer")
        models = tuple(await providers.provider(prefix).models())
    except WorkbenchError as error:
        return replace(provider, models=(), state=error.message)
    return replace(provider, models=models, state="answers" if models else "has no models")


def _host(providers: Providers, prefix: str) -> str:
    return providers.hosts.get(prefix) or providers.environ.get("OLLAMA_HOST", "")


async def _is_there(providers: Providers, prefix: str) -> bool:
    return await reachable(_host(providers, prefix), PATIENCE_S)


def _address(providers: Providers, prefix: str) -> str:
    try:
        return base_url(_host(providers, prefix))
    except WorkbenchError as error:
        return error.message


def _reached(providers: Providers) -> Iterator[str]:
    """What litellm is reached with: addresses without what could be secret, names of keys."""
    for name, told in sorted(providers.endpoints.items()):
        base = _without_user(told.get("api_base"))
        yield f"{name} at {base}" if base else f"{name} with a key of the settings"
    for name, value in sorted(providers.environ.items()):
        if value and name.endswith("_API_KEY") and name != "OLLAMA_API_KEY":
            yield name


def _without_user(url: Any) -> str:
    """The address, without user, password, query."""
    try:
        parts = urlsplit(str(url or ""))
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that does not parse"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.hostname else ""
