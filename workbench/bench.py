"""The workbench: where the pieces are put together, once.

It opens the store, loads configuration and plugins and hands the edges to the core; what starts,
resumes and forks runs is the session it is (`workbench.run.session`). It holds no behaviour of
its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import __version__
from workbench.agent.agent import Agent
from workbench.agent.tool import Tool
from workbench.assembly import Parts, assemble
from workbench.config import Config
from workbench.models.hub import Hub
from workbench.models.survey import Provider
from workbench.run.budget import limits_row
from workbench.run.session import Session
from workbench.run.shared import Budgets
from workbench.workflow.pattern import Pattern

if TYPE_CHECKING:
    from workbench.tools.mcp.connection import Connection
    from workbench.tools.mcp.offer import Offer
    from workbench.tools.mcp.server import McpServer
    from workbench.tools.mcp.servers import McpServers


class Workbench(Session):
    """One opening of the workbench on a workspace. All of it lives on one event loop."""

    def __init__(self, parts: Parts) -> None:
        self.config: Config = parts.config
        self.store = parts.store
        self.copies = parts.copies
        """The folders that runs work in."""
        self.notices = parts.notices
        self.model_reason = parts.model_reason
        """Why the default model is what it is, in a sentence."""
        self._parts = parts
        super().__init__(
            parts.store,
            parts.world,
            parts.config.workspace,
            version=__version__,
            raised=parts.config.raised,
            keep_rules=parts.keep_rules,
        )

    @staticmethod
    @asynccontextmanager
    async def open(
        path: str | Path | None = None,
        *,
        workspace: str | Path | None = None,
        config: Config | Mapping[str, Any] | str | Path | None = None,
        **more: Any,
    ) -> AsyncGenerator[Workbench]:
        """Open a workbench, and close it at the end of the block.

        Args:
            path: the database; None for the workspace's own, ``":memory:"`` for none at all.
            workspace: the folder agents work in; None for the current one.
            config: a loaded Config, settings, or a file; None for the usual places.
            more: ``state``, ``readonly``, ``model``, ``plugins``: see `workbench.assembly`.
        """
        bench = Workbench(await assemble(path, workspace=workspace, config=config, **more))
        try:
            yield bench
        finally:
            await bench.close()

    async def close(self) -> None:
        """Suspend what runs and let go of everything."""
        await super().close()
        await self._parts.close()

    # -- what there is ---------------------------------------------------------------------------

    @property
    def patterns(self) -> dict[str, Pattern[..., Any]]:
        """Patterns by name: shipped, the workspace's, installed."""
        return self.world.patterns

    @property
    def agents(self) -> dict[str, Agent]:
        """Agents by name."""
        return self.world.agents

    @property
    def agent_plugins(self) -> dict[str, str]:
        """Which plugin brought an agent, by the agent's name."""
        return {a.name: p.origin for p in self._parts.discovered.plugins for a in p.agents}

    @property
    def tools(self) -> dict[str, Tool]:
        """Tools by name."""
        return self.world.tools

    @property
    def mcp(self) -> McpServers | None:
        """The MCP servers of the settings; None when there are none."""
        return self._parts.servers

    def looking_at(self, server: McpServer) -> AbstractAsyncContextManager[Connection]:
        """A connection to a server, to see what it offers."""
        assert self._parts.servers is not None
        return self._parts.servers.looked_at(server, self._parts.toolbox.place_of(server))

    def trust_server(self, server: McpServer, offer: Offer) -> None:
        """Trust a server with exactly this offer; its tools are there from now on."""
        from workbench.server_sources import offered

        assert self._parts.servers is not None
        self._parts.servers.trust(server, offer)
        self._without_tools_of(server.name)
        self.tools.update(offered(self.config, self._parts.servers))

    def forget_server(self, name: str) -> None:
        """Trust a server no more; its tools are gone."""
        assert self._parts.servers is not None
        self._parts.servers.distrust(name)
        self._without_tools_of(name)

    def _without_tools_of(self, server: str) -> None:
        for name in [name for name in self.tools if name.startswith(f"{server}.")]:
            del self.tools[name]

    @property
    def default_model(self) -> str:
        """``provider:name`` for agents that name none."""
        return self.world.default_model

    @default_model.setter
    def default_model(self, name: str) -> None:
        self._parts.models.check(name)
        self.world.default_model = name
        self.model_reason = "it was chosen here"

    @property
    def budgets(self) -> Budgets:
        """What is limited in this opening, and what becomes of a run at a limit."""
        return self.world.budgets

    def set_ceilings(self, changes: Mapping[str, Any], by: str = "user") -> None:
        """Change what is limited in this opening: of runs to come, session, day and agents.

        Args:
            changes: as settings have them: ``{"usd": 1, "day": {"usd": 5}}``; None lifts one.
            by: who says so.
        """
        for account in self.budgets.change(self.budgets.ceilings.changed(changes)):
            self._told_all("budget.changed", dict(limits_row(account, by)))

    @property
    def hub(self) -> Hub:
        """Every model that can be asked: what each can do, vectors, pulls."""
        return self._parts.models

    async def models(self) -> list[Any]:
        """What can be asked for, from every provider that answers."""
        return await self._parts.models.models()

    async def providers(self) -> list[Provider]:
        """Where models come from, as configured; nobody is asked over the network."""
        return await self._parts.models.configured()

    async def ask_provider(self, provider: Provider) -> Provider:
        """A provider with its models, or why it has none; may take seconds."""
        return await self._parts.models.ask(provider)


def ask_sync(agent: Agent | str, /, **inputs: Any) -> Any:
    """Ask one agent once from a program without a loop: opens a workbench for it."""

    async def asked() -> Any:
        async with Workbench.open() as bench:
            return await bench.ask(agent, **inputs)

    return asyncio.run(asked())
