"""The model when nobody chose one: a reachable Ollama, else the playbook; never one that costs.

The status bar shows the reason, so each choice carries its sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from workbench.errors import ModelError
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
    host = providers.hosts.get("ollama") or providers.environ.get("OLLAMA_HOST", "")
    url = base_url(host)
    if not await reachable(host, timeout_s):
        return Choice(FALLBACK, f"no Ollama answers at {url}, so answers are made up (no LLM)")
    try:
        found = best(await providers.provider("ollama").models())
    except ModelError as error:
        return Choice(FALLBACK, f"Ollama could not list its models: {error.message}")
    if found is None:
        return Choice(
            FALLBACK, f"Ollama at {url} has no chat model; pull one: ollama pull qwen3:4b"
        )
    calls = "calls tools" if "tools" in found.capabilities else "chats"
    return Choice(found.name, f"Ollama at {url} has it, it {calls} and costs nothing")


def best(models: list[ModelInfo]) -> ModelInfo | None:
    """The newest model that calls tools, else the newest that chats (the list is by age)."""
    chatting = [model for model in models if "chat" in model.capabilities]
    calling = [model for model in chatting if "tools" in model.capabilities]
    return next(iter([*calling, *chatting]), None)
