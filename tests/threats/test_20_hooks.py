"""Hooks that are commands: data reaches them as data only, and one that breaks stops the call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.threats.shipped import CANARY, Stage

NASTY = 'it\'s "quoted" $(touch pwned) `touch pwned`; touch pwned\n--flag\x00\x1b]52;c;aGk=\x07'


def hooked(stage: Stage, body: str, more: str = "") -> Path:
    """Make a hook of a Python program that lies beside the user's settings."""
    program = stage.folder / "settings" / "hook.py"
    program.write_text(f"import json, os, sys, time\nasked = json.load(sys.stdin)\n{body}\n")
    stage.settings(
        f'[[hooks]]\nevent = "before.tool"\ncommand = ["python3", "{program}", "--x"]\n{more}'
    )
    return program


def wrote(stage: Stage, content: str = "hello") -> dict[str, Any]:
    """How a call ended that writes a file, with a rule that allows it."""
    calls = [("write_file", {"path": "note.txt", "content": content})]
    ended = stage.play(calls, rules="approve write_file")
    assert ended.code == 0, ended.err
    (row,) = stage.calls_made()
    return row


def test_what_a_model_wrote_reaches_a_hook_as_data_on_standard_input(stage: Stage) -> None:
    hooked(
        stage,
        "open(os.path.dirname(__file__) + '/heard', 'w').write("
        "json.dumps([asked, sys.argv[1:], dict(os.environ)]))",
    )
    stage.variables = {"TOKEN": CANARY, "LD_PRELOAD": "", "PYTHONPATH": "/nowhere"}
    assert wrote(stage, NASTY.replace("\x00", ""))["result"]
    asked, words, environment = json.loads((stage.folder / "settings" / "heard").read_text())
    assert words == ["--x"]
    assert asked["event"] == "before.tool"
    assert asked["name"] == "write_file"
    assert asked["agent"] == "worker"
    assert asked["arguments"] == {"path": "note.txt", "content": NASTY.replace("\x00", "")}
    assert CANARY not in str(environment)
    assert not {"LD_PRELOAD", "PYTHONPATH"} & environment.keys()
    assert not list(stage.folder.rglob("pwned"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit('not on a Friday')", "not on a Friday"),
        ("sys.exit(3)", "it ended with 3"),
        ("os.kill(os.getpid(), 9)", "it ended with -9"),
        ("print('yes')", "no JSON"),
        ('print("[1]")', 'something else than {"arguments"'),
        ('print(json.dumps({"arguments": {}, "allow": True}))', "something else"),
        ("print('x' * 2**22)", "printed more than"),
        ("time.sleep(100)", "took too long"),
        ("os.fork() or time.sleep(100)", "took too long"),
    ],
)
def test_a_hook_that_refuses_or_breaks_stops_the_call(stage: Stage, body: str, said: str) -> None:
    hooked(stage, body, "deadline_s = 2\n")
    row = wrote(stage)
    assert said in row["error"]["message"]
    assert not (stage.work / "note.txt").exists()


def test_a_hook_that_is_missing_or_lies_in_the_workspace_stops_the_call(stage: Stage) -> None:
    inside = stage.work / "hook.sh"
    inside.write_text("#!/bin/sh\ntouch pwned\n")
    inside.chmod(0o755)
    for command, said in [
        ("nowhere-to-be-found", "no program 'nowhere-to-be-found'"),
        (str(inside), "lies in the workspace"),
    ]:
        stage.settings(f'[[hooks]]\nevent = "before.tool"\ncommand = ["{command}"]\n')
        calls = [("write_file", {"path": "note.txt", "content": "hello"})]
        assert stage.play(calls, rules="approve write_file").code == 0
        assert said in stage.calls_made()[-1]["error"]["message"]
    assert not list(stage.folder.rglob("pwned"))
    assert not (stage.work / "note.txt").exists()


def test_a_hook_changes_arguments_and_the_changed_ones_are_decided_on(stage: Stage) -> None:
    hooked(stage, 'print(json.dumps({"arguments": {**asked["arguments"], "path": ".env"}}))')
    calls = [("write_file", {"path": "note.txt", "content": "hello"})]
    stage.play(calls, rules='approve write_file arg.path="note.txt"')
    assert "denied" in str(stage.calls_made()[0]["error"])
    assert not (stage.work / ".env").exists()
    hooked(stage, 'print(json.dumps({"arguments": {**asked["arguments"], "path": "other.txt"}}))')
    stage.play(calls, rules="approve write_file")
    assert (stage.work / "other.txt").read_text() == "hello"
    assert not (stage.work / "note.txt").exists()


def test_a_folder_brings_no_hooks_and_a_wrong_one_is_named(stage: Stage) -> None:
    (stage.work / "kaizen.toml").write_text(
        '[[hooks]]\nevent = "before.tool"\ncommand = ["touch", "pwned"]\n'
    )
    assert stage.run("trust", "--yes").code == 0
    refused = stage.run("runs")
    assert refused.code == 3
    assert "kaizen.toml:1: hooks can only be set in your own settings" in refused.err
    (stage.work / "kaizen.toml").unlink()
    for text, said in [
        ('event = "before.tol"\ncommand = ["x"]', "did you mean 'before.tool'?"),
        ('event = "before.tool"', "needs command"),
        ('event = "before.tool"\ncommand = []', "a program and its arguments"),
        ('event = "before.tool"\ncommand = "touch x"', "command"),
        ('event = "before.tool"\ncommand = ["x"]\nwhere = "agnt:x"', "Did you mean 'agent'?"),
        ('event = "before.tool"\ncommand = ["x"]\ndeadline_s = 0', "more than 0 seconds"),
        ('event = "before.tool"\ncommand = ["x"]\ntimeout = 1', "is no setting"),
    ]:
        stage.settings(f"[[hooks]]\n{text}\n")
        refused = stage.run("runs")
        assert refused.code == 3, text
        assert said in refused.err, refused.err
    assert not list(stage.folder.rglob("pwned"))


def test_what_a_refusal_says_puts_nothing_on_the_terminal(stage: Stage) -> None:
    hooked(stage, r"sys.exit('\x1b]52;c;aGk=\x07\x9b2J' + chr(0x202e) + 'no')")
    ended = stage.play([("write_file", {"path": "note.txt", "content": "x"})])
    assert "\x1b" not in ended.out + ended.err
    assert "\u202e" not in ended.out + ended.err
    assert [path.name for path in stage.work.iterdir()] == ["stage.playbook.yaml"]


def test_a_hook_after_an_effect_is_told_of_its_row_and_its_bad_end_changes_nothing(
    stage: Stage,
) -> None:
    program = hooked(
        stage,
        "open(os.path.dirname(__file__) + '/heard', 'w').write(json.dumps(asked)); "
        "print(json.dumps({'arguments': {}})); sys.exit(3)",
    )
    settings = (
        f'event = "after.tool"\ncommand = ["python3", "{program}"]\nwhere = "name:write_file"'
    )
    stage.settings(f"[[hooks]]\n{settings}\n")
    assert wrote(stage)["result"]
    heard = json.loads((stage.folder / "settings" / "heard").read_text())
    assert heard["kind"] == "step.finished"
    assert heard["data"]["name"] == "write_file"
    listed = stage.run("hooks")
    assert listed.code == 0
    assert "name:write_file" in listed.out
