"""The options of a request: which exist, and what each provider calls them.

An agent keeps its options when a fork gives it another model, so an option that only the other
provider knows is left out; one that nobody knows is a misspelling and refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import UnknownName

_SAMPLING = ("temperature", "seed", "top_p", "stop", "presence_penalty", "frequency_penalty")
_OLLAMA = ("top_k", "min_p", "num_ctx", "num_keep", "num_batch", "num_gpu", "num_thread")
_PENALTIES = ("repeat_last_n", "repeat_penalty")
_ENDPOINT = ("api_base", "api_version", "service_tier", "user")
_TOOLS = ("tool_choice", "parallel_tool_calls")

OLLAMA: Mapping[str, str] = {
    **{name: name for name in (*_SAMPLING, *_OLLAMA, *_PENALTIES)},
    "max_tokens": "num_predict",
}
"""Ours to the names inside Ollama's ``options``."""

LITELLM: Mapping[str, str] = {
    **{name: name for name in (*_SAMPLING, *_ENDPOINT, *_TOOLS)},
    "max_tokens": "max_tokens",
    "think": "reasoning_effort",
}
"""Ours to the names of litellm's keyword arguments."""

KNOWN: frozenset[str] = (
    frozenset(OLLAMA) | frozenset(LITELLM) | {"keep_alive", "api_key_env", "usd_per_million"}
)


def renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The options a provider knows, under its names.

    Raises:
        UnknownName: an option that no provider knows.
    """
    for name in options:
        if name not in KNOWN:
            raise UnknownName("model option", name, KNOWN)
    return {names[name]: value for name, value in options.items() if name in names}
