"""MCP over HTTP, against the shipped program: calls, a secret for its host, a server gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.doubles.http_server import free_port
from tests.processes import until
from tests.threats.served import ALL, DOUBLES, deeds
from tests.threats.shipped import CANARY, Stage

pytestmark = pytest.mark.slow


@contextmanager
def served(stage: Stage) -> Generator[tuple[subprocess.Popen[bytes], int]]:
    """The good double, listening; trusted as ``srv``."""
    folder, port = stage.folder / "deeds", free_port()
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(DOUBLES / "mcp_server.py"), "http", str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port), "the server listens")
        stage.variables["SRV_TOKEN"] = CANARY
        stage.settings(
            f'[mcp.srv]\nurl = "http://127.0.0.1:{port}/mcp"\n'
            'headers = { Authorization = "Bearer ${secret:srv}" }\n'
            f'[secrets.srv]\nfrom = "env:SRV_TOKEN"\nhosts = ["127.0.0.1:{port}"]\n'
        )
        trusted = stage.run("mcp", "trust", "srv", "--yes")
        assert trusted.code == 0, trusted
        yield process, port
    finally:
        process.kill()
        process.wait(10)


def _answers(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


def test_a_tool_of_a_server_over_http_is_called_through_the_gate(stage: Stage) -> None:
    with served(stage):
        stage.play([("srv.echo", {"text": "over http"})], rules=ALL)
        assert [end for _, end in stage.outcomes()] == ["done"]
        assert "echo over http" in deeds(stage)
        stage.play([("srv.echo", {"text": "not allowed"})])
        assert "echo not allowed" not in deeds(stage)


def test_a_server_that_is_gone_is_named_and_nothing_is_waited_for(stage: Stage) -> None:
    with served(stage) as (process, _):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        stage.play([("srv.echo", {"text": "x"})], rules=ALL)
        ((_, why),) = stage.outcomes()
        assert "srv" in why
        assert "done" not in why
        assert "echo x" not in deeds(stage)
