"""The MCP servers of the settings, made ready: which there are, and which of them are trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workbench.agent.tool import Tool
from workbench.config import Config
from workbench.config.folders import data_folder
from workbench.tools.catalogue import classed
from workbench.tools.mcp.server import McpServer
from workbench.tools.mcp.servers import McpServers
from workbench.tools.mcp.trusting import TrustedServers


def servers_of(config: Config) -> dict[str, McpServer]:
    """Every server of the settings by name, those that are switched off too."""
    return {name: McpServer.of(name, one, config.workspace) for name, one in config.mcp.items()}


def trusted_in(environment: Mapping[str, str]) -> TrustedServers:
    """What this user trusts."""
    return TrustedServers(data_folder(environment))


def offered(config: Config, servers: McpServers) -> dict[str, Tool]:
    """The tools of trusted servers, as the setting ``tools`` has them."""
    return {
        name: classed(tool, config.tools.get(name, {}).get("repeat"))
        for name, tool in servers.tools().items()
        if config.tools.get(name, {}).get("enabled", True)
    }


def server_sources(
    config: Config,
    environment: Mapping[str, str],
    noted: Callable[[str, Mapping[str, Any]], None],
) -> McpServers:
    """The servers that may be used; none when the feature is off."""
    enabled = {
        name: server
        for name, server in (servers_of(config) if config.has("mcp") else {}).items()
        if server.enabled
    }
    return McpServers(enabled, trusted_in(environment), noted)
