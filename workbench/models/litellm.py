"""Answers from every other provider, through litellm in a worker process of its own.

Names are litellm's: ``openai/gpt-4o``, ``anthropic/…``, with or without ``litellm:`` before them.
Keys are references: ``options["api_key_env"]`` names an environment variable, read here at the time
of the request and never part of a row.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from workbench.agent.conversation import (
    Capabilities,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    Usage,
)
from workbench.errors import ConfigError, ModelError, UnknownName
from workbench.models.drafts import Draft
from workbench.models.failures import Reason, failed, reason_of, retry_after
from workbench.models.litellm_process import WorkerProcess
from workbench.models.options import LITELLM, renamed
from workbench.models.spelling import read_back, spelled
from workbench.models.vectors import vectors_of
from workbench.models.wire import openai_messages, tool_specs

START_S = 90.0
"""For the worker to import litellm: 3 to 8 s, more when nothing was compiled yet."""

LIST_S = 30.0
DEATHS, DEATHS_S = 3, 300.0
"""So many deaths of workers within so long, and no other one is started."""

_REASONS: dict[str, Reason] = {
    "Timeout": "timeout",
    "APITimeoutError": "timeout",
    "TimeoutError": "timeout",
    "APIConnectionError": "unreachable",
    "RateLimitError": "rate_limited",
    "AuthenticationError": "refused",
    "PermissionDeniedError": "refused",
    "NotFoundError": "unknown_model",
    "ContextWindowExceededError": "too_long",
    "ContentPolicyViolationError": "refused",
    "UnsupportedParamsError": "unsupported",
    "BadRequestError": "refused",
    "UnprocessableEntityError": "refused",
    "InternalServerError": "server",
    "ServiceUnavailableError": "server",
    "BadGatewayError": "server",
    "APIError": "server",
    "MidStreamFallbackError": "truncated",
    "BrokenOff": "truncated",
    "TooBig": "too_big",
    "WorkerDied": "worker",
}
_NOBODY = frozenset({"ConnectError", "ConnectTimeout", "ClientConnectorError", "gaierror"})
_NO_KEY = re.compile(
    r"missing credentials|(api.?key|credentials).{0,80}(must be set|not set|not provided|missing)",
    re.IGNORECASE | re.DOTALL,
)
_HINTS: dict[Reason, str] = {
    "refused": "Look at the key and what it may do: its variable, or litellm.keys in the settings",
    "rate_limited": "Wait, or name another model in models.fallback",
    "server": "The provider has to mend it; another model may answer",
    "unreachable": "Look at the network, and at litellm.base_urls in the settings",
    "unknown_model": "Names are provider/model, as in openai/gpt-4o",
    "too_long": "Shorten the conversation or take a model with a larger context",
}


Learn: TypeAlias = Callable[[str, str], None]
"""Told a secret and its name when a reference was resolved, so that nobody records it."""


class LitellmModel:
    """All providers litellm knows; ``endpoints`` holds options by provider, a request's win."""

    def __init__(
        self,
        *,
        endpoints: Mapping[str, Mapping[str, Any]] | None = None,
        environ: Mapping[str, str] = os.environ,
        learn: Learn = lambda _secret, _name: None,
        most_s: float = 120.0,
    ) -> None:
        self._endpoints = endpoints or {}
        self._learn = learn
        self._environ = environ
        self._most_s = most_s
        self._worker: WorkerProcess | None = None
        self.silent: tuple[str, ...] = ()
        """Places that did not say what they have when models were listed, and why."""
        self._deaths: deque[float] = deque()
        """When workers died, as far as it still counts."""
        self._known: dict[str, dict[str, Any]] = {}
        self._starting = asyncio.Lock()

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer one request; litellm retries nothing."""
        request, meant = spelled(request)
        name = request.model.removeprefix("litellm:")
        own, called = self._reached(name)
        options = {**own, **request.options}
        price = options.pop("usd_per_million", None)
        timeout_s = min(request.timeout_s, self._most_s)
        job = {
            "do": "complete",
            "model": called,
            "provider": called.partition("/")[0],
            "messages": openai_messages(request),
            "tools": tool_specs(request.tools),
            "schema": request.schema,
            "options": renamed(options, LITELLM),
            "timeout": timeout_s,
            "api_key": self._key(options),
        }
        draft = Draft(name, on_delta)
        done = await self._ask(job, timeout_s, name, draft)
        return read_back(_finished(done, draft, price), meant)

    async def embed(
        self, name: str, texts: Sequence[str], timeout_s: float = 60.0
    ) -> list[list[float]]:
        """One vector for each text."""
        if not texts:
            return []
        name = name.removeprefix("litellm:")
        options, called = self._reached(name)
        job = {
            "do": "embed",
            "model": called,
            "input": list(texts),
            "timeout": timeout_s,
            "api_base": options.get("api_base"),
            "api_key": self._key(options),
        }
        found = await self._ask(job, timeout_s, name)
        return vectors_of(found["vectors"], len(texts), name)

    async def capabilities(self, name: str) -> Capabilities:
        """What litellm's own table knows of a model; None where it knows nothing."""
        return Capabilities(**(await self._about(name))["able"])

    async def info(self, name: str) -> ModelInfo:
        """The same as a list has it, with its price."""
        about = await self._about(name)
        return self._listed({**about["listed"], "name": name.removeprefix("litellm:")})

    async def _about(self, name: str) -> dict[str, Any]:
        name = name.removeprefix("litellm:")
        if name not in self._known:
            provider, _, model = self._reached(name)[1].partition("/")
            job = {"do": "about", "provider": provider, "model": model, "timeout": LIST_S}
            self._known[name] = await self._ask(job, LIST_S, name)
        return self._known[name]

    async def models(self) -> list[ModelInfo]:
        """Models of the providers whose keys or addresses are set; else no worker is started."""
        keys = (name for name, value in self._environ.items() if value and name != "OLLAMA_API_KEY")
        if not self._endpoints and not any(name.endswith("_API_KEY") for name in keys):
            return []
        places, silent = list[dict[str, Any]](), list[str]()
        for place, told in self._endpoints.items():
            try:
                places.append(self._asked_place(place, told))
            except ConfigError as error:
                silent.append(f"{place}: {error.message}")
        job = {"do": "models", "places": places, "timeout": LIST_S}
        found = await self._ask(job, LIST_S, "litellm")
        self.silent = (*silent, *found["failed"])
        if self.silent and not found["models"]:
            raise failed("; ".join(self.silent), "unreachable", hint=_HINTS["unreachable"])
        return [self._listed(item) for item in found["models"]]

    def _asked_place(self, place: str, told: Mapping[str, Any]) -> dict[str, Any]:
        key, base = self._key(told), told.get("api_base")
        provider = place.partition("@")[0]
        return {"place": place, "provider": provider, "api_base": base, "api_key": key}

    def _listed(self, item: Mapping[str, Any]) -> ModelInfo:
        name, price = item["name"], item["price"]
        own = self._endpoints.get(place_of(name), {}).get("usd_per_million")
        named = tuple(own or price) if own or price else None
        return ModelInfo(name, (*item["kind"], *item["able"]), item["context"], None, named)

    def check(self, name: str) -> None:
        """Refuse the name of a place that no setting knows. Raises UnknownName."""
        self._reached(name.removeprefix("litellm:"))

    def _reached(self, name: str) -> tuple[Mapping[str, Any], str]:
        """What a model is reached with, and its name as litellm has it: without the place."""
        place = place_of(name)
        if "@" in place and place not in self._endpoints:
            known = [one for one in self._endpoints if "@" in one]
            error = UnknownName("place of a provider", place, known)
            if error.data["nearest"] is None:
                error.hint = f"Write litellm.base_urls or litellm.keys for {place!r} in settings"
            raise error
        return self._endpoints.get(place, {}), place.partition("@")[0] + name[len(place) :]

    async def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def _ask(
        self, job: dict[str, Any], timeout_s: float, name: str, draft: Draft | None = None
    ) -> dict[str, Any]:
        """Ask the worker, its failures made ours."""
        draft = draft or Draft(name, lambda _: None)
        worker = await self._running()
        answer = await worker.ask(job, timeout_s, draft.say)
        if "done" in answer:
            return answer["done"]
        raise failure(answer["error"], name, str(job.get("api_key") or ""), draft.size > 0)

    async def _running(self) -> WorkerProcess:
        """The worker, started anew when it has died; not for ever.

        Raises:
            ModelError: it did not come up, or has died too often of late.
        """
        async with self._starting:
            if self._worker is not None and self._worker.dead:
                self._deaths.append(time.monotonic())
                await self.close()
            if self._worker is None:
                self._check_deaths()
                try:
                    self._worker = await WorkerProcess.start(self._environ, START_S)
                except ModelError:
                    self._deaths.append(time.monotonic())
                    raise
            return self._worker

    def _check_deaths(self) -> None:
        now = time.monotonic()
        while self._deaths and now - self._deaths[0] > DEATHS_S:
            self._deaths.popleft()
        if len(self._deaths) >= DEATHS:
            again_s = DEATHS_S - (now - self._deaths[0])
            raise failed(
                f"litellm's worker has died {len(self._deaths)} times within {DEATHS_S:g} s",
                "worker",
                hint=f"It is started again in {again_s:.0f} s; see: kaizen-tui doctor",
                retry=False,
            )

    def _key(self, options: Mapping[str, Any]) -> str | None:
        """The key a request is sent with, or None for the provider's own variable."""
        name: Any = options.get("api_key_env")
        if name is None:
            # The provider's own key must not go to an address that somebody configured.
            return "none" if options.get("api_base") else None
        if hasattr(name, "resolve"):
            key = str(name.resolve(self._environ))
        else:
            key = self._environ.get(str(name), "")
        if not key:
            raise ConfigError(
                f"the environment variable {name} is not set",
                hint=f"export {name}=…",
                key="api_key_env",
            )
        self._learn(key, str(name))
        return key


def place_of(name: str) -> str:
    """The provider in a name, with the place behind its @: ``openai@work`` of ``…/gpt-4o``."""
    return name.removeprefix("litellm:").partition("/")[0]


def failure(facts: Mapping[str, Any], name: str, key: str, begun: bool) -> ModelError:
    """The error of what litellm raised; ``begun`` when a part of the answer had come."""
    kind = str(facts["class"])
    reason = _REASONS.get(kind, "malformed")
    said = str(facts["message"]).removeprefix(f"litellm.{kind}: ").removeprefix(f"{kind}: ")
    if len(key) > 4:
        said = said.replace(key, "***")
    if _NOBODY & set(facts.get("causes") or ()):
        reason = "unreachable"
    if reason == "unreachable" and begun:
        reason = "truncated"
    if "LLM Provider NOT provided" in said:
        reason, said = "unknown_model", "litellm knows no such provider"
    status = facts.get("status")
    if _NO_KEY.search(said) or (status and 300 <= status < 400):
        reason = "refused"  # litellm calls it the server's fault
    elif reason == "refused":
        reason = reason_of(400, said)  # what it says is known better here
    after = facts.get("retry_after")
    return failed(
        f"{name}: {' '.join(said.split())[:400]}",
        reason,
        hint=_HINTS.get(reason, ""),
        retry_after_s=retry_after({"retry-after": str(after)}) if after else None,
        provider_class=kind,
        status=status,
    )


def _finished(done: Mapping[str, Any], draft: Draft, price: Sequence[float] | None) -> ModelReply:
    draft.think(done["thinking"])
    for name, arguments in done["calls"]:
        draft.call(name, arguments)
    asked, said = done["usage"]
    cost = done["cost_usd"]
    if price is not None:
        cost = (asked * price[0] + said * price[1]) / 1e6
    usage = Usage(asked, said, cost)
    return draft.whole(model=done["model"], usage=usage, cut=done["finish"] == "length")
