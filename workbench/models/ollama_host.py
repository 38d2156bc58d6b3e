"""One Ollama host: its connections, and its failures made ours.

Every request is posted as it is: typed clients drop nested schemas and the ids of calls. Nothing
is retried, no redirect is followed, every wait has an end. It is aiohttp's work and not httpx's,
because that takes three times as long over a streamed token, and a hundred answers may stream.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

import orjson

from workbench.errors import ModelError
from workbench.models.drafts import Draft
from workbench.models.failures import failed, refused, unknown_model
from workbench.models.ollama_chat import lines
from workbench.models.probe import base_url
from workbench.models.wire import encode

if TYPE_CHECKING:
    import aiohttp

CONNECT_S = 5.0
LOOK_S = 10.0
"""For questions that need no inference: list, show, running."""
_ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer that is no chat: a thousand vectors take 20 MB."""


class OllamaHost:
    """Where one Ollama answers; ``prefix`` is what names it in ``prefix:model``."""

    def __init__(self, host: str, prefix: str, environ: Mapping[str, str] = os.environ) -> None:
        self.url = base_url(host or environ.get("OLLAMA_HOST", ""))
        self.prefix = prefix
        self._key = environ.get("OLLAMA_API_KEY", "")
        self._http: aiohttp.ClientSession | None = None

    @property
    def who(self) -> str:
        """How errors call it."""
        return f"Ollama at {self.url}"

    def bare(self, model: str) -> str:
        """The name of a model as the host has it."""
        return model.removeprefix(f"{self.prefix}:")

    async def close(self) -> None:
        """Let go of the connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def ask(
        self, path: str, body: Any = None, *, timeout_s: float = LOOK_S, name: str = ""
    ) -> dict[str, Any]:
        """Ask one question, by GET without a body; its answer, an object.

        Args:
            path: below the address.
            body: what is posted.
            timeout_s: for all of it.
            name: the model it is about, to tell one that is missing from another fault.
        """
        async with self._sent(path, body, timeout_s, Draft(self.who, _unheard), name) as response:
            data = b"".join([piece async for piece in _capped(response, self.who)])
        try:
            found: Any = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise self.malformed(f"what is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise self.malformed("no object")
        return cast("dict[str, Any]", found)

    @asynccontextmanager
    async def stream(
        self, path: str, body: Any, timeout_s: float | None, draft: Draft, name: str = ""
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Post something whose answer comes in lines."""
        async with self._sent(path, body, timeout_s, draft, name) as response:
            yield lines(response.content.iter_any(), draft.who)

    def malformed(self, what: str) -> ModelError:
        """The error of an answer that no Ollama gives."""
        return failed(f"{self.who} answered {what}", "malformed", hint=_NO_OLLAMA)

    async def unknown(self, name: str) -> ModelError:
        """The error of a model that is not there, with the nearest that is."""
        try:
            found = await self.ask("/api/tags")
        except ModelError:
            found = {}
        known = [str(model.get("model") or model.get("name")) for model in found.get("models", ())]
        pull = f"Pull it with: kaizen-tui models pull {self.prefix}:{name}"
        return unknown_model(self.who, name, known, remedy=pull)

    @asynccontextmanager
    async def _sent(
        self, path: str, body: Any, timeout_s: float | None, draft: Draft, name: str
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        session = await self._session()
        method, data = ("GET", None) if body is None else ("POST", encode(body))
        sending = session.request(method, f"{self.url}{path}", data=data, allow_redirects=False)
        async with self._bounded(timeout_s, draft), sending as response:
            if response.status != 200:
                await self._refuse(response, draft.who, name)
            yield response

    async def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            await asyncio.to_thread(import_module, "aiohttp")
        if self._http is None:
            import aiohttp  # noqa: PLC0415  # heavy; loaded in a thread above

            headers = {"content-type": "application/json", "accept": "*/*"}
            if self._key:
                headers["authorization"] = f"Bearer {self._key}"
            self._http = aiohttp.ClientSession(
                # How many may be asked at once is for limits and pools to say.
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),
                headers=headers,
                # Proxies of the environment are for other machines.
                trust_env=not any(n in self.url for n in ("//127.", "//localhost", "//[::1]")),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._http

    @asynccontextmanager
    async def _bounded(self, timeout_s: float | None, draft: Draft) -> AsyncGenerator[None]:
        """A deadline, and aiohttp's failures made ours."""
        import aiohttp  # noqa: PLC0415  # loaded by whoever opened the session

        try:
            async with asyncio.timeout(timeout_s):
                yield
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise failed(
                f"no Ollama answers at {self.url}",
                "unreachable",
                hint="Start it with: ollama serve",
                why=str(error),
            ) from None
        except TimeoutError:
            within = f" within {timeout_s:g} s" if timeout_s else ""
            got = f" ({draft.size} characters came)"
            raise failed(f"{draft.who} did not finish{within}{got}", "timeout") from None
        except (aiohttp.ContentTypeError, aiohttp.InvalidURL) as error:
            raise failed(f"{draft.who} sent what cannot be read: {error}", "malformed") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            said = " ".join(str(error).split())[:200] or type(error).__name__
            after = f" after {draft.size} characters"
            raise failed(f"{draft.who} broke off{after}: {said}", "truncated") from None

    async def _refuse(self, response: aiohttp.ClientResponse, who: str, name: str) -> None:
        if 300 <= response.status < 400:
            place = str(response.headers.get("location", ""))[:200]
            raise failed(
                f"{who} sends elsewhere ({response.status}: {place!r}), which is not followed",
                "refused",
                hint="Name the address itself in ollama.hosts or OLLAMA_HOST",
                status=response.status,
            )
        text = await _error_text(response)
        if response.status == 404 and name and "page not found" not in text:
            raise await self.unknown(name)
        raise refused(who, response.status, text, response.headers)


_NO_OLLAMA = "Look whether it is an Ollama that listens there"


def _unheard(_text: str) -> None:
    """Nobody listens to a question's pieces."""


async def _capped(response: aiohttp.ClientResponse, who: str) -> AsyncIterator[bytes]:
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > _ANSWER_LIMIT:
            raise failed(f"{who} answered more than {_ANSWER_LIMIT // 2**20} MiB", "too_big")
        yield piece


async def _error_text(response: aiohttp.ClientResponse) -> str:
    """What a refusal says, of at most 64 KiB."""
    text = b""
    async for piece in response.content.iter_any():
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
