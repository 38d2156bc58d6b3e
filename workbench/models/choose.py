"""The model when nobody chose one: a reachable Ollama, else the playbook; never one that costs.

The status bar shows the reason, so each choice carries its sentence.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import ModelError
from workbench.models.ollama import OllamaModel
from workbench.models.probe import base_url, reachable

if TYPE_CHECKING:
    from workbench.agent.conversation import ModelInfo
    from workbench.models.providers import Providers

FALLBACK = "playbook:default"


class Choice(NamedTuple):
    """A model, and why it is this one."""

    model: str
    why: str


async def choose(providers: Providers, configured: str = "", timeout_s: float = 0.3) -> Choice:
    """Choose the default model.

    Args:
        providers: where models come from.
        configured: what the configuration names; taken as it is.
        timeout_s: how long Ollama may take to say that it is there.
    """
    if configured:
        return Choice(configured, "the configuration names it")
    prefixes = providers.ollamas()
    answering = await asyncio.gather(*(reachable(providers.host(p), timeout_s) for p in prefixes))
    there = [prefix for prefix, answers in zip(prefixes, answering, strict=True) if answers]
    if not there:
        where = " or ".join(base_url(providers.host(prefix)) for prefix in prefixes)
        why = f"no Ollama answers at {where}" if where else "Ollama is switched off"
        return Choice(FALLBACK, f"{why}, so answers are made up (no LLM)")
    return await _of_ollama(providers, there)


async def _of_ollama(providers: Providers, there: list[str]) -> Choice:
    """The best model of the first host that has one."""
    why = ""
    for prefix in there:
        url = base_url(providers.host(prefix))
        try:
            model = providers.provider(prefix)
            assert isinstance(model, OllamaModel)
            found = await best(model)
        except ModelError as error:
            why = why or f"Ollama could not list its models: {error.message}"
            continue
        if found is not None:
            calls = "calls tools" if "tools" in found.capabilities else "chats"
            return Choice(found.name, f"Ollama at {url} has it, it {calls} and costs nothing")
        pull = "kaizen-tui models pull qwen3:4b"
        why = why or f"Ollama at {url} has no chat model; pull one: {pull}"
    return Choice(FALLBACK, why)


async def best(model: OllamaModel) -> ModelInfo | None:
    """The newest model that calls tools, else the newest that chats; no more is asked than that."""
    chatting: ModelInfo | None = None
    for name in await model.names():
        info = (await model.show(name)).info
        if "chat" in info.capabilities:
            if "tools" in info.capabilities:
                return info
            chatting = chatting or info
    return chatting
