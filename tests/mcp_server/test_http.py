"""The server on loopback: who has which token may do what, proven by what then happened."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client

from tests.mcp_server.clients import (
    HELLO,
    MODES,
    Mode,
    Served,
    Told,
    answering,
    by_http,
    error_of,
    listening,
    run_of,
    said,
    served_folder,
    token,
    until,
)
from tests.processes import BOUND_S, rows, runs

pytestmark = pytest.mark.slow

ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return served_folder(tmp_path)


@pytest.fixture
def served(tmp_path: Path, environment: dict[str, str]) -> Generator[Served]:
    with listening(tmp_path, environment) as server:
        yield server


def refusals(folder: Path) -> list[dict[str, Any]]:
    """What the audit says of who was refused."""
    (file,) = folder.glob(".local/share/kaizen-tui/workspaces/*/workbench.db")
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as link:
        found = link.execute("SELECT data FROM audit WHERE kind = 'caller.refused' ORDER BY number")
        return [json.loads(data) for (data,) in found]


@pytest.mark.parametrize("mode", MODES)
def test_a_call_tells_how_far_it_is_asks_its_person_and_gives_its_result(
    tmp_path: Path, environment: dict[str, str], served: Served, mode: Mode
) -> None:
    word = token(tmp_path, environment, "laptop", "owner")

    async def main() -> Any:
        told, allow = Told(), answering("accept", {"answer": "allow"})
        async with by_http(served.url, word, mode=mode, asked=allow) as client:
            given = {"name": "a", "count": 3}
            result = await client.call_tool("follow_lines", given, progress_callback=told)
            assert result.structured_content == {"result": 3}
            assert told.words
            return await client.call_tool("follow_deleting", {})

    assert not asyncio.run(main()).is_error
    assert not (tmp_path / "work" / "precious").exists()
    assert {first["by"].partition(".")[0] for first in rows(tmp_path, "run.started")} == {"laptop"}


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_request_interrupts_its_run(
    tmp_path: Path, environment: dict[str, str], served: Served, mode: Mode
) -> None:
    word = token(tmp_path, environment, "laptop", "runner")

    async def main() -> None:
        told = Told()
        async with by_http(served.url, word, mode=mode) as client:
            given = {"name": "a", "count": 1000}
            call = asyncio.ensure_future(
                client.call_tool("follow_lines", given, progress_callback=told)
            )
            await told.first.wait()
            call.cancel()
            await asyncio.wait([call])
            await until(lambda: runs(tmp_path)[0][1] == "suspended", "rested")

    asyncio.run(main())
    (asked,) = rows(tmp_path, "interrupt.asked")
    assert asked["how"] == "immediate"
    assert asked["by"].startswith("laptop.")


def test_each_role_does_its_own_and_nothing_else(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    """Role × action, each by what there is afterwards; what is refused is in the audit."""
    words = {
        name: token(tmp_path, environment, name, role)
        for name, role in (
            ("vera", "viewer"), ("rita", "runner"), ("rolf", "runner"), ("olga", "owner"),
            ("anna", "approver"),
        )
    }  # fmt: skip

    async def may(name: str, tool: str, given: dict[str, Any]) -> bool:
        async with by_http(served.url, words[name]) as client:
            result = await client.call_tool(tool, given)
            if result.is_error:
                assert error_of(result)["code"] == "denied", result
            return not result.is_error

    async def main() -> None:
        async with by_http(served.url, words["rita"]) as client:
            run_id = run_of(await client.call_tool("ask_critic", {"draft": "x"}))
            mine = await client.call_tool("list_runs", {})
        async with by_http(served.url, words["rolf"]) as client:
            others = await client.call_tool("list_runs", {})
            assert (await client.list_resources()).resources == []
        assert len(mine.structured_content["runs"]) == 1
        assert others.structured_content["runs"] == []
        before = len(runs(tmp_path))
        table: list[tuple[str, dict[str, Any], set[str]]] = [
            ("show_run", {"run": run_id}, {"vera", "rita", "olga", "anna"}),
            ("fork_run", {"run": run_id, "at": 1}, {"rita", "olga"}),
            ("interrupt_run", {"run": run_id}, set()),
            ("ask_critic", {"draft": "y"}, {"rita", "rolf", "olga"}),
            ("list_waiting", {}, {"anna"}),
        ]
        started = 0
        for tool, given, allowed in table:
            if tool == "interrupt_run":
                continue
            for name in words:
                if tool == "list_waiting" and name == "olga":
                    continue  # by a form of its client, not by a tool
                assert await may(name, tool, given) is (name in allowed), (tool, name)
            started += len(allowed) if tool in ("fork_run", "ask_critic") else 0
        assert len(runs(tmp_path)) == before + started

    asyncio.run(main())
    who = {one["who"].partition(".")[0] for one in refusals(tmp_path)}
    assert who == {"vera", "rolf", "anna", "rita"}


def test_a_runner_interrupts_its_own_run_and_nobody_elses(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    rita, rolf = (token(tmp_path, environment, name, "runner") for name in ("rita", "rolf"))

    async def main() -> None:
        told = Told()
        async with by_http(served.url, rita) as own, by_http(served.url, rolf) as other:
            given = {"name": "a", "count": 1000}
            call = asyncio.ensure_future(
                own.call_tool("follow_lines", given, progress_callback=told)
            )
            await told.first.wait()
            ((run_id, _),) = runs(tmp_path)
            refused = await other.call_tool("interrupt_run", {"run": run_id})
            assert error_of(refused)["code"] == "denied"
            assert rows(tmp_path, "interrupt.asked") == []
            done = await own.call_tool("interrupt_run", {"run": run_id, "how": "immediate"})
            assert done.structured_content == {"run_id": run_id, "status": "suspended"}
            assert error_of(await call)["code"] == "suspended"

    asyncio.run(main())


def test_an_approver_answers_what_a_runner_started(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    rita = token(tmp_path, environment, "rita", "runner")
    anna = token(tmp_path, environment, "anna", "approver")

    async def answers(client: Client) -> None:
        waiting: list[dict[str, Any]] = []
        while not waiting:
            waiting = (await client.call_tool("list_waiting", {})).structured_content["waiting"]
        (one,) = waiting
        given = {"waiting": one["id"], "answer": "allow"}
        refused = await client.call_tool("answer_waiting", {**given, "digest": "another"})
        assert error_of(refused)["code"] == "usage"
        assert (tmp_path / "work" / "precious").exists()
        done = await client.call_tool("answer_waiting", {**given, "digest": one["digest"]})
        assert not done.is_error, done

    async def main(url: str) -> Any:
        allow = answering("accept", {"answer": "allow"})  # a runner's own person is not asked
        async with by_http(url, rita, asked=allow) as runner, by_http(url, anna) as approver:
            call = asyncio.ensure_future(runner.call_tool("follow_deleting", {}))
            await answers(approver)
            return await call

    with listening(tmp_path, environment, "--wait") as served:
        assert not asyncio.run(main(served.url)).is_error
    assert not (tmp_path / "work" / "precious").exists()
    (answer,) = rows(tmp_path, "approval.answered")
    assert answer["by"].startswith("anna.")


def test_an_answer_is_good_for_the_call_that_asked_of_its_own_client_and_once(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    kim, lee = (token(tmp_path, environment, name, "owner") for name in ("kim", "lee"))
    allow = types.ElicitResult(action="accept", content={"answer": "allow"})

    async def main() -> None:
        nobody = answering("cancel")
        async with (
            by_http(served.url, kim, asked=nobody) as client,
            by_http(served.url, lee, asked=nobody) as other,
        ):

            async def again(who: Client, tool: str, state: str, key: str) -> Any:
                return await who.session.call_tool(
                    tool, {}, input_responses={key: allow}, request_state=state,
                    allow_input_required=True,
                )  # fmt: skip

            first = await client.session.call_tool("follow_deleting", {}, allow_input_required=True)
            assert isinstance(first, types.InputRequiredResult)
            assert first.request_state is not None
            (key,) = first.input_requests or {}
            for who, tool, state in (
                (other, "follow_deleting", first.request_state),
                (client, "follow_asking", first.request_state),
                (client, "follow_deleting", "forged"),
            ):
                assert error_of(await again(who, tool, state, key))["code"] == "usage"
            asked = await again(client, "follow_deleting", first.request_state, "another")
            assert (tmp_path / "work" / "precious").exists()
            done = await again(client, "follow_deleting", asked.request_state, key)
            assert not done.is_error
            late = await again(client, "follow_deleting", asked.request_state, key)
            assert error_of(late)["code"] == "usage"

    asyncio.run(main())
    assert not (tmp_path / "work" / "precious").exists()
    assert len(runs(tmp_path)) == 1


def test_without_a_token_that_holds_nothing_happens_and_the_audit_says_so(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    word = token(tmp_path, environment, "gone", "owner")
    said(tmp_path, environment, "token", "revoke", "gone")
    host = served.origin.removeprefix("http://")
    good = {**ACCEPT, "Authorization": f"Bearer {token(tmp_path, environment, 'ok', 'owner')}"}
    tries: list[tuple[dict[str, str], int]] = [
        (ACCEPT, 401),
        ({**ACCEPT, "Authorization": "Bearer kzt_wrong"}, 401),
        ({**ACCEPT, "Authorization": f"Bearer {word}"}, 401),
        ({**ACCEPT, "Authorization": f"Basic {word}"}, 401),
        ({**good, "Host": "evil.example"}, 403),
        ({**good, "Origin": "http://evil.example"}, 403),
        ({**good, "Origin": f"http://{host}"}, 403),
        ({**good, "Sec-Fetch-Site": "cross-site"}, 403),
        (good, 200),
    ]

    async def main() -> None:
        async with httpx2.AsyncClient(timeout=BOUND_S) as client:
            for headers, status in tries:
                answer = await client.post(served.url, json=HELLO, headers=headers)
                assert answer.status_code == status, headers
            for path in ("/", "/mcp", "/other"):
                assert (await client.get(served.origin + path)).status_code == 401

    asyncio.run(main())
    assert runs(tmp_path) == []
    assert len(refusals(tmp_path)) == len(tries) - 1 + 3
    assert "intact" in said(tmp_path, environment, "audit", "verify")


def test_too_many_requests_are_told_when_to_come_again(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    word = token(tmp_path, environment, "quick", "owner", "--rate", "6")

    async def main() -> list[httpx2.Response]:
        headers = {**ACCEPT, "Authorization": f"Bearer {word}"}
        async with httpx2.AsyncClient(timeout=BOUND_S, headers=headers) as client:
            return [await client.post(served.url, json=HELLO) for _ in range(8)]

    found = asyncio.run(main())
    assert [answer.status_code for answer in found][:6] == [200] * 6
    assert found[-1].status_code == 429
    assert 1 <= int(found[-1].headers["Retry-After"]) <= 10
    (told,) = refusals(tmp_path)  # once, not for each
    assert told["who"].startswith("quick.")


def test_a_body_of_five_megabytes_is_refused(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    word = token(tmp_path, environment, "big", "owner")

    async def main() -> int:
        headers = {**ACCEPT, "Authorization": f"Bearer {word}"}
        async with httpx2.AsyncClient(timeout=BOUND_S, headers=headers) as client:
            answer = await client.post(served.url, json={**HELLO, "x": "y" * 5_000_000})
            return answer.status_code

    assert asyncio.run(main()) == 413
    assert runs(tmp_path) == []


def test_a_signal_has_runs_rest_and_ends_the_server(
    tmp_path: Path, environment: dict[str, str], served: Served
) -> None:
    word = token(tmp_path, environment, "laptop", "owner")

    async def main() -> None:
        told = Told()
        async with by_http(served.url, word) as client:
            given = {"name": "a", "count": 1000}
            call = asyncio.ensure_future(
                client.call_tool("follow_lines", given, progress_callback=told)
            )
            await told.first.wait()
            served.process.send_signal(signal.SIGTERM)
            await asyncio.wait([call])

    asyncio.run(main())
    assert served.process.wait(BOUND_S) == 143
    assert [status for _, status in runs(tmp_path)] == ["suspended"]


def test_a_token_is_shown_once_and_kept_as_a_digest_for_its_owner_alone(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    word = token(tmp_path, environment, "laptop", "runner", "--expires", "12h")
    (file,) = tmp_path.glob(".local/share/kaizen-tui/workspaces/*/tokens.json")
    assert file.stat().st_mode & 0o777 == 0o600
    everything = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(word.encode() in path.read_bytes() for path in everything)
    listed = said(tmp_path, environment, "token", "list")
    assert "laptop  runner" in listed
    assert word not in listed
    audit = said(tmp_path, environment, "audit")
    assert "token.added" in audit
