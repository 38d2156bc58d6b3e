"""A server that hangs, floods, dies, comes back too often, or asks what it should not."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from tests.threats.served import ALL, DOUBLES, deeds, said, serve
from tests.threats.shipped import PROGRAM, Stage
from tests.threats.test_08_terminal import RAW, _all, _at

MIB = 1 << 20


def _processes(stage: Stage) -> list[int]:
    """The servers of this test that are alive."""
    mark = str(stage.folder / "deeds").encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if mark in words and str(DOUBLES).encode() in words:
            found.append(int(entry.name))
    return found


def test_a_server_that_dies_in_the_middle_leaves_a_doubt_and_nothing_is_done_twice(
    stage: Stage,
) -> None:
    serve(stage, "good")
    began = time.monotonic()
    ended = stage.play([("srv.die", {})], rules=ALL)
    assert ended.code == 7, ended
    assert time.monotonic() - began < 20  # the program's own start included
    assert "did srv.die happen?" in said(ended)
    assert deeds(stage) == ["started", "die"]
    run = stage.newest
    for _ in range(2):
        assert stage.run("resume", run).code == 7
    assert deeds(stage).count("die") == 1
    doubt = '[{"tool":"srv.die","answer":"not_done"}]'
    assert stage.run("resume", run, "--set", f"doubts={doubt}").code == 0
    assert deeds(stage).count("die") == 1


def test_a_rule_about_doubts_answers_here_and_now(stage: Stage) -> None:
    serve(
        stage, "good", before='[[doubts]]\ntool = "srv.*"\nanswer = "done"\nresult = "so be it"\n'
    )
    ended = stage.play([("srv.die", {})], [("srv.echo", {"text": "b"})], rules=ALL)
    assert ended.code == 0, ended
    first, second = stage.calls_made()
    assert first["result"] == "so be it"
    assert second["result"]["text"] == "b"
    assert deeds(stage) == ["started", "die", "started", "echo"]


def test_a_server_that_hangs_is_given_up_in_time(stage: Stage) -> None:
    serve(stage, "good", "call_s = 1.0")
    ended = stage.play([("srv.hang", {})], rules=ALL)
    assert ended.code == 7, ended
    assert "did srv.hang happen?" in said(ended)
    assert _processes(stage) == []


def test_what_only_reads_fails_and_is_no_doubt(stage: Stage) -> None:
    serve(stage, "good", "call_s = 1.0", before='[tools."srv.hang"]\nrepeat = "pure"\n')
    ended = stage.play([("srv.hang", {})], rules=ALL)
    assert ended.code == 0, ended
    assert "gave no answer in 1 s" in stage.outcomes()[0][1]


@pytest.mark.parametrize("name", ["flood", "chatter"])
def test_a_flood_is_cut_off_in_bounded_memory(stage: Stage, name: str) -> None:
    serve(stage, "good", "call_s = 40.0")
    ended = stage.play([(f"srv.{name}", {})], rules=ALL)
    assert ended.code == 7, ended
    sent = stage.folder / "deeds" / "sent"
    assert not sent.exists() or sent.stat().st_size < 200 * MIB
    assert _processes(stage) == []
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 800 * 1024


def test_a_huge_answer_is_cut_and_says_so(stage: Stage) -> None:
    serve(stage, "good")
    stage.play([("srv.huge", {})], rules=ALL)
    assert stage.outcomes() == [("srv.huge", "done")]
    kept = [file for file in stage.folder.rglob("blobs/**/*") if file.is_file()]
    assert any(b"bytes left out" in file.read_bytes() for file in kept)
    assert sum(file.stat().st_size for file in kept) < 1 * MIB


def test_a_server_is_started_again_so_often_and_no_more(stage: Stage) -> None:
    more = '[[doubts]]\ntool = "srv.*"\nanswer = "not_done"\n'
    serve(stage, "good", "restarts = 1", before=more)
    rounds = [[("srv.die", {"text": str(number)})] for number in range(4)]
    ended = stage.play(*rounds, rules=ALL)
    assert ended.code == 0, ended
    assert deeds(stage) == ["started", "die", "started", "die"]
    assert "is started no more" in stage.outcomes()[-1][1]


@pytest.mark.parametrize("behaviour", ["broken", "mute"])
def test_a_server_that_does_not_start_is_an_error_with_its_last_words(
    stage: Stage, behaviour: str
) -> None:
    serve(stage, "good", "start_s = 5.0")
    trusted = (stage.folder / "settings" / "config.toml").read_text()
    stage.settings(trusted.replace('"good"', f'"{behaviour}"'))
    ended = stage.run("mcp", "trust", "srv", "--yes")
    assert ended.code == 1, ended
    words = "no database \\x1b[31m here" if behaviour == "broken" else "within 5 s"
    assert words in ended.err
    assert _processes(stage) == []


def test_the_program_killed_in_the_middle_of_a_call_does_not_repeat_it(stage: Stage) -> None:
    serve(stage, "good", "call_s = 60.0")
    (stage.work / "stage.playbook.yaml").write_text(
        json.dumps(
            {
                "playbook": "stage",
                "answers": [
                    {"agent": "worker", "when": {"round": 0}, "calls": [{"tool": "srv.hang"}]},
                    {"text": "done"},
                ],
            }
        )
    )
    script = (
        "model playbook:stage\n"
        'agent define worker "task: str -> text: str" tools=\'["srv.hang"]\'\n'
    )
    (stage.work / "go.kz").write_text(f"{script}{ALL}\nask worker go\n")
    program = subprocess.Popen(
        [str(PROGRAM), "--script", "go.kz"],
        cwd=stage.work, env=stage.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 40
        while "hang" not in deeds(stage):
            assert time.monotonic() < until
            assert program.poll() is None
            os.sched_yield()
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
    for pid in _processes(stage):  # this one never reads that its input has ended
        os.kill(pid, signal.SIGKILL)
    ended = stage.run("--script", "go.kz", "--resume")
    assert ended.code == 7, ended
    assert "did srv.hang happen?" in said(ended)
    assert deeds(stage).count("hang") == 1


def test_a_server_s_question_is_not_heard_unless_the_settings_let_it(stage: Stage) -> None:
    serve(stage, "spoof", program="mcp_server")
    ended = stage.play([("srv.greet", {})], rules=ALL)
    assert "approved by user" not in said(ended)
    assert stage.rows("question.asked") == []
    assert "hello" not in json.dumps(stage.calls_made()[0].get("result", ""))


def test_nobody_answers_a_server_where_nobody_is(stage: Stage) -> None:
    serve(stage, "spoof", "elicitation = true", program="mcp_server")
    ended = stage.play([("srv.greet", {})], rules="approve srv.greet")
    assert ended.code == 0, ended
    assert [row["tool"] for row in stage.rows("approval.asked")] == ["srv.elicitation"]
    assert stage.rows("approval.answered")[0]["verdict"] == "deny"
    assert RAW.findall(said(ended).encode()) == []


def test_a_server_s_question_is_shown_as_the_server_s_and_steers_nothing(stage: Stage) -> None:
    serve(stage, "spoof", "elicitation = true", program="mcp_server")
    stage.play([("srv.greet", {})], rules="approve srv.greet")  # writes the playbook
    (stage.work / "ask.kz").write_text(
        "model playbook:stage\n"
        'agent define worker "task: str -> text: str" tools=\'["srv.greet"]\'\n'
        "approve srv.greet\nask worker go\n"
    )
    child = _at(stage, ["--script", "ask.kz", "--confirm"])
    while child.expect(["is the reason:", pexpect.EOF], timeout=30) == 0:
        child.sendline("no")
    seen = _all(child)
    plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen)
    assert b"the MCP server 'srv' says this, not the workbench" in plain, plain
    assert RAW.findall(seen) == []
