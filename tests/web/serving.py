"""`kaizen-tui serve --web` as a process, and clients that are no browser."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyte
from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType

from tests.processes import BOUND_S, until

COLUMNS, ROWS = 120, 40


@dataclass
class Served:
    """A server and where it is."""

    process: subprocess.Popen[str]
    link: str
    port: int

    @property
    def origin(self) -> str:
        """Of its pages."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the server."""
        return self.process.pid

    def programs(self) -> list[int]:
        """The processes that it has started and that still are."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def ended(self, number: signal.Signals) -> int:
        """Its exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(BOUND_S)


def command(*words: str) -> list[str]:
    """The program's command line."""
    return [sys.executable, "-m", "workbench", *words]


@contextmanager
def serving(folder: Path, environment: dict[str, str], *words: str) -> Generator[Served]:
    """Start a server for ``folder/work``; it and its programs are gone at the end."""
    process = subprocess.Popen(
        command("serve", "--web", "--workspace", str(folder / "work"), "--output=json", *words),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield Served(process, said["url"], said["port"])
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(BOUND_S)
        assert process.stdout is not None
        process.stdout.close()


@asynccontextmanager
async def client() -> AsyncGenerator[ClientSession]:
    """One that keeps cookies, as a browser does."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield session


@asynccontextmanager
async def let_in(served: Served) -> AsyncGenerator[ClientSession]:
    """A client that has used the link."""
    async with client() as session:
        async with session.get(served.link) as answer:
            assert answer.status == 200
        yield session


class Page:
    """What is drawn on one page."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def text(self) -> str:
        """The screen, line by line."""
        return "\n".join(self._screen.display)

    async def until(self, *words: str) -> None:
        """Read until the screen shows all of these."""
        async with asyncio.timeout(BOUND_S):
            while not all(word in self.text for word in words):
                message = await self.socket.receive()
                assert message.type is WSMsgType.BINARY, (message, self.text)
                self._stream.feed(message.data)

    async def until_closed(self) -> int | None:
        """Read until the server closes; its code."""
        async with asyncio.timeout(BOUND_S):
            async for message in self.socket:
                if message.type is WSMsgType.BINARY:
                    self._stream.feed(message.data)
        return self.socket.close_code

    async def press(self, keys: str) -> None:
        """Type."""
        await self.socket.send_json(["stdin", keys])

    async def command(self, line: str) -> None:
        """Type a line into the command line."""
        await self.press("6")
        await self.until("queue or complete")  # the keys go there now
        await self.press(f"/{line}")
        await self.until(line.rsplit("=", maxsplit=1)[-1])
        await self.press("\r")


@asynccontextmanager
async def page(served: Served, session: ClientSession) -> AsyncGenerator[Page]:
    """Open a page and wait for its screen."""
    async with session.ws_connect(
        f"{served.origin}/ws?width={COLUMNS}&height={ROWS}", origin=served.origin
    ) as socket:
        opened = Page(socket)
        await opened.until("playbook", "words for the selected agent")
        yield opened


def until_gone(pids: list[int]) -> None:
    """Wait until none of some processes is there any more."""

    def is_there(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except OSError:
            return False

    until(lambda: not any(map(is_there, pids)), f"gone: {pids}")


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def kill(pid: int) -> None:
    """End a process that may be gone."""
    os.kill(pid, signal.SIGKILL)
