"""A server on loopback that answers by path and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Answering(BaseHTTPRequestHandler):
    """Answers by the path asked for, and remembers what it was asked."""

    server: Served  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, headers, answer = self.server.answers.get(self.path, (404, {}, b"nothing here"))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == "/slow":
            self.server.released.wait(10)
        try:
            self.wfile.write(answer)
        except OSError:
            self.close_connection = True

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


class Served(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.released = threading.Event()

    @property
    def grant(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.grant}{path}"


def serve() -> Iterator[Served]:
    found = Served()
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.released.set()
    found.shutdown()
    thread.join()
    found.server_close()
