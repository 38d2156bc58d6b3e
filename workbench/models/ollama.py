"""Answers from Ollama, by its own API.

The `ollama` package lists, shows, pulls and embeds. Chat is posted by us, because the package's
typed tools drop nested schemas and call ids. Nothing is retried here, and every wait has an end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import orjson

from workbench.agent.conversation import ModelInfo, ModelReply, ModelRequest, OnDelta
from workbench.errors import ModelError
from workbench.models.drafts import Draft
from workbench.models.failures import failed, refused, unknown_model
from workbench.models.ollama_chat import chat_body, finished, lines, take
from workbench.models.probe import base_url
from workbench.models.wire import encode

if TYPE_CHECKING:
    import httpx
    import ollama

CONNECT_S = 5.0
LOOK_S = 10.0
"""For questions that need no inference: list, show, running."""
PULL_PAUSE_S = 600.0
"""The longest silence of a pull: a server checks the digest of 40 GB without a word."""
_ABILITIES = {"completion": "chat", "tools": "tools", "vision": "vision", "thinking": "thinking"}


@dataclass(frozen=True, slots=True)
class PullProgress:
    """One piece of news of a pull; ``total_bytes`` is 0 while unknown."""

    status: str
    completed_bytes: int = 0
    total_bytes: int = 0


class OllamaModel:
    """All models of one Ollama host; ``prefix`` is what names it in ``prefix:model``."""

    def __init__(
        self,
        host: str = "",
        *,
        prefix: str = "ollama",
        keep_alive: str | float | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.url = base_url(host or environ.get("OLLAMA_HOST", ""))
        self.prefix = prefix
        self._keep_alive = keep_alive
        self._key = environ.get("OLLAMA_API_KEY", "")
        self._http: httpx.AsyncClient | None = None
        self._shown: dict[str, ModelInfo] = {}

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer one request; a stream without its last line is an error."""
        name = self._bare(request.model)
        draft = Draft(f"{self.prefix}:{name}", on_delta)
        body = chat_body(request, name, self._keep_alive)
        client = await self._connected()
        posting = client.stream("POST", "/api/chat", content=encode(body))
        async with self._bounded(request.timeout_s, draft.who, draft), posting as response:
            if response.status_code != 200:
                await self._refuse(response, name)
            async for line in lines(response.aiter_bytes(), draft.who):
                if done := take(line, draft):
                    return finished(done, draft, name)
        raise failed(f"{draft.who} broke off after {draft.size} characters", "truncated")

    async def models(self) -> list[ModelInfo]:
        """The models that are pulled, the newest first."""
        async with self._asked(LOOK_S) as client:
            listed = (await client.list()).models
            wanted = [(m.model or "", m.digest or m.model or "", m.size) for m in listed]
            missing = [(n, d, s) for n, d, s in wanted if d not in self._shown]
            found = await asyncio.gather(*(self._look(client, n, s) for n, _, s in missing))
        self._shown |= {d: info for (_, d, _), info in zip(missing, found, strict=True)}
        return [self._shown[digest] for _, digest, _ in wanted]

    async def pull(self, name: str, on_progress: Callable[[PullProgress], None]) -> None:
        """Fetch a model.

        Raises:
            ModelError: there is no such model, or the pull broke off.
        """
        last = ""
        bare = self._bare(name)
        async with self._asked(PULL_PAUSE_S) as client:
            async for news in await client.pull(bare, stream=True):
                last = news.status or last
                on_progress(PullProgress(last, news.completed or 0, news.total or 0))
        if last != "success":
            raise failed(f"the pull of {bare!r} broke off at {last!r}", "truncated")

    async def embed(
        self, name: str, texts: Sequence[str], timeout_s: float = 60.0
    ) -> list[list[float]]:
        """One vector for each text."""
        if not texts:
            return []
        bare = self._bare(name)
        async with self._asked(timeout_s, bare) as client:
            vectors = (await client.embed(model=bare, input=list(texts))).embeddings
        if len(vectors) != len(texts):
            raise failed(f"{bare} gave {len(vectors)} vectors for {len(texts)} texts", "malformed")
        return [list(vector) for vector in vectors]

    async def running(self) -> list[str]:
        """Names of the models that are in memory now."""
        async with self._asked(LOOK_S) as client:
            return [model.model or "" for model in (await client.ps()).models]

    async def unload(self, name: str) -> None:
        """Free a model's memory."""
        bare = self._bare(name)
        async with self._asked(LOOK_S, bare) as client:
            await client.generate(model=bare, prompt="", keep_alive=0)

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _bare(self, model: str) -> str:
        return model.removeprefix(f"{self.prefix}:")

    async def _connected(self) -> httpx.AsyncClient:
        if self._http is None:
            await asyncio.to_thread(import_module, "httpx")
        if self._http is None:
            import httpx  # noqa: PLC0415  # heavy; loaded in a thread above

            timeout = httpx.Timeout(None, connect=CONNECT_S)
            headers = {"content-type": "application/json"}
            if self._key:
                headers["authorization"] = f"Bearer {self._key}"
            self._http = httpx.AsyncClient(
                base_url=self.url, timeout=timeout, headers=headers, **_transport(self.url)
            )
        return self._http

    @asynccontextmanager
    async def _asked(self, timeout_s: float, name: str = "") -> AsyncGenerator[ollama.AsyncClient]:
        """The package's client for one question, its failures made ours."""
        await asyncio.to_thread(import_module, "ollama")
        import httpx  # noqa: PLC0415  # heavy; loaded in a thread above
        import ollama  # noqa: PLC0415

        timeout = httpx.Timeout(timeout_s, connect=CONNECT_S)
        client = ollama.AsyncClient(
            self.url, timeout=timeout, follow_redirects=False, **_transport(self.url)
        )
        async with client, self._bounded(None, f"Ollama at {self.url}"):
            try:
                yield client
            except ollama.ResponseError as error:
                if error.status_code == 404 and name:
                    raise await self._unknown(name) from None
                raise refused(
                    f"Ollama at {self.url}", error.status_code or 500, error.error, {}
                ) from None
            except ConnectionError as error:
                raise self._unreachable(str(error)) from None
            except ValueError as error:
                raise failed(
                    f"Ollama at {self.url} answered what is no answer of Ollama: {error}",
                    "malformed",
                ) from None

    @asynccontextmanager
    async def _bounded(
        self, timeout_s: float | None, who: str, draft: Draft | None = None
    ) -> AsyncGenerator[None]:
        """A deadline, and httpx's failures made ours."""
        import httpx  # noqa: PLC0415  # loaded by whoever opened the client

        got = f" after {draft.size} characters" if draft and draft.size else ""
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(str(error)) from None
        except (TimeoutError, httpx.TimeoutException):
            got = f" ({draft.size} characters came)" if draft else ""
            within = f" within {timeout_s:g} s" if timeout_s else ""
            raise failed(f"{who} did not finish{within}{got}", "timeout") from None
        except httpx.DecodingError as error:
            raise failed(f"{who} sent what cannot be decoded: {error}", "malformed") from None
        except httpx.TransportError as error:
            got = f" after {draft.size} characters" if draft else ""
            raise failed(f"{who} broke off{got}: {error}", "truncated") from None

    def _unreachable(self, why: str) -> ModelError:
        return failed(
            f"no Ollama answers at {self.url}",
            "unreachable",
            hint="Start it with: ollama serve",
            why=why,
        )

    async def _refuse(self, response: httpx.Response, name: str) -> None:
        text = await _error_text(response)
        if response.status_code == 404 and "not found" in text:
            raise await self._unknown(name)
        raise refused(f"{self.prefix}:{name}", response.status_code, text, response.headers)

    async def _unknown(self, name: str) -> ModelError:
        try:
            async with self._asked(LOOK_S) as client:
                known = [model.model or "" for model in (await client.list()).models]
        except ModelError:
            known = []
        return unknown_model(
            f"Ollama at {self.url}", name, known, remedy=f"Pull it with: ollama pull {name}"
        )

    async def _look(self, client: ollama.AsyncClient, name: str, size: Any) -> ModelInfo:
        shown = await client.show(name)
        facts = shown.modelinfo or {}
        context = next((v for k, v in facts.items() if k.endswith(".context_length")), None)
        found = shown.capabilities or ["completion"]
        able = [_ABILITIES.get(ability, ability) for ability in found]
        return ModelInfo(
            f"{self.prefix}:{name}",
            tuple(able),
            int(context) if context else None,
            int(size) if size is not None else None,
            (0.0, 0.0),
        )


async def _error_text(response: httpx.Response) -> str:
    """What a refusal says, of at most 64 KiB."""
    text = b""
    async for piece in response.aiter_bytes():
        text += piece
        if len(text) > 65536:
            break
    try:
        said: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.decode("utf-8", "replace")
    match said:
        case {"error": error}:
            return str(error)
        case _:
            return str(said)


def _transport(url: str) -> dict[str, Any]:
    """Proxies of the environment are for other machines; certificates are for https."""
    import ssl  # noqa: PLC0415  # beside httpx, which needs it anyway

    near = any(name in url for name in ("//127.", "//localhost", "//[::1]"))
    found: dict[str, Any] = {"trust_env": not near}
    if url.startswith("http:"):
        # Nothing is verified over plain http, and loading the certificates takes 20 ms.
        found["verify"] = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return found
