"""The server on pipes, met by the protocol's own client: what a program that starts it gets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client

from tests.mcp_server.clients import (
    HELLO,
    MODES,
    Action,
    Mode,
    Told,
    answering,
    by_stdio,
    error_of,
    run_of,
    said,
    served_folder,
    until,
)
from tests.processes import BOUND_S, rows, runs
from tests.processes import until as until_so

pytestmark = pytest.mark.slow

HOSTILE = (
    'name = "hostile"\nsignature = "x: str -> y: str"\n'
    'instructions = "a\\u001b]52;c;eA\\u0007\\u202eb"\n'
)


NOISY = '''\
"""Prints wherever it can."""
import os
import subprocess
import sys
from workbench import call, pattern

print("imported")


def loud() -> str:
    """Print, and read what there is to be read."""
    print("loud")
    os.write(1, b"louder")
    subprocess.run(["echo", "a child"])
    return sys.stdin.read()


@pattern
async def noisy() -> str:
    """Make noise."""
    return await call(loud)
'''


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return served_folder(tmp_path)


@pytest.mark.parametrize("mode", MODES)
def test_an_agent_is_a_tool_with_its_signature_and_a_call_of_it_is_a_run(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def calls() -> Any:
        told = Told()
        async with by_stdio(tmp_path, environment, mode=mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools["ask_critic"].input_schema["required"] == ["draft"]
            assert tools["ask_critic"].output_schema is not None
            assert "follow_debate" in tools
            assert not {"follow_ask", "follow_use", "follow_restore-files"} & set(tools)
            assert "answer_waiting" not in tools  # a model must not approve what it started
            result = await client.call_tool("ask_critic", {"draft": "x"}, progress_callback=told)
            assert set(result.structured_content) == {"verdict", "why"}
            assert told.numbers == sorted(set(told.numbers)) != []
            log = await client.read_resource(f"kaizen://run/{run_of(result)}")
            (content,) = log.contents
            assert isinstance(content, types.TextResourceContents)
            return run_of(result), content.text

    run_id, log = asyncio.run(calls())
    assert runs(tmp_path) == [(run_id, "returned")]
    (first,) = rows(tmp_path, "run.started")
    assert first["by"] == "mcp"
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[0]["run"] == run_id
    assert lines[-1]["end"] is True


def test_what_does_not_fit_names_the_nearest_and_starts_nothing(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async def calls(client: Client) -> list[dict[str, Any]]:
        given: list[tuple[str, dict[str, Any]]] = [
            ("ask_critik", {}),
            ("ask_critic", {"drft": "x"}),
            ("ask_critic", {"draft": 5}),
            ("ask_critic", {}),
            ("follow_debate", {"agents": ["critik"], "judge": "critic", "question": "?"}),
            ("show_run", {"run": "nothing"}),
            ("ask_critic", {"draft": "x" * 5_000_000}),
        ]
        return [error_of(await client.call_tool(name, values)) for name, values in given]

    async def main() -> list[dict[str, Any]]:
        async with by_stdio(tmp_path, environment) as client:
            return await calls(client)

    found = asyncio.run(main())
    codes = [error["code"] for error in found]
    assert codes == ["unknown_name", "input", "input", "input", "input", "unknown_name", "input"]
    assert "'ask_critic'" in found[0]["hint"]
    assert "'draft'" in found[1]["hint"]
    assert "'critic'" in found[4]["hint"]
    assert "bytes long" in found[6]["message"]
    assert runs(tmp_path) == []


NOES: tuple[tuple[Action, dict[str, Any] | None], ...] = (
    ("accept", {"answer": "deny"}),
    ("accept", {"answer": "ALLOW"}),
    ("accept", {}),
    ("decline", {"answer": "allow"}),
    ("cancel", None),
)


@pytest.mark.parametrize("mode", MODES)
def test_only_an_accepted_allow_allows(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    heard: list[Any] = []
    yes: tuple[Action, dict[str, Any] | None] = ("accept", {"answer": "allow"})
    left = [*NOES, yes]

    async def asked(context: Any, params: Any) -> Any:
        return await answering(*left.pop(0), heard)(context, params)

    async def main() -> None:
        async with by_stdio(tmp_path, environment, mode=mode, asked=asked) as client:
            for _ in NOES:
                result = await client.call_tool("follow_deleting", {})
                assert error_of(result)["code"] == "denied"
                assert (tmp_path / "work" / "precious").exists()
            assert not (await client.call_tool("follow_deleting", {})).is_error

    asyncio.run(main())
    assert not (tmp_path / "work" / "precious").exists()
    assert 'path = "precious"' in heard[0].message
    assert "Danger: HIGH" in heard[0].message
    answers = rows(tmp_path, "approval.answered")
    assert [one["verdict"] for one in answers] == ["deny"] * len(NOES) + ["allow"]
    assert {one["by"] for one in answers} == {"mcp"}


@pytest.mark.parametrize("mode", MODES)
def test_a_client_that_cannot_ask_is_denied_and_told_what_would_allow_it(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def main() -> Any:
        async with by_stdio(tmp_path, environment, mode=mode) as client:
            return await client.call_tool("follow_deleting", {})

    error = error_of(asyncio.run(main()))
    assert error["code"] == "denied"
    assert "a rule would allow it" in error["message"]
    assert "--wait" in error["message"]
    assert (tmp_path / "work" / "precious").exists()


@pytest.mark.parametrize("mode", MODES)
def test_a_question_is_answered_by_the_clients_person_or_leaves_the_run_at_rest(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def main() -> tuple[Any, Any]:
        yes = answering("accept", {"answer": "yes"})
        async with by_stdio(tmp_path, environment, mode=mode, asked=yes) as client:
            answered = await client.call_tool("follow_asking", {})
        no = answering("decline")
        async with by_stdio(tmp_path, environment, mode=mode, asked=no) as client:
            return answered, await client.call_tool("follow_asking", {})

    answered, declined = asyncio.run(main())
    assert answered.structured_content == {"result": "yes"}
    error = error_of(declined)
    assert error["code"] == "suspended"
    assert "resume_run" in error["hint"]
    assert [status for _, status in runs(tmp_path)] == ["returned", "suspended"]


@pytest.mark.parametrize("mode", MODES)
def test_somebody_at_another_process_may_answer_first(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def answers_elsewhere() -> None:
        def waits() -> bool:
            return "delete_file" in said(tmp_path, environment, "inbox")

        await until(waits, "waited")
        await asyncio.to_thread(said, tmp_path, environment, "answer", "1", "allow")

    async def main() -> Any:
        async with by_stdio(tmp_path, environment, "--wait", mode=mode) as client:
            elsewhere = asyncio.ensure_future(answers_elsewhere())
            result = await client.call_tool("follow_deleting", {})
            await elsewhere
            return result

    assert not asyncio.run(main()).is_error
    assert not (tmp_path / "work" / "precious").exists()
    (answer,) = rows(tmp_path, "approval.answered")
    assert answer["by"] != "mcp"


@pytest.mark.parametrize("mode", MODES)
def test_who_answers_elsewhere_while_the_clients_person_thinks_is_first(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def thinks(_context: Any, _params: Any) -> Any:
        await asyncio.to_thread(said, tmp_path, environment, "answer", "1", "allow")
        return types.ElicitResult(action="decline")

    async def main() -> Any:
        async with by_stdio(tmp_path, environment, mode=mode, asked=thinks) as client:
            return await client.call_tool("follow_deleting", {})

    assert not asyncio.run(main()).is_error
    assert not (tmp_path / "work" / "precious").exists()
    (answer,) = rows(tmp_path, "approval.answered")
    assert (answer["verdict"], answer["by"] == "mcp") == ("allow", False)


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_request_interrupts_its_run(
    tmp_path: Path, environment: dict[str, str], mode: Mode
) -> None:
    async def main() -> None:
        told = Told()
        async with by_stdio(tmp_path, environment, mode=mode) as client:
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
    assert (asked["how"], asked["by"]) == ("immediate", "mcp")
    assert "cancelled" in asked["reason"]


def test_two_calls_at_once_have_a_run_each(tmp_path: Path, environment: dict[str, str]) -> None:
    async def main() -> list[Any]:
        async with by_stdio(tmp_path, environment) as client:
            calls = [client.call_tool("ask_critic", {"draft": str(n)}) for n in range(8)]
            return await asyncio.gather(*calls)

    found = asyncio.run(main())
    assert len({run_of(result) for result in found}) == 8
    assert [status for _, status in runs(tmp_path)] == ["returned"] * 8


def test_a_server_killed_in_mid_run_leaves_a_run_that_is_resumed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async def main() -> None:
        told = Told()
        async with by_stdio(tmp_path, environment) as client:
            given = {"name": "a", "count": 12}
            call = asyncio.ensure_future(
                client.call_tool("follow_lines", given, progress_callback=told)
            )
            await until((tmp_path / "work" / "lines").exists, "began")
            os.kill(_server(tmp_path), signal.SIGKILL)
            await asyncio.wait([call])
            assert call.exception() is not None

    asyncio.run(main())
    ((run_id, status),) = runs(tmp_path)
    assert status == "running"

    async def resumed() -> list[Any]:
        async with by_stdio(tmp_path, environment) as client:
            found = [await client.call_tool("resume_run", {"run": run_id})]
        done = answering("accept", {"answer": "done"})  # of the line in doubt, should one be
        async with by_stdio(tmp_path, environment, asked=done) as client:
            return [*found, await client.call_tool("resume_run", {"run": run_id})]

    alone, answered = asyncio.run(resumed())
    if alone.is_error:
        assert error_of(alone)["code"] == "in_doubt"
        assert answered.structured_content == {"run_id": run_id, "result": 12}
    lines = (tmp_path / "work" / "lines").read_text().splitlines()
    assert len(lines) == len(set(lines))


def test_when_the_client_goes_runs_rest_and_nothing_is_left(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async def main() -> int:
        told = Told()
        async with by_stdio(tmp_path, environment) as client:
            given = {"name": "a", "count": 1000}
            call = asyncio.ensure_future(
                client.call_tool("follow_lines", given, progress_callback=told)
            )
            await told.first.wait()
            pid = _server(tmp_path)
        await asyncio.wait([call])
        return pid

    pid = asyncio.run(main())
    assert [status for _, status in runs(tmp_path)] == ["suspended"]
    (asked,) = rows(tmp_path, "interrupt.asked")
    assert asked["how"] == "graceful"
    assert not Path(f"/proc/{pid}").exists()


@contextmanager
def raw(folder: Path, environment: dict[str, str]) -> Generator[subprocess.Popen[bytes]]:
    """A server whose messages are written by hand; it has been greeted."""
    command = [sys.executable, "-m", "workbench", "serve", "--mcp"]
    process = subprocess.Popen(
        command, cwd=folder / "work", env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        send(process, json.dumps(HELLO).encode())
        assert heard(process)["id"] == 1
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def send(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line + b"\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def call(number: int, tool: str, **given: Any) -> bytes:
    params = {"name": tool, "arguments": given}
    message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(message).encode()


def test_a_signal_ends_it_although_the_client_stays(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with raw(tmp_path, environment) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(BOUND_S) == 143
        assert process.stdout is not None
        assert process.stdout.read() == b""


def test_what_is_no_message_is_answered_as_that_and_the_next_one_is_heard(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    odd = [b"garbage", b"[1]", b"[" * 100_000, b"\xff\xfe", b"null"]
    with raw(tmp_path, environment) as process:
        for line in odd:
            send(process, line)
            answer = heard(process)
            assert answer["error"]["code"] == -32700, line[:20]
            assert answer["id"] is None
        half = call(7, "ask_critic", draft="x").replace(b'"x"', b'"\\ud800"')
        send(process, half)
        assert heard(process)["id"] == 7
        send(process, call(8, "list_runs"))
        assert heard(process)["result"]["structuredContent"] == {"runs": []}


def test_nothing_that_a_plugin_or_a_child_prints_gets_among_the_messages(tmp_path: Path) -> None:
    environment = served_folder(tmp_path)
    plugin = tmp_path / "work" / "plugins" / "noisy.py"
    plugin.write_text(NOISY, encoding="utf-8")
    said(tmp_path, environment, "trust", "--yes")
    with raw(tmp_path, environment) as process:
        send(process, call(2, "follow_noisy"))
        answer = heard(process)
        assert answer["id"] == 2
        assert answer["result"]["structuredContent"] == {"result": ""}  # nor is stdin theirs
        assert process.stdin is not None
        process.stdin.close()
        assert process.stdout is not None
        assert process.stdout.read() == b""
        assert process.wait(BOUND_S) == 0


def test_a_client_that_goes_does_not_wait_for_what_does_not_stop(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    with raw(tmp_path, environment) as process:
        send(process, call(2, "follow_blocked"))
        until_so(lambda: bool(rows(tmp_path, "step.started")), "began")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(BOUND_S) == 0
    assert [status for _, status in runs(tmp_path)] == ["suspended"]


def test_two_servers_on_one_database_do_not_disturb_each_other(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    async def main() -> list[Any]:
        async with (
            by_stdio(tmp_path, environment) as one,
            by_stdio(tmp_path, environment, mode="legacy") as other,
        ):
            calls = [c.call_tool("ask_critic", {"draft": "x"}) for c in (one, other) * 4]
            return await asyncio.gather(*calls)

    assert not any(result.is_error for result in asyncio.run(main()))
    assert [status for _, status in runs(tmp_path)] == ["returned"] * 8


def test_what_nobody_has_trusted_is_not_offered_and_a_call_says_why(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "work" / "plugins" / "new.py").write_text(NOISY, encoding="utf-8")

    async def main() -> Any:
        async with by_stdio(tmp_path, environment) as client:
            return await client.call_tool("follow_noisy", {})

    error = error_of(asyncio.run(main()))
    assert error["code"] == "not_trusted"
    assert "plugins/new.py" in error["hint"]
    assert "kaizen-tui trust" in (tmp_path / "stderr").read_text()


def test_what_an_agent_says_of_itself_steers_nothing(tmp_path: Path) -> None:
    environment = served_folder(tmp_path, HOSTILE)

    async def main() -> tuple[Any, Any]:
        async with by_stdio(tmp_path, environment) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            given = {"x": "\x1b]52;c;eA==\x07\u202e\x9b"}
            return tools["ask_hostile"], await client.call_tool("ask_hostile", given)

    tool, result = asyncio.run(main())
    texts = [tool.description, *(block.text for block in result.content if block.type == "text")]
    for text in texts:
        assert not set("\x1b\x07\x9b\u202e") & set(text)
    assert json.loads(texts[1]) == result.structured_content


def _server(folder: Path) -> int:
    """The process that serves a folder."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--mcp" in words and str(folder / "work").encode() in words:
            return int(path.parent.name)
    raise AssertionError("no server")
