"""One MCP server as the settings describe it: how it is reached, within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.values import digest, dumps


@dataclass(frozen=True, slots=True)
class McpServer:
    """A row of the setting ``mcp``: a command to start, or an address to talk to."""

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside the little that every server gets; ``${secret:NAME}`` stands for a secret."""
    cwd: str = ""
    """The folder it is started in; empty for the user's home.

    Not the workspace by itself: agents write there, and ``python -m`` looks for modules there.
    """
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    start_s: float = 30.0
    """How long it may take until it has said what it offers."""
    call_s: float = 60.0
    calls: int = 8
    """How many calls may be under way at once."""
    restarts: int = 3
    """How often it is started again in one opening of the workbench."""
    elicitation: bool = False
    """Whether its questions reach a person; they are declined otherwise."""
    roots: bool = False
    """Whether it is told where the workspace lies."""
    files: bool = True
    """Whether its calls may change files of the workspace, so that snapshots are taken."""
    sandbox: bool = False
    """Whether its command is started within the sandbox, which has no network and no home."""
    enabled: bool = True

    @staticmethod
    def of(name: str, settings: Mapping[str, Any], workspace: Path) -> McpServer:
        """Make one of what the settings say; a remote one changes no files unless they say so.

        ``cwd`` is seen from the workspace there, and a real path here: another folder under the
        same name is another server.
        """
        given: dict[str, Any] = {"files": "url" not in settings, **settings}
        if "cwd" in given:
            given["cwd"] = str((workspace / given["cwd"]).resolve())
        return McpServer(name, **given)

    @property
    def launch(self) -> dict[str, Any]:
        """All that decides what is started or reached: what trust is given to, beside its tools.

        Values of the environment and of headers go in as digests: a person is shown their names.
        """
        told: dict[str, Any] = {"url": self.url} if self.url else {"command": self.command}
        if self.command:
            told |= {"args": list(self.args), "cwd": self.cwd, "sandbox": self.sandbox}
        told["env"] = _marked(self.env)
        told["headers"] = _marked(self.headers)
        return told

    @property
    def line(self) -> str:
        """The command line or the address, for people."""
        return self.url or " ".join((self.command, *self.args))


def _marked(values: Mapping[str, str]) -> dict[str, str]:
    return {name: digest(dumps(value), 8) for name, value in sorted(values.items())}
