"""A headless Chromium, driven by its remote-debugging protocol: no driver of its own is needed."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

BOUND_S = 40.0


def chromium() -> str | None:
    """The program, if there is one."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


class Tab:
    """One tab. Events are kept as they come: ``told`` holds method and parameters of each."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self.told: list[tuple[str, dict[str, Any]]] = []

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(BOUND_S):
            while True:
                message = await self._socket.receive()
                assert message.type is WSMsgType.TEXT, message
                said = json.loads(message.data)
                if said.get("id") == number:
                    assert "error" not in said, said
                    return said["result"]
                if "method" in said:
                    self.told.append((said["method"], said["params"]))

    async def evaluate(self, script: str) -> Any:
        """What an expression gives in the page."""
        found = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, script: str) -> Any:
        """Look until an expression is true in the page; what it gives then."""
        end = asyncio.get_running_loop().time() + BOUND_S
        while not (found := await self.evaluate(script)):
            assert asyncio.get_running_loop().time() < end, f"never {script}"
            await asyncio.sleep(0.05)
        return found

    async def press(self, key: str, code: int) -> None:
        """Press and release a key that is no letter."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.ask("Input.dispatchKeyEvent", type="rawKeyDown", **named)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **named)

    async def pictured(self, is_right: Callable[[bytes], bool]) -> bytes:
        """Take pictures until one is right: the terminal is a canvas, which only shows."""
        async with asyncio.timeout(BOUND_S):
            while True:
                found = await self.ask("Page.captureScreenshot", format="png")
                picture = base64.b64decode(found["data"])
                if is_right(picture):
                    return picture
                await asyncio.sleep(0.1)


class Browser:
    """One browser with a profile of its own."""

    def __init__(self, session: ClientSession, port: int) -> None:
        self._session = session
        self._at = f"http://127.0.0.1:{port}"

    @asynccontextmanager
    async def tab(self) -> AsyncGenerator[Tab]:
        """A new tab, closed at the end."""
        async with self._session.put(f"{self._at}/json/new?about:blank") as answer:
            made = await answer.json(content_type=None)
        async with self._session.ws_connect(
            made["webSocketDebuggerUrl"], max_msg_size=1 << 26
        ) as socket:
            tab = Tab(socket)
            for domain in ("Page", "Runtime", "Network", "Log"):
                await tab.ask(f"{domain}.enable")
            yield tab
        async with self._session.get(f"{self._at}/json/close/{made['id']}"):
            pass


@asynccontextmanager
async def browsing(program: str, profile: Path) -> AsyncGenerator[Browser]:
    """Start a browser that reaches loopback alone; it is gone at the end."""
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    words += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    words += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    words += ["--window-size=1200,800", "--remote-debugging-port=0"]
    process = await asyncio.create_subprocess_exec(
        program,
        *words,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile)},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(BOUND_S):
            while not (said := _port_file(profile)):
                assert process.returncode is None, "the browser did not start"
                await asyncio.sleep(0.05)
        async with ClientSession() as session:
            yield Browser(session, int(said.split()[0]))
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
        await process.wait()


def _port_file(profile: Path) -> str:
    try:
        return (profile / "DevToolsActivePort").read_text()
    except OSError:
        return ""
