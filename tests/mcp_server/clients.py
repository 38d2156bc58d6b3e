"""The program as a server, and the protocol's own client in front of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.processes import BOUND_S, PAUSE, workspace

Mode = Literal["auto", "legacy"]
Action = Literal["accept", "decline", "cancel"]
MODES: tuple[Mode, ...] = ("auto", "legacy")
"""2026-07-28, where a server cannot ask before it answers, and 2025-11-25, where it can."""

HELLO: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
"""The first message of the older protocol."""

CRITIC = """\
name = "critic"
signature = "draft: str -> verdict: Literal['good', 'bad'], why: str"
instructions = "Be brief."
"""


def served_folder(folder: Path, *agents: str) -> dict[str, str]:
    """A trusted folder ``work`` with the patterns of `tests.processes`, and agents."""
    environment = workspace(folder)
    (folder / "work" / "agents").mkdir()
    for number, text in enumerate((CRITIC, *agents)):
        file = folder / "work" / "agents" / f"agent{number}.toml"
        file.write_text(text, encoding="utf-8")
    said(folder, environment, "trust", "--yes")
    return environment


def said(folder: Path, environment: Mapping[str, str], *words: str) -> str:
    """What the program says to some words."""
    command = [sys.executable, "-m", "workbench", *words, "--workspace", str(folder / "work")]
    done = subprocess.run(
        command, env=dict(environment), check=False, capture_output=True, text=True, timeout=BOUND_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def answering(
    action: Action,
    content: dict[str, Any] | None = None,
    heard: list[types.ElicitRequestFormParams] | None = None,
) -> Any:
    """A client's person who always does the same, and what they were shown."""

    async def asked(_context: Any, params: Any) -> types.ElicitResult:
        if heard is not None:
            heard.append(params)
        return types.ElicitResult(action=action, content=content)

    return asked


@asynccontextmanager
async def by_stdio(
    folder: Path,
    environment: Mapping[str, str],
    *words: str,
    mode: Mode = "auto",
    asked: Any = None,
) -> AsyncGenerator[Client]:
    """A client of a server that it starts itself."""
    work = str(folder / "work")
    arguments = ["-m", "workbench", "serve", "--mcp", "--workspace", work, *words]
    params = StdioServerParameters(
        command=sys.executable, args=arguments, env=dict(environment), cwd=work
    )
    with (folder / "stderr").open("a") as errors:
        transport = stdio_client(params, errlog=errors)
        async with Client(transport, mode=mode, elicitation_callback=asked) as client:
            yield client


@dataclass
class Served:
    """A server that listens."""

    url: str
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        """Without the path."""
        return self.url.removesuffix("/mcp")


@contextmanager
def listening(folder: Path, environment: Mapping[str, str], *words: str) -> Generator[Served]:
    """A server on a free port of loopback."""
    command = [sys.executable, "-m", "workbench", "serve", "--mcp", "--http", *words]
    work = folder / "work"
    with (folder / "stderr").open("a") as errors:
        process = subprocess.Popen(
            command, cwd=work, env=dict(environment), stdout=subprocess.PIPE, stderr=errors,
            text=True,
        )  # fmt: skip
    try:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip(), process)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(BOUND_S)
        process.kill()
        process.communicate()


def token(folder: Path, environment: Mapping[str, str], name: str, role: str, *more: str) -> str:
    """A new token, as it is sent."""
    return said(folder, environment, "token", "add", name, "--role", role, *more).strip()


@asynccontextmanager
async def by_http(
    url: str, word: str, *, mode: Mode = "auto", asked: Any = None
) -> AsyncGenerator[Client]:
    """A client with a token."""
    headers = {"Authorization": f"Bearer {word}"}
    async with httpx2.AsyncClient(headers=headers, timeout=BOUND_S) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, elicitation_callback=asked) as client:
            yield client


@dataclass
class Told:
    """What a client heard of how far a call is."""

    words: list[str] = field(default_factory=list[str])
    numbers: list[float] = field(default_factory=list[float])
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        self.numbers.append(progress)
        self.words.append(message or "")
        self.first.set()


def error_of(result: Any) -> dict[str, Any]:
    """The error that a call ended with."""
    assert result.is_error, result
    return json.loads(json.dumps(result.meta["kaizen-tui/error"]))


def run_of(result: Any) -> str:
    """The run that a call was."""
    if result.is_error:
        return str(error_of(result)["run_id"])
    return str(result.meta["kaizen-tui/run_id"])


async def until(found: Callable[[], bool], what: str) -> None:
    """Wait until something is so that only looking can tell."""
    loop = asyncio.get_running_loop()
    end = loop.time() + BOUND_S
    while not found():
        assert loop.time() < end, f"never {what}"
        await asyncio.to_thread(PAUSE.wait, 0.05)
