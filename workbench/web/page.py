"""One page and its program: what is drawn goes to the browser, what is typed comes from it.

The messages are those of textual-serve's script: bytes to draw on the way there; on the way here
JSON lists, of which ``stdin``, ``resize`` and ``ping`` mean something. The script never hears of
addresses to open or files to fetch: links on the screen are text.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import WSMsgType, web

from workbench.web.terminal import Terminal

MOST_CELLS = 2000
"""Of a side; a browser may claim any size."""
HUNG_S = 30.0
"""A program that takes in no key for so long does not read any more."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Keys, or what was pasted."""

    text: str


@dataclass(frozen=True, slots=True)
class Resized:
    """The page has another size."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class Pinged:
    """Answered with the same word."""

    word: str


def read_message(text: str) -> Typed | Resized | Pinged | None:
    """What a message says; None for one that means nothing here. Raises ValueError."""
    match _parsed(text):
        case ["stdin", str() as typed]:
            return Typed(typed)
        case ["resize", {"width": int() as columns, "height": int() as rows}]:
            return Resized(bounded(columns), bounded(rows))
        case ["ping", str() as word]:
            return Pinged(word)
        case ["focus" | "blur"]:  # told by the terminal itself when the screen wants to know
            return None
        case _:
            raise ValueError("a message that no page sends")


def _parsed(text: str) -> object:
    try:
        return cast("object", json.loads(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def bounded(cells: int) -> int:
    """A side of a terminal that a screen can be drawn on."""
    return max(1, min(MOST_CELLS, cells))


async def attend(socket: web.WebSocketResponse, terminal: Terminal) -> None:
    """Carry both ways until the page is closed or the program has ended; then both are."""
    drawing = asyncio.create_task(_draw(socket, terminal))
    typing = asyncio.create_task(_type(socket, terminal))
    try:
        await asyncio.wait((drawing, typing), return_when=asyncio.FIRST_COMPLETED)
        if not drawing.done():
            terminal.ask_to_leave()
        await terminal.left()
        await asyncio.wait((drawing,), timeout=1.0)  # its last words
        await socket.close()
    finally:
        terminal.close()
        for task in (drawing, typing):
            task.cancel()
        await asyncio.wait((drawing, typing))
    for task in (drawing, typing):
        if not task.cancelled():
            task.result()


async def _draw(socket: web.WebSocketResponse, terminal: Terminal) -> None:
    """Read on when nobody looks any more: the program would wait for us."""
    async for chunk in terminal.output():
        with suppress(ConnectionError):
            if not socket.closed:
                await socket.send_bytes(chunk)


async def _type(socket: web.WebSocketResponse, terminal: Terminal) -> None:
    """Until the page is closed, says what no page says, or its program has hung."""
    async for message in socket:
        try:
            said = read_message(_text(message.type, message.data))
        except ValueError:
            await socket.close(code=1008, message=b"not a message of this page")
            return
        match said:
            case Typed(text):
                typed = terminal.type(text.encode("utf-8", "replace"))
                try:
                    await asyncio.wait_for(typed, HUNG_S)
                except TimeoutError:
                    return
            case Resized(columns, rows):
                terminal.resize(columns, rows)
            case Pinged(word):
                await socket.send_json(["pong", word])
            case None:
                pass


def _text(kind: WSMsgType, data: Any) -> str:
    if kind is not WSMsgType.TEXT:
        raise ValueError("bytes")
    return str(data)
