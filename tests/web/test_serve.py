"""The server as a process, met by clients that do what they like."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from aiohttp import WSServerHandshakeError

from tests.processes import BOUND_S, runs, until, workspace
from tests.web.serving import (
    Served,
    client,
    command,
    environment_of,
    kill,
    let_in,
    page,
    serving,
    until_gone,
)
from workbench.web.server import MOST_PAGES

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return workspace(tmp_path)


@pytest.fixture
def served(tmp_path: Path, environment: dict[str, str]) -> Generator[Served]:
    with serving(tmp_path, environment) as server:
        yield server


# -- the door


PATHS = ("/", "/ws", "/static/textual.js", "/static/", "/download/x", "/nothing", "/?token=x")


def test_without_the_cookie_nothing_is_served(served: Served) -> None:
    async def knocks() -> None:
        async with client() as session:
            for path in PATHS:
                for method in ("GET", "HEAD", "POST", "OPTIONS"):
                    async with session.request(method, served.origin + path) as answer:
                        assert answer.status == 403, (method, path)
                        assert "Set-Cookie" not in answer.headers

    asyncio.run(knocks())
    assert served.programs() == []


def test_the_link_works_once_and_gives_a_cookie_that_no_script_reads(served: Served) -> None:
    async def uses_it() -> None:
        async with client() as other, client() as session:
            async with session.head(served.link) as answer:
                assert answer.status == 403  # looking is not using
            async with session.get(served.link) as answer:
                assert answer.status == 200
                (cookie,) = answer.headers.getall("Set-Cookie")
                assert "HttpOnly" in cookie
                assert "SameSite=Strict" in cookie
                assert "Domain" not in cookie
            for again in (session, other):
                async with again.get(served.link) as answer:
                    assert answer.status == 403
                    assert "goes on working" in await answer.text()
            async with session.get(served.origin + "/") as answer:
                assert answer.status == 200

    asyncio.run(uses_it())


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "localhost"},
        {"Host": "127.0.0.1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "websocket"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_with_the_cookie_a_wrong_host_or_a_foreign_page_is_refused(
    served: Served, headers: dict[str, str]
) -> None:
    async def knocks() -> None:
        async with let_in(served) as session:
            for path in ("/", "/static/page.js"):
                async with session.get(served.origin + path, headers=headers) as answer:
                    assert answer.status == 403
            with pytest.raises(WSServerHandshakeError) as refused:
                async with session.ws_connect(f"{served.origin}/ws", headers=headers):
                    pass
            assert refused.value.status == 403

    asyncio.run(knocks())
    assert served.programs() == []


def test_a_websocket_without_the_cookie_starts_nothing(served: Served) -> None:
    async def knocks() -> None:
        async with client() as session:
            with pytest.raises(WSServerHandshakeError) as refused:
                async with session.ws_connect(f"{served.origin}/ws", origin=served.origin):
                    pass
            assert refused.value.status == 403

    asyncio.run(knocks())
    assert served.programs() == []


def test_every_answer_keeps_other_pages_out_and_names_no_other_place(served: Served) -> None:
    async def looks() -> None:
        async with let_in(served) as session:
            async with session.get(served.origin + "/") as answer:
                html = await answer.text()
            paths = re.findall(r'(?:src|href)="(/[^"]+)"', html)
            assert len(paths) == 4
            paths += ["/static/mono.ttf", "/static/mono-italic.ttf", "/", "/nothing"]
            for path in paths:
                async with session.get(served.origin + path) as answer:
                    assert answer.status == (404 if path == "/nothing" else 200)
                    policy = answer.headers["Content-Security-Policy"]
                    assert policy.startswith("default-src 'none'; script-src 'self';")
                    assert not [n for n in answer.headers if n.startswith("Access-Control")]
                    assert "Server" not in answer.headers
                    body = await answer.read()
                    if path.endswith(("css", "page.js")) or path == "/":
                        assert b"://" not in body.replace(b"ws://${location.host}", b"").replace(
                            b"https://github.com/chjj/term.js", b""
                        ).replace(b"http://bellard.org/jslinux/", b"")

    asyncio.run(looks())


def test_it_listens_on_loopback_alone(served: Served) -> None:
    listening = [
        line.split()[1]
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{served.port:04X}")
    ]
    assert listening == [f"0100007F:{served.port:04X}"]


# -- usage


def refused(environment: dict[str, str], folder: Path, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        command("serve", "--workspace", str(folder / "work"), *words),
        env=environment,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "kaizen-tui serve --web"),
        (("--web", "--host", "0.0.0.0"), "0.0.0.0 is not an address that only this machine"),
        (("--web", "--host", "::"), "only this machine"),
        (("--web", "--host", "evil.example"), "only this machine"),
        (("--web", "--host", ""), "only this machine"),
        (("--web", "--port", "65536"), "65536 is no port"),
        (("--web", "--port", "-1"), "-1 is no port"),
        (("--web", "--port", "web"), "invalid int value: 'web'"),
        (("--web", "--workspace", "/nowhere"), "/nowhere is no folder"),
    ],
    ids=str,
)
def test_what_cannot_be_served_is_an_error_of_usage(
    environment: dict[str, str], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    code, err = refused(environment, tmp_path, *words)
    assert (code, said in err) == (2, True), err
    assert len(err.splitlines()) == 1


def test_a_port_that_is_taken_is_an_error_of_usage(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = refused(environment, tmp_path, "--web", "--port", str(port))
    assert (code, f"port {port} of 127.0.0.1 is taken" in err) == (2, True), err


# -- pages


def test_a_page_shows_the_screen_in_its_size_and_follows_its_keys(served: Served) -> None:
    async def looks() -> None:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.press("\x1bOP")  # F1
            await opened.until("esc closes")
            await opened.press("\x1b")
            await opened.socket.send_json(["ping", "7"])
            await opened.socket.send_json(["focus"])
            await opened.socket.send_json(["resize", {"width": 90, "height": 30}])
            (pid,) = served.programs()
            assert environment_of(pid)["TERM"] == "xterm-256color"

    asyncio.run(looks())
    until(lambda: served.programs() == [], "gone")


def test_a_closed_page_suspends_and_saves_its_run_and_its_program_ends(
    served: Served, tmp_path: Path
) -> None:
    async def looks() -> None:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.command("run blocked seconds=1000")
            await opened.until("running")

    asyncio.run(looks())
    until(lambda: served.programs() == [], "gone")
    assert [state for _, state in runs(tmp_path)] == ["suspended"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_server_ends_every_page_and_saves_its_run(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    async def looks(served: Served) -> None:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.command("run asking")
            await opened.until("well?")
            pids = served.programs()
            code = await asyncio.to_thread(served.ended, number)
            await opened.until_closed()
            assert code == 128 + number
            until_gone(pids)
            assert "kaizen-tui resume" in opened.text  # the last words reach the page

    with serving(tmp_path, environment) as served:
        asyncio.run(looks(served))
    assert [state for _, state in runs(tmp_path)] == ["suspended"]


def test_a_server_that_is_killed_takes_its_pages_with_it_and_their_runs_are_saved(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async def looks(served: Served) -> list[int]:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.command("run asking")
            await opened.until("well?")
            pids = served.programs()
            kill(served.pid)
            return pids

    with serving(tmp_path, environment) as served:
        until_gone(asyncio.run(looks(served)))
    assert [state for _, state in runs(tmp_path)] == ["suspended"]


def test_ctrl_z_stops_no_program_that_has_no_shell_to_go_to(served: Served) -> None:
    async def presses() -> None:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.press("\x1a")
            await opened.until("no shell has started this")
            await opened.press("\x1bOP")
            await opened.until("esc closes")

    asyncio.run(presses())


def test_a_stopped_program_is_ended_with_its_page(served: Served) -> None:
    async def stops() -> None:
        async with let_in(served) as session, page(served, session):
            (pid,) = served.programs()
            os.kill(pid, signal.SIGSTOP)
        await asyncio.to_thread(until, lambda: served.programs() == [], "gone")

    asyncio.run(stops())


def test_a_program_that_leaves_closes_its_page(served: Served) -> None:
    async def looks() -> None:
        async with let_in(served) as session, page(served, session) as opened:
            await opened.press("\x11")  # ctrl+q
            assert await opened.until_closed() == 1000

    asyncio.run(looks())


def test_two_pages_are_two_programs_and_one_stays_when_the_other_goes(served: Served) -> None:
    async def looks() -> None:
        async with let_in(served) as session, page(served, session) as first:
            async with page(served, session):
                assert len(served.programs()) == 2
            until_one = asyncio.to_thread(until, lambda: len(served.programs()) == 1, "one")
            await until_one
            await first.press("\x1bOP")
            await first.until("esc closes")

    asyncio.run(looks())


def test_there_are_a_few_pages_at_a_time_and_a_closed_one_makes_room(served: Served) -> None:
    async def looks() -> None:
        url = f"{served.origin}/ws"
        async with let_in(served) as session:
            sockets = [await session.ws_connect(url) for _ in range(MOST_PAGES)]
            with pytest.raises(WSServerHandshakeError) as full:
                await session.ws_connect(url)
            assert full.value.status == 503
            assert len(served.programs()) <= MOST_PAGES
            await sockets.pop().close()
            async with asyncio.timeout(BOUND_S):
                while True:
                    try:
                        sockets.append(await session.ws_connect(url))
                        break
                    except WSServerHandshakeError:
                        await asyncio.sleep(0.05)
            for each in sockets:
                await each.close()

    asyncio.run(looks())
    until(lambda: served.programs() == [], "gone")


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{}",
        "[]",
        '["stdin"]',
        '["stdin", 5]',
        '["resize", {"width": "a", "height": 3}]',
        '["quit"]',
        "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_what_no_page_says_ends_the_page(served: Served, message: str) -> None:
    async def says() -> None:
        async with let_in(served) as session, session.ws_connect(f"{served.origin}/ws") as ws:
            await ws.send_str(message)
            async with asyncio.timeout(BOUND_S):
                async for _ in ws:
                    pass
            assert ws.close_code == 1008

    asyncio.run(says())
    until(lambda: served.programs() == [], "gone")
