"""Providers: from a name such as ``ollama:qwen3:4b`` to the model that answers it.

One instance per provider and host, opened at first use and closed together. A further host or
account is written behind an @: ``ollama@gpu:qwen3:4b``, ``openai@work/gpt-4o``.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from workbench.agent.conversation import Model, ModelInfo
from workbench.errors import ConfigError, ModelError, UnknownName, UsageError
from workbench.journal.events import Event
from workbench.models.litellm import Learn, LitellmModel
from workbench.models.ollama import CONTEXT_TOKENS, OllamaModel
from workbench.models.playbook import PlaybookModel
from workbench.models.probe import base_url, reachable
from workbench.models.recorded import RecordedModel

Rows = Callable[[str], Iterable[Event]]
"""The rows of a run, parents included: the store's."""

PREFIXES = ("ollama", "litellm", "playbook", "recorded")
_ADDRESS: Final = re.compile(r"ollama@(\[[0-9a-fA-F:]+\]|[^:/@\s]+)(?::(\d{1,5}))?:(.+)")
_NEAR: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


@dataclass(frozen=True, slots=True)
class Manner:
    """How providers are asked, as the settings say."""

    keep_alive: str | None = None
    context_tokens: int = CONTEXT_TOKENS
    litellm_s: float = 120.0
    off: frozenset[str] = frozenset()
    """Providers that are switched off: ``ollama``, ``litellm``."""


@dataclass(slots=True)
class Providers:
    """Where models come from, and those that are open."""

    playbooks: Sequence[Path] = ()
    """Folders of ``NAME.playbook.yaml``, searched in order."""
    rows: Rows | None = None
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Ollama hosts by the prefix that names them: ``{"ollama@gpu": "http://box:11434"}``."""
    endpoints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Options by litellm provider: ``{"openai": {"api_base": …, "api_key_env": …}}``."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    learn: Learn = lambda _secret, _name: None
    manner: Manner = Manner()
    _open: dict[str, Model] = field(default_factory=dict[str, Model])

    def open(self, name: str) -> Model:
        """The model for ``provider:name`` or ``provider/name``; nothing is connected yet.

        Raises:
            UnknownName: no such provider, host, playbook or run.
            ConfigError: its provider is switched off.
        """
        provider, rest = self.split(name)
        if provider == "recorded":
            return self._kept(name, lambda: self._recording(rest))
        model = self.provider(provider)
        if isinstance(model, PlaybookModel):
            model.find(name)  # one that is not there is said now, not at the first turn
        elif isinstance(model, LitellmModel):
            model.check(name)
        return model

    def provider(self, prefix: str) -> Model:
        """The one instance for a prefix; a further Ollama host's name is one too."""
        kind = prefix if prefix in PREFIXES else "ollama"
        if kind in self.manner.off:
            raise ConfigError(
                f"{kind} is switched off in the settings", hint=f"Set features.{kind} = true"
            )
        if prefix == "playbook":
            return self._kept(prefix, lambda: PlaybookModel(self.playbooks))
        if prefix == "litellm":
            return self._kept(prefix, self._litellm)
        return self._kept(prefix, lambda: self._ollama(prefix))

    def ollamas(self) -> list[str]:
        """The prefixes of Ollama hosts, the usual one first."""
        return [] if "ollama" in self.manner.off else list(dict.fromkeys(("ollama", *self.hosts)))

    def host(self, prefix: str) -> str:
        """Where the Ollama of a prefix answers, as it was written."""
        found = self.hosts.get(prefix)
        if found is None and "@" in prefix:
            return prefix.partition("@")[2]
        return found or self.environ.get("OLLAMA_HOST", "")

    def split(self, name: str) -> tuple[str, str]:
        """The provider a name belongs to, and the rest of it."""
        colon, slash = name.find(":"), name.find("/")
        if slash > 0 and (colon < 0 or slash < colon):
            return "litellm", name
        prefix, _, rest = name.partition(":")
        known = {*PREFIXES, *self.hosts}
        if prefix not in known and (found := self._at_address(name)):
            return found
        if prefix not in known:
            error = UnknownName("model provider", prefix, known)
            if error.data["nearest"] is None:
                error.hint = f"Write the provider first, as in ollama:{name}"
            raise error
        if not rest and (prefix != "playbook" or colon < 0):
            raise UsageError(f"{name!r} names no model", hint=f"Write {prefix}:NAME")
        return prefix, rest

    async def models(self) -> list[ModelInfo]:
        """Everything that can be asked for here; providers that do not answer are left out."""
        prefixes = [*self.ollamas(), *({"litellm"} - self.manner.off), "playbook"]
        found = await asyncio.gather(*(self._listed(prefix) for prefix in prefixes))
        return [info for infos in found for info in infos]

    async def close(self) -> None:
        """Close everything that was opened."""
        models = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(model.close() for model in models))

    async def _listed(self, prefix: str) -> list[ModelInfo]:
        if prefix not in ("litellm", "playbook") and not await reachable(self.host(prefix)):
            return []
        try:
            return await self.provider(prefix).models()
        except ModelError:
            return []

    def _at_address(self, name: str) -> tuple[str, str] | None:
        """An Ollama by its address: one of the settings', or one of this machine.

        A model's name may stand in a file of somebody else's, so it cannot send a conversation to
        a host that the user never wrote down.
        """
        found = _ADDRESS.fullmatch(name)
        if found is None:
            return None
        host, port, model = found.groups()
        for prefix in self.hosts:
            parts = urlsplit(base_url(self.hosts[prefix]))
            if (
                parts.hostname == host.strip("[]").lower()
                and int(port or parts.port or 0) == parts.port
            ):
                return prefix, model
        if host.lower() in _NEAR:
            return f"ollama@{host}" + (f":{port}" if port else ""), model
        written = sorted(prefix for prefix in self.hosts if "@" in prefix)
        error = UnknownName("Ollama host", f"ollama@{host}", written)
        if error.data["nearest"] is None:
            error.hint = f'Write it into your settings: ollama.hosts = {{"{host}" = "http://…"}}'
        raise error

    def _ollama(self, prefix: str) -> Model:
        manner = self.manner
        return OllamaModel(
            self.host(prefix),
            prefix=prefix,
            keep_alive=manner.keep_alive,
            context_tokens=manner.context_tokens,
            environ=self.environ,
        )

    def _litellm(self) -> Model:
        return LitellmModel(
            endpoints=self.endpoints,
            environ=self.environ,
            learn=self.learn,
            most_s=self.manner.litellm_s,
        )

    def _recording(self, run_id: str) -> Model:
        if self.rows is None:
            raise UsageError("recorded: needs a store of runs, and none is open")
        return RecordedModel.of(run_id, self.rows(run_id))

    def _kept(self, key: str, make: Callable[[], Model]) -> Model:
        if key not in self._open:
            self._open[key] = make()
        return self._open[key]
