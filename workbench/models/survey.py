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
from workbench.models.litellm import LitellmModel
from workbench.models.probe import base_url, reachable
from workbench.models.providers import Providers

PATIENCE_S = 2.0
"""How long a host may take to say that it is there."""


NO_KEYS = "no keys are set"
"""Where litellm's models would come from, when nothing opens any provider."""


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
    mend: str = ""
    """The command that helps where there are no models; empty where none is needed."""


async def configured(providers: Providers) -> list[Provider]:
    """Every provider there is, with the models of those that are on this disk."""
    playbooks = Provider("playbook", ", ".join(map(str, providers.playbooks)), is_remote=False)
    found = [
        Provider(prefix, _address(providers, prefix), is_remote=True)
        for prefix in providers.ollamas()
    ]
    if "litellm" not in providers.manner.off:
        reached = ", ".join(_reached(providers)) or NO_KEYS
        found.append(Provider("litellm", reached, is_remote=True))
    recorded = Provider("recorded", "any run: model recorded:RUN answers from it", is_remote=False)
    return [*found, await ask(providers, playbooks), recorded]


async def ask(providers: Providers, provider: Provider) -> Provider:
    """The provider with its models, or with the reason why there are none."""
    prefix = provider.prefix
    if prefix == "recorded":
        return provider
    is_ollama = provider.is_remote and prefix != "litellm"
    try:
        if is_ollama and not await reachable(providers.host(prefix), PATIENCE_S):
            return _without(provider, "does not answer", _START)
        model = providers.provider(prefix)
        models = tuple(await model.models())
    except WorkbenchError as error:
        return _without(provider, error.message, error.hint)
    if not models:
        return _without(provider, "has no models", _PULL if is_ollama else _KEY)
    silent = model.silent if isinstance(model, LitellmModel) else ()
    state = f"answers in part: {'; '.join(silent)}" if silent else "answers"
    return replace(provider, models=models, state=state, mend="")


_START = "ollama serve"
_PULL = "kaizen-tui models pull qwen3:4b"
_KEY = "export OPENAI_API_KEY=…"


def _without(provider: Provider, state: str, mend: str) -> Provider:
    pull = mend.replace(" pull ", f" pull {provider.prefix}:") if mend == _PULL else mend
    return replace(provider, models=(), state=state, mend=pull)


def _address(providers: Providers, prefix: str) -> str:
    try:
        return base_url(providers.host(prefix))
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
