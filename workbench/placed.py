"""The tools, bound to the place they act in: what the core's `ToolBox` is made of.

Nothing heavy is imported before a tool needs it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.agent.tool import Tool
from workbench.permission.danger import Facts
from workbench.run.evidence import Findings
from workbench.run.ports import Attempt
from workbench.tools.place import Place
from workbench.tools.sandbox.report import SandboxReport

if TYPE_CHECKING:
    from workbench.tools.mcp.server import McpServer
    from workbench.tools.mcp.servers import McpServers

_CONFINED = frozenset({"run", "write", "delete"})
"""What a command in the sandbox could do as well, so that the mode ``auto`` treats it alike.
Reading needs no proof, and requests leave the machine whatever confines commands."""


class PlacedTools:
    """The tools, bound to the place they act in."""

    def __init__(
        self,
        place: Place,
        *,
        sandboxed: bool,
        found: Callable[[SandboxReport], None] | None = None,
        servers: McpServers | None = None,
    ) -> None:
        """Bind the tools.

        Args:
            place: where they act.
            sandboxed: whether commands are confined.
            found: told once, from any thread, what confines commands.
            servers: MCP servers, for the tools that are theirs.
        """
        self._place = place
        self._servers = servers
        self._sandboxed = sandboxed
        self._found = found
        self._elsewhere: dict[str, PlacedTools] = {}

    @property
    def unconfined(self) -> Place:
        """Where tools act that no sandbox concerns; nothing is probed for it."""
        return self._place

    @cached_property
    def place(self) -> Place:
        """Where tools act, with a sandbox that a canary has proven."""
        place = replace(self._place, sandbox=_proven()) if self._sandboxed else self._place
        if self._found is not None:
            self._found(place.sandbox)
        return place

    async def ready(self, tool: Tool) -> None:
        """Have the canary sing before the first change, and beside the loop: it takes 0.1 s."""
        if tool.act in _CONFINED and "place" not in vars(self):
            await asyncio.to_thread(lambda: self.place)

    def at(self, workspace: str) -> PlacedTools:
        """The same tools in another folder."""
        if workspace in {"", str(self._place.workspace)}:
            return self
        if workspace not in self._elsewhere:
            place = replace(self._place, workspace=Path(workspace))
            self._elsewhere[workspace] = PlacedTools(
                place, sandboxed=self._sandboxed, found=self._found, servers=self._servers
            )
        return self._elsewhere[workspace]

    def _for(self, tool: Tool) -> Place:
        return self.place if tool.act in _CONFINED else self._place

    def profile(self, tool: Tool) -> str:
        """What confines a call of this tool."""
        report = self._for(tool).sandbox
        return f"{report.level} {report.backend}".strip()

    def facts(self, tool: Tool, arguments: dict[str, Any]) -> Facts:
        """Look at the world as far as this call is concerned."""
        from workbench.tools.facts import facts  # noqa: PLC0415 - parsers, at first use

        found = facts(tool, arguments, self._for(tool))
        server = self._server_of(tool)
        if self._servers is None or server is None:
            return found
        return self._servers.facts(server, tool, found)

    def place_of(self, server: McpServer) -> Place:
        """Where a server is started: with a proven sandbox, if it is to be in one."""
        return self.place if server.sandbox else self._place

    def _server_of(self, tool: Tool) -> McpServer | None:
        return self._servers.server_of(tool) if self._servers is not None else None

    async def prepare(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        """What a later probe will need."""
        from workbench.tools.perform import prepare  # noqa: PLC0415

        return await prepare(tool, arguments, self._for(tool))

    async def perform(
        self, tool: Tool, arguments: dict[str, Any], decided: Facts, attempt: Attempt
    ) -> Any:
        """Do it."""
        from workbench.tools.perform import perform  # noqa: PLC0415

        server = self._server_of(tool)
        if self._servers is not None and server is not None:
            given, place = tool.read(arguments), self.place_of(server)
            return await self._servers.call(server, tool, given, place, attempt)
        return await perform(tool, arguments, self._for(tool), attempt, decided)

    async def find_out(
        self, tool: Tool, arguments: dict[str, Any], prepared: Any, attempt: Attempt
    ) -> Findings:
        """What became of an attempt whose end is unknown."""
        from workbench.tools.perform import find_out  # noqa: PLC0415

        return await find_out(tool, arguments, prepared, self._for(tool), attempt)

    def forget(self, run_id: str, key: str) -> None:
        """Let go of what was kept of a call's attempts."""
        from workbench.tools.spool import forget, path_of  # noqa: PLC0415

        forget(path_of(self._place.state, run_id, key))

    def happened(self, tool: Tool, prepared: Any) -> list[dict[str, Any]]:
        """Which of the announced changes to files are found done."""
        from workbench.tools.perform import happened  # noqa: PLC0415

        return happened(tool, prepared, self._for(tool))

    def look(self, path: str) -> Any:
        """What stands at a path of the workspace now."""
        from workbench.tools.putting_back import look  # noqa: PLC0415

        return look(path, self._place)

    def preview(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What a person should see of a call beforehand."""
        from workbench.tools.perform import preview  # noqa: PLC0415

        return preview(tool, arguments, self._for(tool))


@cache
def _proven() -> SandboxReport:
    """What confines a command here: the same for every folder, so found out once."""
    from workbench.tools.sandbox.detect import detect  # noqa: PLC0415 - starts processes

    return detect()
