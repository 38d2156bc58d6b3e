"""Answers from Ollama, by its own API: chat, list, show, pull, embed, unload.

How a host is reached, and how it fails, is `workbench.models.ollama_host`'s; what a chat looks
like on the wire, `ollama_chat`'s. Nothing is retried here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from workbench.agent.conversation import Capabilities, ModelInfo, ModelReply, ModelRequest, OnDelta
from workbench.errors import ModelError
from workbench.models.drafts import Draft
from workbench.models.failures import failed
from workbench.models.ollama_chat import chat_body, finished, take
from workbench.models.ollama_host import LOOK_S, OllamaHost
from workbench.models.ollama_pull import OnProgress, Pulling, patient
from workbench.models.ollama_show import Shown, shown, sized
from workbench.models.vectors import vectors_of

CONTEXT_TOKENS = 8192
"""What a model is asked to hold, where it can: left alone, a server takes 2,048 to 4,096 and
drops the beginning of what is longer without a word. A token of an 8B model takes 128 KiB."""


_SAYS_NOTHING = frozenset({"refused", "malformed", "server", "unsupported", "empty"})
"""Failures of a description that need not be failures of a chat."""


class OllamaModel:
    """All models of one Ollama host; ``prefix`` is what names it in ``prefix:model``."""

    def __init__(
        self,
        host: str = "",
        *,
        prefix: str = "ollama",
        keep_alive: str | float | None = None,
        context_tokens: int = CONTEXT_TOKENS,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Keep where it is; nothing is connected yet.

        Args:
            host: any form that ``OLLAMA_HOST`` may have; empty for that variable's.
            prefix: what its models' names begin with.
            keep_alive: how long a model stays in memory, as Ollama writes it; None leaves it open.
            context_tokens: the most a model is asked to hold; 0 leaves that to the server.
            environ: the variables.
        """
        self.host = OllamaHost(host, prefix, environ)
        self._keep_alive = keep_alive
        self._context = context_tokens
        self._known: dict[str, Shown] = {}
        """By the name it was asked under."""
        self._marks: dict[str, str] = {}
        """The digests of what was described by a list."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.host.url

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer one request; a stream without its last line is an error."""
        name = self.host.bare(request.model)
        draft = Draft(f"{self.host.prefix}:{name}", on_delta)
        began = time.monotonic()
        body = chat_body(request, name, self._keep_alive)
        if (context := await self._context_of(name, request.timeout_s)) is not None:
            body.setdefault("options", {}).setdefault("num_ctx", context)
        left_s = request.timeout_s - (time.monotonic() - began)
        asked = self.host.stream("/api/chat", body, left_s, draft, name)
        async with asked as lines:
            async for line in lines:
                if done := take(line, draft):
                    return finished(done, draft, name)
        raise failed(f"{draft.who} broke off after {draft.size} characters", "truncated")

    async def models(self) -> list[ModelInfo]:
        """The models that are pulled, the newest first."""
        return await asyncio.gather(*(self._listed(model) for model in await self._tags()))

    async def names(self) -> list[str]:
        """Their names alone, which takes one question."""
        return [_name_of(model) for model in await self._tags()]

    async def _tags(self) -> list[dict[str, Any]]:
        found: Any = (await self.host.ask("/api/tags")).get("models")
        if not isinstance(found, list):
            raise self.host.malformed("no list of models")
        return cast("list[dict[str, Any]]", found)

    async def capabilities(self, name: str) -> Capabilities:
        """What a model can do, and the context it will be asked to hold."""
        return (await self.show(name)).capabilities(self._context)

    async def show(self, name: str) -> Shown:
        """All that the host says of a model; asked once.

        Raises:
            ModelError: it has no such model; names the nearest.
        """
        bare = self.host.bare(name)
        if bare not in self._known:
            self._known[bare] = await self._ask_about(bare, LOOK_S)
        return self._known[bare]

    async def pull(self, name: str, on_progress: OnProgress) -> None:
        """Fetch a model. Being cancelled hangs up: the server stops, and keeps what it has.

        Raises:
            ModelError: there is no such model, or the pull broke off.
        """
        bare = self.host.bare(name)
        news, draft = Pulling(bare, self.host.who), Draft(self.host.who, lambda _: None)
        body = {"model": bare, "stream": True}
        async with self.host.stream("/api/pull", body, None, draft) as lines:
            async for line in patient(lines, self.host.who):
                on_progress(news.take(line))
        news.check_whole()
        self._known.pop(bare, None)
        await self.show(
            name
        )  # "success" is what a host says; that it has the model, it has to show

    async def embed(
        self, name: str, texts: Sequence[str], timeout_s: float = 60.0
    ) -> list[list[float]]:
        """One vector for each text."""
        if not texts:
            return []
        bare = self.host.bare(name)
        body: dict[str, Any] = {"model": bare, "input": list(texts)}
        if self._keep_alive is not None:
            body["keep_alive"] = self._keep_alive
        found = await self.host.ask("/api/embed", body, timeout_s=timeout_s, name=bare)
        return vectors_of(found.get("embeddings"), len(texts), self.host.who)

    async def running(self) -> dict[str, dict[str, Any]]:
        """The models that are in memory now, by name: ``size size_vram expires_at …``."""
        found = (await self.host.ask("/api/ps")).get("models") or ()
        return {_name_of(model): model for model in found}

    async def unload(self, name: str) -> None:
        """Free a model's memory."""
        bare = self.host.bare(name)
        body = {"model": bare, "prompt": "", "keep_alive": 0, "stream": False}
        await self.host.ask("/api/generate", body, name=bare)

    async def close(self) -> None:
        """Let go of the connections."""
        await self.host.close()

    async def _ask_about(self, bare: str, timeout_s: float) -> Shown:
        found = await self.host.ask("/api/show", {"model": bare}, timeout_s=timeout_s, name=bare)
        return shown(f"{self.host.prefix}:{bare}", found)

    async def _listed(self, model: Mapping[str, Any]) -> ModelInfo:
        """One model of the list; described anew when another one stands under its name."""
        name = _name_of(model)
        mark = str(model.get("digest") or "")
        if name not in self._known or self._marks.get(name) != mark:
            self._known[name] = await self._ask_about(name, LOOK_S)
            self._marks[name] = mark
        return sized(self._known[name].info, model.get("size"))

    async def _context_of(self, bare: str, timeout_s: float) -> int | None:
        """What a model is asked to hold; None leaves it to a server that does not say."""
        if not self._context:
            return None
        try:
            if bare not in self._known:
                self._known[bare] = await self._ask_about(bare, min(LOOK_S, timeout_s))
        except ModelError as error:
            if error.data["reason"] in _SAYS_NOTHING:
                return None
            raise
        return self._known[bare].capabilities(self._context).context_tokens


def _name_of(model: Mapping[str, Any]) -> str:
    return str(model.get("model") or model.get("name") or "")
