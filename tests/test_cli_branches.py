"""Places, branches and files of runs through the program as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import ran, result, script, workspace

__all__ = ["workspace"]

ASKED = "ask critic 'a draft' as=first\n"


def _run_id(workspace: Path) -> str:
    """A run of one agent, made by a script."""
    done = script(workspace, ASKED)
    assert done.returncode == 0, done.stderr
    listed = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    return next(run["run_id"] for run in listed if run["pattern"] == "ask")


@pytest.mark.timeout(240)  # some fifteen starts of the program
def test_every_command_about_branches_works_from_the_shell(workspace: Path, tmp_path: Path):
    first = _run_id(workspace)
    places = json.loads(ran(workspace, "checkpoints", first, "--output", "json").stdout)
    assert [place["name"] for place in places] == ["critic turn 1"]

    told = ran(workspace, "fork", f"{first}@1", "model=playbook:default", "preview=true")
    assert told.returncode == 0, told.stderr
    assert "different from there on: model playbook:default" in told.stdout
    assert len(json.loads(ran(workspace, "runs", "--output", "json").stdout)) == 2

    forked = ran(workspace, "fork", f"{first}@1", "model=playbook:default", "--output", "json")
    assert forked.returncode == 0, forked.stderr
    fork = result(forked)["run_id"]
    tree = json.loads(ran(workspace, "tree", fork, "--output", "json").stdout)
    assert [branch["run_id"] for branch in tree["branches"]] == [first, fork]
    differs = ran(workspace, "diff", fork)
    assert "+ assistant: " in differs.stdout
    assert differs.stdout == ran(workspace, "diff", first, fork).stdout
    assert fork in ran(workspace, "compare", fork).stdout

    assert ran(workspace, "export", fork, "out.jsonl").returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    home = {"KAIZEN_TUI_DATA_HOME": str(tmp_path / "elsewhere")}
    taken = ran(other, "import", str(workspace / "out.jsonl"), "--output", "json", **home)
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["run_id"] == fork
    assert ran(other, "show", fork, **home).stdout == ran(workspace, "show", fork).stdout
    again = ran(other, "import", str(workspace / "out.jsonl"), **home)
    assert "here already" in again.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fork", "nobody"), "no run 'nobody'"),
        (("diff", "nobody"), "no run 'nobody'"),
        (("import", "nothing.jsonl"), "cannot be read"),
        (("tree",), "required: RUN"),
        (("compare",), "required: RUN"),
    ],
)
def test_mistakes_are_one_sentence_and_a_wrong_call(
    workspace: Path, words: tuple[str, ...], said: str
):
    done = ran(workspace, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_scripts_run_is_forked_as_a_script(workspace: Path):
    _run_id(workspace)
    listed = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    (scripted,) = [run for run in listed if run["pattern"] == "script"]
    forked = ran(workspace, "fork", f"{scripted['run_id']}@last", "--output", "json")
    assert forked.returncode == 0, forked.stderr
    after = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    assert len(after) == len(listed) + 1  # its lines were done already: only itself is new
    early = ran(workspace, "fork", f"{scripted['run_id']}@1", "--output", "json")
    assert early.returncode == 0, early.stderr
    assert len(json.loads(ran(workspace, "runs", "--output", "json").stdout)) == len(after) + 2
