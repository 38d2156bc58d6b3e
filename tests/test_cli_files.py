"""Files and restore through the program as a user runs it, and as lines of a script."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import ran, result, script, workspace

__all__ = ["workspace"]

WRITES = "approve write_file\nask writer task=x as=first\n"


def _run_id(workspace: Path) -> str:
    done = script(workspace, WRITES)
    assert done.returncode == 0, done.stderr
    listed = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    return next(run["run_id"] for run in listed if run["pattern"] == "ask")


@pytest.mark.timeout(240)  # some fifteen starts of the program
def test_files_are_listed_shown_and_put_back_from_the_shell(workspace: Path) -> None:
    first, note = _run_id(workspace), workspace / "note.txt"
    told = ran(workspace, "files", first)
    assert "+ writer" in told.stdout
    assert "note.txt  5 bytes" in told.stdout
    (change,) = json.loads(ran(workspace, "files", first, "--output", "json").stdout)
    assert (change["path"], change["deed"], change["agent"]) == ("note.txt", "created", "writer")
    assert ran(workspace, "files", first, "path=note.txt").stdout == "hello\n"
    before = ran(workspace, "files", f"{first}@1", "path=note.txt")
    assert before.stdout == "note.txt: there was no such file\n"
    assert "no file was changed" in ran(workspace, "files", first, "1..2").stdout

    plan = ran(workspace, "restore", f"{first}@1")
    assert plan.returncode == 0, plan.stderr
    assert "- note.txt  goes" in plan.stdout
    assert note.exists()
    wrong = ran(workspace, "restore", f"{first}@1", "yes=0123abcd")
    assert wrong.returncode == 2
    assert note.exists()
    words = plan.stdout.strip().rpartition("restore ")[2].split()
    done = ran(workspace, "restore", *words, "--output", "json")
    assert done.returncode == 0, done.stderr
    assert not note.exists()
    undo = result(done)["result"]["undo"].split()
    note.write_text("mine")
    refused = ran(workspace, *undo, "yes=true")
    assert refused.returncode == 5
    assert "note.txt: it was edited by somebody else since" in refused.stderr
    assert note.read_text() == "mine"
    forced = ran(workspace, *undo, "yes=true", 'force=["note.txt"]')
    assert forced.returncode == 0, forced.stderr
    assert note.read_text() == "hello"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["restore", "nope@1"], 2, "no run 'nope'"),
        (["restore", "{run}@nope"], 2, "no checkpoint 'nope'"),
        (["restore", "{run}@1", "note.tx"], 2, "Did you mean 'note.txt'?"),
        (["restore", "{run}@1", "force=x"], 2, "no file that was changed since 'x'"),
        (["restore", "{run}@1", "fource=x"], 2, "Did you mean 'force'?"),
        (["restore", "{run}", "yes=true"], 2, "are as they were"),
        (["files", "{run}", "a..b"], 2, "no stretch of rows"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    workspace: Path, words: list[str], code: int, said: str
) -> None:
    run = _run_id(workspace)
    done = ran(workspace, *(word.replace("{run}", run) for word in words))
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_script_puts_files_back_and_takes_that_back(workspace: Path) -> None:
    text = (
        WRITES
        + "restore last@1 yes=true as=back\n"
        + "expect outcome=returned\n"
        + "restore back@1 yes=true\n"
    )
    done = script(workspace, text, "--output", "json")
    assert done.returncode == 0, done.stderr
    assert (workspace / "note.txt").read_text() == "hello"
