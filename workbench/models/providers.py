"""Providers: from a name such as ``ollama:qwen3:4b`` to the model that answers it.

One instance per provider and host, opened at first use and closed together.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.agent.conversation import Model, ModelInfo
from workbench.errors import ModelError, UnknownName, UsageError
from workbench.journal.events import Event
from workbench.models.litellm import Learn, LitellmModel
from workbench.models.ollama import OllamaModel
from workbench.models.playbook import PlaybookModel
from workbench.models.probe import reachable
from workbench.models.recorded import RecordedModel

Rows = Callable[[str], Iterable[Event]]
"""The rows of a run, parents included: the store's."""

PREFIXES = ("ollama", "litellm", "playbook", "recorded")


@dataclass(slots=True)
class Providers:
    """Where models come from, and those that are open."""

    playbooks: Sequence[Path] = ()
    """Folders of ``NAME.playbook.yaml``, searched in order."""
    rows: Rows | None = None
    hosts: Mapping[str, str] = field(default_factory=dict[str, str])
    """More Ollama hosts by the prefix that names them: ``{"gpu": "http://box:11434"}``."""
    endpoints: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Options by litellm provider: ``{"openai": {"api_base": …, "api_key_env": …}}``."""
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    learn: Learn = lambda _secret, _name: None
    _open: dict[str, Model] = field(default_factory=dict[str, Model])

    def open(self, name: str) -> Model:
        """The model for ``provider:name`` or ``provider/name``; nothing is connected yet.

        Raises:
            UnknownName: no such provider, playbook or run.
        """
        provider, rest = self.split(name)
        if provider == "recorded":
            return self._kept(name, lambda: self._recording(rest))
        model = self.provider(provider)
        if isinstance(model, PlaybookModel):
            model.find(name)  # one that is not there is said now, not at the first turn
        return model

    def provider(self, prefix: str) -> Model:
        """The one instance for a prefix; a further Ollama host's name is one too."""
        if prefix == "playbook":
            return self._kept(prefix, lambda: PlaybookModel(self.playbooks))
        if prefix == "litellm":
            return self._kept(prefix, self._litellm)
        host = self.hosts.get(prefix, "")
        return self._kept(prefix, lambda: OllamaModel(host, prefix=prefix, environ=self.environ))

    def split(self, name: str) -> tuple[str, str]:
        """The provider a name belongs to, and the rest of it."""
        colon, slash = name.find(":"), name.find("/")
        if slash > 0 and (colon < 0 or slash < colon):
            return "litellm", name
        prefix, _, rest = name.partition(":")
        known = {*PREFIXES, *self.hosts}
        if prefix not in known or colon < 0:
            error = UnknownName("model provider", prefix, known)
            if error.data["nearest"] is None:
                error.hint = f"Write the provider first, as in ollama:{name}"
            raise error
        if not rest and prefix != "playbook":
            raise UsageError(f"{name!r} names no model", hint=f"Write {prefix}:NAME")
        return prefix, rest

    async def models(self) -> list[ModelInfo]:
        """Everything that can be asked for here; providers that do not answer are left out."""
        prefixes = dict.fromkeys(("ollama", *self.hosts, "litellm", "playbook"))
        found = await asyncio.gather(*(self._listed(prefix) for prefix in prefixes))
        return [info for infos in found for info in infos]

    async def close(self) -> None:
        """Close everything that was opened."""
        models = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(model.close() for model in models))

    async def _listed(self, prefix: str) -> list[ModelInfo]:
        if prefix not in ("litellm", "playbook"):
            host = self.hosts.get(prefix) or self.environ.get("OLLAMA_HOST", "")
            if not await reachable(host):
                return []
        try:
            return await self.provider(prefix).models()
        except ModelError:
            return []

    def _litellm(self) -> Model:
        return LitellmModel(endpoints=self.endpoints, environ=self.environ, learn=self.learn)

    def _recording(self, run_id: str) -> Model:
        if self.rows is None:
            raise UsageError("recorded: needs a store of runs, and none is open")
        return RecordedModel.of(run_id, self.rows(run_id))

    def _kept(self, key: str, make: Callable[[], Model]) -> Model:
        if key not in self._open:
            self._open[key] = make()
        return self._open[key]
