"""`kaizen-tui serve --mcp`: open the workbench, serve it, and leave with every run at rest."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress

from workbench.bench import Workbench
from workbench.config.folders import make_state_folder
from workbench.config.trust import standing
from workbench.listening.loopback import listen, place_of
from workbench.listening.tokens import Tokens
from workbench.mcp_server.server import Front
from workbench.mcp_server.stdio import serve_stdio
from workbench.plain import one_line, plain
from workbench.run.interrupt import Order
from workbench.run.looped import end
from workbench.run.signals import HEEDED, PATIENCE_S, is_ignored, order_of
from workbench.script.shell import Asked


def serve_mcp(asked: Asked, args: Namespace) -> int:
    """Serve until the client or a signal ends it; the exit code."""
    _log_to_stderr()
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(_opened(asked, args))
    finally:
        end(loop)


async def _opened(asked: Asked, args: Namespace) -> int:
    config = asked.settings()
    stopping = _Stopping()
    async with Workbench.open(workspace=asked.workspace, config=config) as bench:
        for notice in bench.notices:
            _tell(notice)
        stopping.hurry = bench.stop
        untrusted = _untrusted(asked)
        if untrusted:
            _tell(f"{untrusted} Look at them, then: kaizen-tui trust")
        front = Front(bench, waits=args.wait, untrusted=untrusted)
        serving = asyncio.ensure_future(
            _http(front, asked, args, stopping) if args.http else _stdio(front)
        )
        signalled = asyncio.ensure_future(stopping.came.wait())
        await asyncio.wait({serving, signalled}, return_when=asyncio.FIRST_COMPLETED)
        signalled.cancel()
        await front.calls.stop_all(stopping.order)
        if args.http or serving.done():
            await serving
        else:
            serving.cancel()  # it reads what may never come
    return 128 + stopping.number if stopping.number else 0


def _untrusted(asked: Asked) -> str:
    """What the folder brings that is left out, in a sentence; empty when it is nothing."""
    stands = standing(asked.workspace, os.environ)
    files = ", ".join([*stands.added, *stands.changed][:5])
    return "" if stands.trusted else f"Nobody has trusted {files} yet, so they are left out."


class _Stopping:
    """Signals: the first has runs rest, the second hurries them."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.number = 0
        """The first one, or 0."""
        self.order = Order("graceful", "mcp", "the client has gone", patience_s=PATIENCE_S)
        self.hurry: Callable[[Order], object] = lambda _order: None
        self._times = 0
        loop = asyncio.get_running_loop()
        for number in HEEDED:
            if not is_ignored(number):
                loop.add_signal_handler(number, self._take, number)

    def _take(self, number: int) -> None:
        self._times += 1
        self.number = self.number or number
        self.order = order_of(number, self._times)
        self.hurry(self.order)
        self.came.set()


async def _stdio(front: Front) -> None:
    order = Order("graceful", "mcp", "the client has gone", patience_s=PATIENCE_S)
    await serve_stdio(front.server(), lambda: front.calls.stop_all(order))


async def _http(front: Front, asked: Asked, args: Namespace, stopping: _Stopping) -> None:
    from workbench.mcp_server import http  # noqa: PLC0415 - a server that stdio does not need

    tokens = Tokens(make_state_folder(asked.workspace, os.environ))
    listening = listen(args.host, args.port)
    port = listening.getsockname()[1]
    place = place_of(args.host, port)
    url = f"http://{place}{http.PATH}"
    line = url if args.output == "text" else json.dumps({"url": url, "port": port})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if not tokens.all():
        _tell("Nobody can come in yet: kaizen-tui token add NAME --role runner prints a token.")
    await http.serve_http(http.application(front, tokens, place), listening, stopping.came)


def _tell(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(plain(text) + "\n")
        sys.stderr.flush()


class _Line(logging.Formatter):
    """A line each, and nothing in it steers a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Without a traceback."""
        return one_line(f"{record.name}: {record.getMessage()}")


def _log_to_stderr() -> None:
    """What libraries log goes to stderr: stdout is the protocol's."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_Line())
    logging.basicConfig(level=logging.ERROR, handlers=[lines], force=True)
