"""Speak with a server over HTTP: headers with secrets to its own host only, answers bounded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from workbench.permission.urls import Url
from workbench.tools.credentials import filled
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.stdio import MOST_BETWEEN_BYTES, MOST_MESSAGE_BYTES, Heard
from workbench.tools.place import Place

if TYPE_CHECKING:
    import httpx2
    from mcp.client._transport import TransportStreams

_CONNECT_S: Final = 10.0


@asynccontextmanager
async def spoken(server: McpServer, place: Place, heard: Heard) -> AsyncGenerator[TransportStreams]:
    """Streams to a server. No proxy or certificate of the environment's choosing is used."""
    import httpx2  # noqa: PLC0415 - comes with mcp, at first need
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    headers = await filled(server.headers, Url.parse(server.url), place.credentials)
    # Reading has no limit of its own: a call has one, and a stream of changes may be silent.
    limits = httpx2.Timeout(_CONNECT_S, read=None)
    async with (
        httpx2.AsyncClient(
            headers=headers, timeout=limits, trust_env=False, transport=_bounded(heard)
        ) as client,
        streamable_http_client(
            server.url, http_client=client, max_sse_event_size=MOST_MESSAGE_BYTES
        ) as streams,
    ):
        yield streams


def _bounded(heard: Heard) -> httpx2.AsyncBaseTransport:
    """A transport whose answers end where they get too large."""
    import httpx2  # noqa: PLC0415

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, inner: httpx2.AsyncByteStream, most: int) -> None:
            self._inner, self._most = inner, most

        async def __aiter__(self) -> AsyncIterator[bytes]:
            total = 0
            async for data in self._inner:
                total += len(data)
                if total > self._most:
                    heard.why = f"sent more than {self._most} bytes in one answer"
                    raise httpx2.ReadError(f"the server {heard.why}")
                yield data

        async def aclose(self) -> None:
            await self._inner.aclose()

    class Transport(httpx2.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            response = await super().handle_async_request(request)
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            events = "text/event-stream" in response.headers.get("content-type", "")
            most = MOST_BETWEEN_BYTES if events else MOST_MESSAGE_BYTES
            response.stream = Stream(response.stream, most)
            return response

    return Transport(trust_env=False)
