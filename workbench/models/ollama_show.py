"""What Ollama says of one model (``/api/show``), as values. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from workbench.agent.conversation import Capabilities, ModelInfo

_ABILITIES = {"completion": "chat"}
"""Their words that are not ours."""
_OLD = ("completion",)
"""What a server that says nothing of abilities has."""
_FACTS = {
    "family": "family",
    "parameter_size": "parameters",
    "quantization_level": "quantization",
    "format": "format",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A model as its host describes it."""

    info: ModelInfo
    """Its context is the most it could hold."""
    facts: Mapping[str, str]
    """More for people: family, parameters, quantization, license."""

    def capabilities(self, most_context: int = 0) -> Capabilities:
        """What it can do, with the context it is asked to hold: ``most_context``, 0 for its own."""
        able, context = self.info.capabilities, self.info.context_tokens
        chats = "chat" in able
        return Capabilities(
            min(context, most_context) if context and most_context else context,
            tools="tools" in able,
            schema=chats,
            images="vision" in able,
            audio="audio" in able,
            documents=False,
            thinking="thinking" in able,
            embeddings="embedding" in able or None,
            chat=chats,
        )


def shown(name: str, said: Mapping[str, Any]) -> Shown:
    """Read an answer; what it leaves out or says oddly is unknown."""
    found = said.get("capabilities")
    words = [str(word) for word in cast("list[Any]", found)] if isinstance(found, list) else _OLD
    able = tuple(_ABILITIES.get(word, word) for word in words)
    info = ModelInfo(name, able, _context(said.get("model_info")), None, (0.0, 0.0))
    return Shown(info, dict(_facts(said)))


def sized(info: ModelInfo, size: Any) -> ModelInfo:
    """With its size on the host's disk, in bytes."""
    return replace(info, size_bytes=size) if isinstance(size, int) else info


def _context(facts: Any) -> int | None:
    if not isinstance(facts, Mapping):
        return None
    named = cast("Mapping[str, Any]", facts)
    lengths = (v for k, v in named.items() if k.endswith(".context_length"))
    found = next(lengths, None)
    return found if isinstance(found, int) and found > 0 else None


def _facts(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    details = said.get("details")
    if isinstance(details, Mapping):
        told = cast("Mapping[str, Any]", details)
        for key, name in _FACTS.items():
            if told.get(key):
                yield name, str(told[key])
    license_text = str(said.get("license") or "").strip()
    if license_text:
        yield "license", license_text.splitlines()[0][:120]
