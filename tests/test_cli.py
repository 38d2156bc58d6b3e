"""The program as a user runs it: real processes, their streams and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.script.conftest import AGENTS, PLAYBOOK

PROGRAM = [sys.executable, "-m", "workbench"]
ROOT = str(Path(__file__).resolve().parents[1])
SLOW = """
  - agent: slow
    latency_s: 30
    reply: {verdict: "late"}
"""
SLEEPER = """
  - agent: sleeper
    calls:
      - {tool: bash_command, arguments: {command: "sleep 30"}}
"""
SLOW_AGENT = 'agent define slow "draft: str -> verdict: str"\n'


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "ours.playbook.yaml").write_text(PLAYBOOK + SLOW + SLEEPER, encoding="utf-8")
    return folder


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": ROOT, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm"}


def ran(
    workspace: Path, *words: str, stdin: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=workspace,
        env={**environment(), **more},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def script(workspace: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    (workspace / "s.kz").write_text(AGENTS + SLOW_AGENT + text, encoding="utf-8")
    return ran(workspace, "--script", "s.kz", *words)


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    return json.loads(done.stdout)


def test_help_and_version_load_no_other_room(tmp_path: Path):
    for words in (["--help"], ["run", "--help"], ["--version"]):
        code = (
            "import sys, workbench.cli\n"
            "try: workbench.cli.main(sys.argv[1:])\n"
            "except SystemExit: pass\n"
            "loaded = {m for m in sys.modules if m.startswith('workbench')}\n"
            "light = {'', '.cli', '.ending', '.subcommands'}\n"
            "assert loaded <= {'workbench' + name for name in light}, loaded\n"
            "heavy = {'dataclasses', 'orjson', 'yaml', 'asyncio', 'inspect', 'shutil'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            env=environment(),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert ran(tmp_path, "--version").stdout == "kaizen-tui 0.1.0\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["rnu"], 2, "no sub-command 'rnu'. Did you mean 'run'?"),
        (["--modle", "x"], 2, "Did you mean --mode"),
        (["run", "debat"], 2, "no pattern 'debat'. Did you mean 'debate'?"),
        (["run", "debate", "qestion=x"], 2, "takes no 'qestion'. Did you mean 'question'?"),
        (["ask", "nobody", "x"], 2, "no agent 'nobody'"),
        (["show", "abc"], 2, "no run 'abc'"),
        (["--set", "modl=x", "doctor"], 0, ""),
        (["--set", "modl=x", "config"], 3, "no setting 'modl'. Did you mean 'model'?"),
        (["--mode", "confrim", "runs"], 3, "did you mean 'confirm'?"),
        (["--workspace", "/nowhere", "runs"], 2, "/nowhere is no folder"),
        (["--script", "missing.kz"], 2, "missing.kz cannot be read"),
        (["--line"], 2, "--line needs a terminal"),
        ([], 2, "there is no terminal for the screen"),
        (["--script", "x", "run", "y"], 2, "exclude each other"),
        (["trust", "missing.py", "--yes"], 2, "is no file"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    workspace: Path, words: list[str], code: int, message: str
):
    done = ran(workspace, *words)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1


def test_a_script_ends_with_a_result_object(workspace: Path):
    done = script(workspace, "ask critic x\n", "--output", "json")
    assert done.returncode == 0, done.stderr
    told = result(done)
    assert told["outcome"] == "returned"
    assert told["result"] == {"verdict": "ship it"}
    assert told["denied"] == []
    assert told["usage"]["steps"] == 1
    assert told["resume"] == ""
    assert told["run_id"]


def test_jsonl_has_rows_and_lines_and_the_result_last(workspace: Path):
    done = script(workspace, "ask critic x\n", "--output", "jsonl")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[-1]["type"] == "result"
    assert {"row", "line"} == {one["type"] for one in told[:-1]}


def test_text_is_for_people_and_says_the_same(workspace: Path):
    done = script(workspace, "ask critic x\n")
    assert "verdict: ship it" in done.stdout
    assert done.stdout.splitlines()[-1] == "resume: nothing to resume"
    assert "outcome: returned" in done.stdout


def test_what_reaches_stdout_cannot_steer_a_terminal(workspace: Path):
    (workspace / "evil.playbook.yaml").write_text(
        'playbook: evil\nanswers:\n  - reply: {verdict: "\\e]0;owned\\a\\u202e"}\n',
        encoding="utf-8",
    )
    for form in ("text", "json", "jsonl"):
        done = script(workspace, "model playbook:evil\nask critic x\n", "--output", form)
        assert done.returncode == 0, done.stderr
        assert "owned" in done.stdout
        assert not set(done.stdout) & {"\x1b", "\x07", "\u202e"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("expect file none exists\n", 1),
        ("aks critic\n", 2),
        ("ask critic 'x\n", 2),
        ("ask broken x\n", 4),
        ("budget steps=0\nask critic x\n", 6),
        ("ask critic x\nexpect outcome=failed\n", 1),
        ("ask broken x\nexpect outcome=failed\n", 0),
        ("ask writer x\nexpect denied=1\n", 0),
    ],
)
def test_exit_codes_of_scripts(workspace: Path, text: str, code: int):
    done = script(workspace, text)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_script_can_come_from_stdin(workspace: Path):
    done = ran(workspace, "--script", "-", "--output", "json", stdin=f"{AGENTS}ask critic x\n")
    assert result(done)["result"] == {"verdict": "ship it"}


def test_one_command_from_the_shell(workspace: Path):
    script(workspace, "help\n")
    agents = workspace / "agents"
    agents.mkdir()
    (agents / "critic.toml").write_text(
        'name = "critic"\nsignature = "draft: str -> verdict: str"\n', encoding="utf-8"
    )
    done = ran(workspace, "ask", "critic", "draft=x", "--model", "playbook:ours")
    assert done.returncode == 3
    assert "kaizen-tui trust" in done.stderr
    assert ran(workspace, "trust", "--yes").returncode == 0
    done = ran(workspace, "ask", "critic", "x", "--model", "playbook:ours", "--output", "json")
    assert result(done)["result"] == {"verdict": "ship it"}
    run_id = result(done)["run_id"]
    shown = ran(workspace, "show", run_id)
    assert "verdict: ship it" in shown.stdout
    assert run_id in ran(workspace, "runs", "--output", "json").stdout
    assert ran(workspace, "export", run_id, "out.jsonl").returncode == 0
    assert (workspace / "out.jsonl").stat().st_mode & 0o777 == 0o600
    forked = ran(workspace, "fork", run_id, 'reply={"verdict": "stop"}', "--output", "json")
    assert result(forked)["result"] == {"verdict": "stop"}


def test_an_untrusted_settings_file_stops_a_run_and_nothing_else(workspace: Path):
    (workspace / "kaizen.toml").write_text('model = "playbook:ours"\n', encoding="utf-8")
    assert ran(workspace, "runs").returncode == 0
    assert ran(workspace, "doctor").returncode == 0
    done = script(workspace, "help\n")
    assert done.returncode == 3
    assert "kaizen.toml of" in done.stderr
    done = ran(workspace, "trust")
    assert done.returncode == 3
    assert "+ kaizen.toml" in done.stderr
    assert ran(workspace, "trust", "--yes").returncode == 0
    assert script(workspace, "help\n").returncode == 0
    assert "kaizen.toml:1" in ran(workspace, "config", "show").stdout
    assert ran(workspace, "trust", "--revoke").returncode == 0
    assert script(workspace, "help\n").returncode == 3


def test_lists_name_what_there_is_and_one_can_be_shown(workspace: Path):
    listed = ran(workspace, "patterns").stdout
    assert "debate(agents, judge, question, rounds=2)" in listed
    assert "script(" not in listed
    assert "question: str" in ran(workspace, "patterns", "debate").stdout
    assert ran(workspace, "agents").stdout == "no agents yet\n"
    assert "debate" in ran(workspace, "plugins").stdout
    assert "Did you mean 'debate'" in ran(workspace, "patterns", "debat").stderr
    assert ran(workspace, "rules").stdout == "no rules\n"
    assert ran(workspace, "rules", "remove", "x").returncode == 2


def test_init_keeps_runs_in_the_folder(workspace: Path):
    assert ran(workspace, "init").returncode == 0
    script(workspace, "help\n")
    assert (workspace / "sessions" / "workbench.db").is_file()


def test_the_tour_plays_as_text_without_a_terminal(workspace: Path):
    done = ran(workspace, "tour")
    assert done.returncode == 0, done.stderr
    assert "outcome: returned" in done.stdout
    assert [path.name for path in workspace.iterdir()] == ["ours.playbook.yaml"]


def started(workspace: Path, text: str, wanted: str = "ask.slow") -> subprocess.Popen[str]:
    """A script that has begun a step: of its slow agent, or the one named."""
    (workspace / "s.kz").write_text(AGENTS + SLOW_AGENT + text, encoding="utf-8")
    process = subprocess.Popen(
        [*PROGRAM, "--script", "s.kz", "--output", "jsonl"],
        cwd=workspace,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        row = json.loads(line)
        if row["type"] == "row" and row["kind"] == "step.started" and is_leaf(row, wanted):
            break
    return process


def is_leaf(row: dict[str, Any], wanted: str) -> bool:
    return wanted in row["key"] and row["data"]["effect"] in {"model", "tool"}


LONG = "ask critic one\nask slow x\nask critic two\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_twice_saves_and_leaves(workspace: Path, number: signal.Signals, code: int):
    process = started(workspace, LONG)
    process.send_signal(number)
    assert process.stderr is not None
    assert "stopping" in process.stderr.readline()
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    last = json.loads(out.splitlines()[-1])
    assert last["outcome"] == "suspended"
    assert last["resume"] == "kaizen-tui --script s.kz --output jsonl --resume"
    check_resume(workspace)


def test_a_killed_script_goes_on_and_repeats_nothing(workspace: Path):
    process = started(workspace, LONG)
    process.kill()
    process.communicate(timeout=20)
    check_resume(workspace)


def test_an_effect_in_doubt_has_its_own_exit_code_and_can_be_resumed(workspace: Path):
    text = (
        'agent define sleeper "task: str -> report: str" tools=["bash_command"]\n'
        'approve bash_command argv=["sleep", "30"]\nask sleeper x\n'
    )
    process = started(workspace, text, "bash_command")
    process.kill()
    process.communicate(timeout=20)
    done = ran(workspace, "--script", "s.kz", "--resume", "--output", "json")
    assert done.returncode == 7, done.stderr
    assert result(done)["outcome"] == "suspended"
    assert "--resume" in result(done)["resume"]
    script_run = result(done)["run_id"]
    done = ran(workspace, "resume", script_run, "--output", "json")
    assert done.returncode == 7, done.stderr


def check_resume(workspace: Path) -> None:
    """Make the slow agent quick, go on, and count what was done."""
    playbook = workspace / "ours.playbook.yaml"
    quick = playbook.read_text(encoding="utf-8").replace("latency_s: 30", "latency_s: 0.1")
    playbook.write_text(quick, encoding="utf-8")
    done = ran(workspace, "--script", "s.kz", "--resume", "--output", "json")
    assert done.returncode == 0, done.stderr
    assert result(done)["result"] == {"verdict": "ship it"}
    runs = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    assert sorted(run["pattern"] for run in runs) == ["ask", "ask", "ask", "script"]
    assert {run["status"] for run in runs} == {"returned"}


def terminal(workspace: Path, *words: str) -> pexpect.spawn[str]:
    return pexpect.spawn(
        PROGRAM[0],
        [*PROGRAM[1:], *words],
        cwd=str(workspace),
        env=environment(),
        encoding="utf-8",
        timeout=20,
        dimensions=(40, 120),
    )


@pytest.mark.parametrize(("said", "there"), [("yes", True), ("better not", False)])
def test_a_person_answers_at_the_keyboard(workspace: Path, said: str, there: bool):
    (workspace / "s.kz").write_text(f"{AGENTS}ask writer x\n", encoding="utf-8")
    child = terminal(workspace, "--script", "s.kz", "--confirm")
    child.expect("type yes to allow")
    child.sendline(said)
    child.expect("outcome: returned")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (workspace / "note.txt").exists() is there


def test_line_mode_takes_commands_and_answers(workspace: Path):
    child = terminal(workspace, "--line")
    child.expect("confirm >")
    for line in AGENTS.strip().splitlines():
        child.sendline(line)
        child.expect("confirm >")
    child.sendline("ask critic x")
    child.expect("ship it")
    child.sendline("modl")
    child.expect("Did you mean 'model'")
    child.sendline("ask writer x")
    child.expect("type yes to allow")
    child.sendline("yes")
    child.expect("written")
    child.expect("confirm >")
    child.sendeof()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert (workspace / "note.txt").exists()


def test_anything_unexpected_is_one_sentence_and_a_file(tmp_path: Path):
    code = (
        "import sys, workbench.cli as cli\n"
        "def broken(): raise RuntimeError('boom\\x1b[31m')\n"
        "sys.exit(cli.guarded(broken))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(), "KAIZEN_TUI_DATA_HOME": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("kaizen-tui: unexpected RuntimeError: boom\\x1b[31m")
    assert done.stderr.count("\n") == 1
    assert "in broken" in (tmp_path / "data" / "unexpected.log").read_text("utf-8")
