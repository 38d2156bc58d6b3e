"""All servers of one workbench: their tools, and the connections that are made when one is used.

A server is started at the first call of one of its tools, never to find out what it offers: that
stands in the record of trust. Before each call its offer is compared with that record; one that
has changed is refused until a person has seen the difference and trusted it anew; the refusal says
nothing of the new text, because the model reads it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from workbench.agent.tool import Tool
from workbench.errors import Denied, NotTrusted, ToolError, UnknownName, WorkbenchError
from workbench.permission.danger import Facts
from workbench.run.ports import Attempt
from workbench.tools.credentials import fill_in
from workbench.tools.mcp.connection import Connection, Wanted
from workbench.tools.mcp.offer import PROMPT, READ, Offer, changed_in, tools_of
from workbench.tools.mcp.result import prompt_of, read_of, result_of
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.stdio import Heard, Started
from workbench.tools.mcp.trusting import State, TrustedServers
from workbench.tools.place import Place
from workbench.tools.sandbox.walls import walls
from workbench.values import Json, digest, dumps

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

_PASSED_ON: Final = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "TMPDIR")
_MOST_SERVERS: Final = 32
_WAIT_S: Final = 0.5
"""Before a server is started a second time; twice as long each time."""
_PROGRESS_S: Final = 0.1


class _Link:
    """One server in one opening: its connection, if there is one, and what it has cost so far."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.starts = 0
        self.opening = asyncio.Lock()
        self.checking: asyncio.Task[None] | None = None


class McpServers:
    """The servers of the settings. Lives on the core's loop."""

    def __init__(
        self,
        servers: Mapping[str, McpServer],
        trusted: TrustedServers,
        noted: Callable[[str, Mapping[str, Any]], None] = lambda _kind, _data: None,
    ) -> None:
        """Know the servers; nothing is started.

        Args:
            servers: by name, those that are enabled.
            trusted: what a person has looked at.
            noted: enters into the audit that one was found changed.
        """
        self.servers = dict(servers)
        self._trusted, self._noted = trusted, noted
        self._links: dict[str, _Link] = {}
        self._offers: dict[str, Offer] = {}
        """What may be offered to a model, by server."""
        for name, server in self.servers.items():
            kept = trusted.of(server)
            if kept is not None:
                self._offers[name] = kept.offer

    # -- what there is ----------------------------------------------------------------------------

    def tools(self) -> dict[str, Tool]:
        """The tools of all trusted servers, by ``server.tool``."""
        return {
            name: tool
            for server, offer in self._offers.items()
            for name, tool in tools_of(self.servers[server], offer).items()
        }

    def state(self, name: str) -> State:
        """How a server stands, as far as that is known without asking it."""
        return self._trusted.state(self.servers[name])

    def difference(self, server: McpServer, offer: Offer) -> list[str]:
        """What of an offer is not as it was trusted."""
        return self._trusted.difference(server, offer)

    def trust(self, server: McpServer, offer: Offer) -> None:
        """Trust a server with exactly this offer."""
        given = self._trusted.trust(server, offer)
        self._offers[server.name] = offer
        self._noted("mcp.trusted", {"name": server.name, "digest": given.digest, "by": "user"})

    def distrust(self, name: str) -> None:
        """Trust a server no more."""
        self._offers.pop(name, None)
        self.servers.pop(name, None)
        if self._trusted.distrust(name):
            self._noted("mcp.distrusted", {"name": name, "by": "user"})

    def standing(self) -> dict[str, Any]:
        """How many servers there are, and which offers may be used: for the audit."""
        offers = {name: offer.digest for name, offer in sorted(self._offers.items())}
        return {
            "servers": len(self.servers), "trusted": len(offers), "digest": digest(dumps(offers)),
        }  # fmt: skip

    def server_of(self, tool: Tool) -> McpServer | None:
        """The server that performs a tool's calls; None for every other tool."""
        if tool.act != "talk" or tool.function is not None:
            return None
        return self.servers.get(tool.name.partition(".")[0])

    def missing(self, name: str) -> WorkbenchError | None:
        """Why a server's tool is not there, when it is its server's standing."""
        server = self.servers.get(name.partition(".")[0])
        if server is None or "." not in name:
            return None
        if server.name not in self._offers:
            return NotTrusted(
                f"the MCP server {server.name!r} is not trusted, so {name!r} is not offered",
                hint=f"Look at it: kaizen-tui mcp trust {server.name}",
            )
        known = tools_of(server, self._offers[server.name])
        return UnknownName(f"tool of the MCP server {server.name!r}", name, known)

    def facts(self, server: McpServer, tool: Tool, plain: Facts) -> Facts:
        """What a person should know of a call before it is made; nothing is started for it."""
        own = tool.name.partition(".")[2]
        kept = self._offers.get(server.name)
        found = kept.tools.get(own) if kept is not None else None
        hints: Mapping[str, Any] = found["hints"] if found else {}
        notes = [f"goes to the MCP server {server.name!r}: {_shown(server)}"]
        if hints.get("destructiveHint"):
            notes.append("the server itself says that it may destroy something")
        if server.command and not server.sandbox:
            notes.append("its program runs with your rights, outside of the sandbox")
        target = server.url or server.command
        return replace(plain, targets=(target,), files=server.files, notes=tuple(notes))

    # -- calls ------------------------------------------------------------------------------------

    async def call(
        self, server: McpServer, tool: Tool, given: Mapping[str, Any], place: Place, made: Attempt
    ) -> Json:
        """Make a call. Raises EndUnknown, ToolError, Denied."""
        own = tool.name.partition(".")[2]
        connection = await self._ready(server, place)
        offer = self._offers[server.name]
        wanted = Wanted(own, given, _seldom(made.on_progress), made.on_question or _nobody)
        try:
            answer = await connection.call(wanted, own in offer.tools)
        finally:
            self._check_soon(server, connection)
        most, said_by = place.limits.output_bytes, f"{tool.name}"
        if own in offer.tools or own not in (READ, PROMPT):
            return result_of(answer, most, said_by)
        return (read_of if own == READ else prompt_of)(answer, most, said_by)

    async def _ready(self, server: McpServer, place: Place) -> Connection:
        """The connection, made if there is none, of a server that is as it was trusted."""
        link = self._links.setdefault(server.name, _Link())
        if link.checking is not None:
            await asyncio.wait({link.checking})
        async with link.opening:
            connection = link.connection
            if connection is None or connection.is_lost:
                connection = await self._started(server, link, place)
        self._refuse_changed(server, await connection.current_offer())
        return connection

    async def _started(self, server: McpServer, link: _Link, place: Place) -> Connection:
        if link.connection is not None:
            await link.connection.leave()
            link.connection = None
        if link.starts > server.restarts:
            raise ToolError(
                f"the MCP server {server.name!r} ended {link.starts} times and is started no more",
                hint=f"See what it says: kaizen-tui mcp try {server.name}",
            )
        if len([one for one in self._links.values() if one.connection]) >= _MOST_SERVERS:
            raise ToolError(f"{_MOST_SERVERS} MCP servers are connected, and no more may be")
        if link.starts:
            await asyncio.sleep(_WAIT_S * 2 ** (link.starts - 1))
        link.starts += 1
        connection = await self._connected(server, place)
        link.connection = connection
        return connection

    async def _connected(self, server: McpServer, place: Place) -> Connection:
        roots = place.workspace.as_uri() if server.roots else ""
        connection = Connection(server, lambda heard: _opened(server, place, heard), roots)
        await connection.enter()
        return connection

    def _refuse_changed(self, server: McpServer, offer: Offer) -> None:
        """Refuse a server that is not what was trusted. Raises Denied."""
        kept = self._offers[server.name]
        if offer.digest == kept.digest:
            return
        data = {"name": server.name, "was": kept.digest, "now": offer.digest}
        self._noted("mcp.changed", data)
        raise Denied(
            f"the MCP server {server.name!r} is not what was trusted: {changed_in(kept, offer)}",
            hint=f"Look at it: kaizen-tui mcp trust {server.name}",
            by="trust",
        )

    def _check_soon(self, server: McpServer, connection: Connection) -> None:
        """After a call, beside everything: ask whether it still offers the same.

        Not before the next call, which would wait for it; that one waits only if it comes sooner.
        """
        link = self._links[server.name]
        if connection.is_lost or (link.checking is not None and not link.checking.done()):
            return

        async def check() -> None:
            with suppress(WorkbenchError):  # whoever calls next meets it
                await connection.list_anew()

        link.checking = asyncio.create_task(check(), name=f"mcp {server.name} listing")

    # -- looking ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def looked_at(self, server: McpServer, place: Place) -> AsyncGenerator[Connection]:
        """A connection of its own, to see what a server offers before it is trusted."""
        connection = await self._connected(server, place)
        try:
            yield connection
        finally:
            await connection.leave()

    async def close(self) -> None:
        """Let go of every server."""
        links = list(self._links.values())
        for link in links:
            if link.checking is not None:
                link.checking.cancel()
        await asyncio.gather(*(one.connection.leave() for one in links if one.connection))
        self._links.clear()


async def _nobody(_server: str, _message: str, _schema: Mapping[str, Any]) -> None:
    """Nobody is there whom a server could ask."""


def _shown(server: McpServer) -> str:
    return server.line if len(server.line) <= 120 else f"{server.line[:120]}…"


def _seldom(on_progress: Callable[[str], None]) -> Callable[[str], None]:
    """Progress at most ten times a second: a server may tell of it a million times."""
    last = [float("-inf")]

    def told(text: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - last[0] >= _PROGRESS_S:
            last[0] = now
            on_progress(text)

    return told


def _opened(
    server: McpServer, place: Place, heard: Heard
) -> AbstractAsyncContextManager[TransportStreams]:
    if server.url:
        from workbench.tools.mcp import http  # noqa: PLC0415 - of those that are used

        return http.spoken(server, place, heard)
    return _command(server, place, heard)


@asynccontextmanager
async def _command(
    server: McpServer, place: Place, heard: Heard
) -> AsyncGenerator[TransportStreams]:
    from workbench.tools.mcp import stdio  # noqa: PLC0415

    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    own = await fill_in(server.env, f"mcp:{server.name}", place.credentials)
    program = _program(server, passed.get("PATH", os.defpath))
    folder = Path(server.cwd) if server.cwd else Path.home()
    argv: tuple[str, ...] = (server.command, *server.args)
    with ExitStack() as around:
        if server.sandbox:
            if place.sandbox.level != "full":
                raise ToolError(
                    f"the MCP server {server.name!r} is to run in the sandbox, and that is "
                    f"{place.sandbox.level!r}: {place.sandbox.why}"
                )
            argv, program = around.enter_context(walls(argv, program, place))
            folder = place.workspace
        start = Started(argv, program, folder, {**passed, **own})
        async with stdio.spoken(start, heard) as streams:
            yield streams


def _program(server: McpServer, path: str) -> str:
    """The file to start. Raises ToolError."""
    word = server.command
    if "/" in word and not word.startswith("/"):
        word = str(Path(server.cwd or Path.home()) / word)
    found = shutil.which(word, path=path)
    if found is None:
        raise ToolError(
            f"the MCP server {server.name!r} needs the program {server.command!r}, missing here",
            hint="Install it, or change the server's command in your settings",
        )
    return found
