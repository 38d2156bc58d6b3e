"""MCP over streamable HTTP, on loopback: every request has a token, judged before it is read."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from workbench.errors import ConfigError
from workbench.listening.bearer import Refused, TokenDoor
from workbench.listening.tokens import Tokens
from workbench.mcp_server.server import CALLER, MOST_ARGUMENTS, Front
from workbench.permission.roles import Caller
from workbench.plain import one_line

_LOG: Final = logging.getLogger("kaizen-tui")

PATH: Final = "/mcp"
_MOST_BODY: Final = 2 * MOST_ARGUMENTS
_IDLE_S: Final = 3_600.0
_MOST_SESSIONS: Final = 64
_LEAVE_S: Final = 2


class _Listening(uvicorn.Server):
    """uvicorn without signals of its own: the program has some already."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them alone."""
        yield


class _Door:
    """In front of the application: who may not come in gets no further."""

    def __init__(self, app: ASGIApp, door: TokenDoor, front: Front) -> None:
        self._app, self._door, self._front = app, door, front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._judged(scope)
        if isinstance(found, Refused):
            if found.is_told:
                what = one_line(f"{scope['method']} {scope['path']}")
                await self._front.note_refused(found.who or "nobody known", found.why, what)
            await _refusal(found)(scope, receive, send)
            return
        scope[CALLER] = found
        # The library binds a session to whoever opened it.
        token = AccessToken(token="", client_id=found.by, scopes=[found.role])
        scope["user"] = AuthenticatedUser(token)
        await self._app(scope, receive, send)

    def _judged(self, scope: Scope) -> Caller | Refused:
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        try:
            return self._door.judge(headers)
        except ConfigError as error:
            _LOG.error("%s", error)
            return Refused(503, "The tokens of this server cannot be read.")


def _refusal(refused: Refused) -> PlainTextResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if refused.retry_s:
        headers["Retry-After"] = str(refused.retry_s)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return PlainTextResponse(f"{refused.why}\n", refused.status, headers)


def application(front: Front, tokens: Tokens, place: str) -> ASGIApp:
    """All that is answered.

    Args:
        front: what a server answers with.
        tokens: who may come in.
        place: host and port, as clients write them.
    """
    app: Any = front.server().streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=_MOST_BODY,
        session_idle_timeout=_IDLE_S,
        max_sessions=_MOST_SESSIONS,
        transport_security=TransportSecuritySettings(allowed_hosts=[place], allowed_origins=[]),
    )
    return _Door(app, TokenDoor(place, tokens, time.time, time.monotonic), front)


async def serve_http(app: ASGIApp, listening: socket.socket, until: asyncio.Event) -> None:
    """Serve until the event is set."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_LEAVE_S,
    )
    server = _Listening(config)
    serving = asyncio.ensure_future(server.serve([listening]))
    leaving = asyncio.ensure_future(until.wait())
    await asyncio.wait({serving, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    server.should_exit = True
    await serving
