"""What is shown is what runs, and keys typed before a question was there do not answer it."""

from __future__ import annotations

import json

import pexpect
import pytest

from tests.threats.shipped import PROGRAM, Stage

HIDDEN = "ls\u200b \u202e#; touch made\u2066 \x1b[8m\r"


def _script(stage: Stage, command: str) -> None:
    stage.play([("bash_command", {"command": command})], [])  # writes the playbook
    (stage.work / "made").unlink(missing_ok=True)
    (stage.work / "ask.kz").write_text(
        "model playbook:stage\n"
        'agent define worker "task: str -> text: str" tools=\'["bash_command"]\'\nask worker go\n'
    )


def _asked(stage: Stage, typed_before: str = "") -> pexpect.spawn[bytes]:
    child: pexpect.spawn[bytes] = pexpect.spawn(
        str(PROGRAM), ["--script", "ask.kz", "--confirm"],
        cwd=str(stage.work), env=stage.environment, dimensions=(40, 100),
    )  # fmt: skip
    if typed_before:
        child.send(typed_before)
    child.expect("is the reason:|reason:", timeout=30)
    return child


@pytest.mark.parametrize("typed", ["yes\r", "y\ry\ry\r", "yes\nyes\n", "\r\r\r"])
def test_keys_typed_before_a_question_is_there_do_not_allow_it(stage: Stage, typed: str) -> None:
    _script(stage, "touch made; true")
    child = _asked(stage, typed)
    child.sendline("no")
    child.expect(pexpect.EOF, timeout=30)
    assert not (stage.work / "made").exists()


def test_hidden_characters_are_shown_and_named(stage: Stage) -> None:
    _script(stage, HIDDEN)
    child = _asked(stage)
    seen = child.before or b""
    child.sendline("no")
    child.expect(pexpect.EOF, timeout=30)
    assert b"\\u200b" in seen
    assert b"\\u202e" in seen
    assert b"touch made" in seen
    assert b"hidden character" in seen


def test_a_long_command_is_shown_to_its_end_before_it_can_be_allowed(stage: Stage) -> None:
    _script(stage, "echo " + "a " * 3000 + "; touch made")
    child = _asked(stage)
    seen = child.before or b""
    child.sendline("no")
    child.expect(pexpect.EOF, timeout=30)
    assert b"touch made" in seen
    assert not (stage.work / "made").exists()


def test_what_was_allowed_is_what_ran(stage: Stage) -> None:
    _script(stage, "touch made && echo so")
    child = _asked(stage)
    child.sendline("yes")
    child.expect(pexpect.EOF, timeout=30)
    assert (stage.work / "made").exists()
    (row,) = [r for r in stage.rows("step.started") if r.get("name") == "bash_command"]
    (asked,) = [r for r in stage.rows("approval.asked") if r["tool"] == "bash_command"][-1:]
    assert json.dumps(row["arguments"]) == json.dumps(asked["arguments"])
