"""The server of the pages: a few fixed files, one websocket, and nothing for whom the door refuses.

Everything is served from memory and from here: the page works without any network.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from time import monotonic
from typing import Final

from aiohttp import web

from workbench.listening.allowance import Allowance
from workbench.web.door import PAGES_A_MINUTE, Door, Knock
from workbench.web.page import attend, bounded
from workbench.web.terminal import Terminal, start

MOST_PAGES: Final = 4
MOST_PROGRAMS: Final = 12
"""With those whose page has gone: a page that is loaded again does not wait for the last one."""
MOST_BYTES: Final = 1 << 20
"""Of one message: a paste."""
HEARTBEAT_S: Final = 15.0

_FONT = "static/fonts/RobotoMono{}-VariableFont_wght.ttf"
SHIPPED: Final = {
    "textual.js": ("textual_serve", "static/js/textual.js", "text/javascript; charset=utf-8"),
    "xterm.css": ("textual_serve", "static/css/xterm.css", "text/css; charset=utf-8"),
    "mono.ttf": ("textual_serve", _FONT.format(""), "font/ttf"),
    "mono-italic.ttf": ("textual_serve", _FONT.format("-Italic"), "font/ttf"),
    "page.js": ("workbench.web", "static/page.js", "text/javascript; charset=utf-8"),
    "page.css": ("workbench.web", "static/page.css", "text/css; charset=utf-8"),
    "page.html": ("workbench.web", "static/page.html", "text/html; charset=utf-8"),
}
"""Name → package, file in it, type. Nothing else of textual-serve's files is served."""


def headers(place: str) -> dict[str, str]:
    """What every answer says to the browser; there is none that opens anything to other pages."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",  # the terminal emulator writes style sheets
        "font-src 'self'",
        "img-src 'self' data:",
        f"connect-src 'self' ws://{place}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-scripts allow-same-origin",  # no windows: a link on the screen is text
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "clipboard-read=(), camera=(), microphone=(), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
    }


@dataclass(slots=True)
class Pages:
    """The pages of one server and their programs."""

    door: Door
    words: Sequence[str]
    """What each program is started with."""
    attended: dict[asyncio.Task[object], Terminal | None] = field(
        default_factory=dict["asyncio.Task[object]", "Terminal | None"]
    )
    """Who attends to a page, with its program once that was started."""
    is_closed: bool = False
    starts: Allowance = field(default_factory=lambda: Allowance(PAGES_A_MINUTE, monotonic))

    def application(self) -> web.Application:
        """All that is answered."""
        application = web.Application(middlewares=[self._guard])
        application.on_response_prepare.append(self._add_headers)
        application.router.add_get("/ws", self._websocket, allow_head=False)
        for name, (package, path, kind) in SHIPPED.items():
            body = files(package).joinpath(path).read_bytes()
            where = "/" if name == "page.html" else f"/static/{name}"
            application.router.add_get(where, _file(body, kind))
        return application

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        verdict = self.door.judge(_knock(request, self.door.cookie_name))
        if verdict.status != 200:
            return web.Response(status=verdict.status, text=f"{verdict.why}\n")
        response = await handler(request)
        if verdict.gives_cookie:
            response.set_cookie(
                self.door.cookie_name, self.door.cookie, httponly=True, samesite="Strict", path="/"
            )
        return response

    async def _add_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(headers(self.door.place))
        response.headers.pop("Server", None)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if why := self._why_not():
            return web.Response(status=503, text=f"{why}\n")
        task = asyncio.current_task()
        assert task is not None
        self.attended[task] = None
        try:
            return await self._attend(request, task)
        finally:
            del self.attended[task]

    async def _attend(
        self, request: web.Request, task: asyncio.Task[object]
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=HEARTBEAT_S, max_msg_size=MOST_BYTES, compress=False
        )
        await socket.prepare(request)
        columns, rows = _side(request, "width", 80), _side(request, "height", 24)
        terminal = self.attended[task] = await start(self.words, columns, rows, os.environ)
        if self.is_closed:
            terminal.ask_to_leave()
        await attend(socket, terminal)
        return socket

    def _why_not(self) -> str:
        """Why there is no further page now, or empty."""
        if self.is_closed:
            return "The server is about to end."
        looked_at = [each for each in self.attended.values() if not (each and each.is_leaving)]
        if len(looked_at) >= MOST_PAGES or len(self.attended) >= MOST_PROGRAMS:
            return f"{MOST_PAGES} pages are open, and there are no more at a time: close one."
        if not self.starts.take():
            return "Too many pages were opened in a minute. Try again in a minute."
        return ""

    def ask_to_leave(self) -> None:
        """Have every program save and leave; no new one starts."""
        self.is_closed = True
        for terminal in self.attended.values():
            if terminal is not None:
                terminal.ask_to_leave()

    async def left(self) -> None:
        """Wait until all programs have ended."""
        while self.attended:
            await asyncio.wait(list(self.attended))


def _file(body: bytes, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Type": kind})

    return answer


def _knock(request: web.Request, cookie_name: str) -> Knock:
    found: dict[str, list[str]] = {}
    for name, value in request.headers.items():
        found.setdefault(name.lower(), []).append(value)
    uses_link = request.method == "GET" and request.path == "/"
    tokens = request.query.getall("token", []) if uses_link else []
    token = " ".join(tokens) if tokens else None
    return Knock(found, request.cookies.get(cookie_name, ""), token)


def _side(request: web.Request, name: str, usual: int) -> int:
    text = request.query.get(name, "")
    return bounded(int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else usual
