"""`kaizen-tui serve --web`: listen on loopback, say where, and end with every page saved."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

from aiohttp import web

from workbench.listening.loopback import listen, place_of
from workbench.run.signals import HEEDED, is_ignored
from workbench.web.door import Door
from workbench.web.server import MOST_PAGES, Pages


def serve(args: Namespace) -> int:
    """Serve what the command line asks for; each page's program is started with its options."""
    pairs: list[str] = args.set or []
    passed = [f"--workspace={args.workspace}", *(f"--set={pair}" for pair in pairs)]
    given = {name: getattr(args, name) for name in ("config", "model", "mode")}
    passed += [f"--{name}={value}" for name, value in given.items() if value]
    return serve_web(passed, args.host, args.port, as_json=args.output != "text")


def serve_web(words: Sequence[str], host: str, port: int, *, as_json: bool = False) -> int:
    """Serve the screen until a signal comes; the exit code is the signal's.

    Args:
        words: options of the command line that every page's program is started with.
        host: a loopback address, or ``localhost``.
        port: to listen on; 0 for a free one.
        as_json: whether the address is printed as JSON.

    Raises:
        UsageError: the host is not this machine's own, or the port cannot be had.
    """
    listening = listen(host, port)
    return asyncio.run(_serve(words, listening, host, as_json=as_json))


async def _serve(
    words: Sequence[str], listening: socket.socket, host: str, *, as_json: bool
) -> int:
    port = listening.getsockname()[1]
    door = Door(place_of(host, port), monotonic)
    pages = Pages(door, words)
    runner = web.AppRunner(pages.application(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.SockSite(runner, listening)
        await site.start()
        stopped = _stopped(pages)
        _say(door.link, port, as_json=as_json)
        code = await stopped
        await site.stop()
        await pages.left()
        return code
    finally:
        await runner.cleanup()


def _stopped(pages: Pages) -> asyncio.Future[int]:
    """Done with an exit code at the first signal; every signal hurries the programs."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def take(number: int) -> None:
        pages.ask_to_leave()
        if not stopped.done():
            stopped.set_result(128 + number)

    for number in HEEDED:
        if not is_ignored(number):
            loop.add_signal_handler(number, take, number)
    return stopped


def _say(link: str, port: int, *, as_json: bool) -> None:
    """The link alone on stdout, for whoever reads it there; the rest is for a person."""
    line = json.dumps({"url": link, "port": port}) if as_json else link
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.write(
            "Open this link in a browser of this machine. It works once; that browser may then "
            f"open {MOST_PAGES} pages.\nClosing a page suspends and saves its runs; "
            "Ctrl+C here ends every page so.\n"
        )
        sys.stderr.flush()
