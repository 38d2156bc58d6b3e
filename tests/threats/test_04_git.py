"""A repository that would run programs: neither the workbench's own git nor a status runs them."""

from __future__ import annotations

import subprocess

import pytest

from tests.threats.canaries import Canaries, one_by_one
from tests.threats.shipped import Stage

KEYS = (
    "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.askPass",
    "diff.external", "core.gitProxy", "credential.helper", "gpg.program", "sequence.editor",
    "pager.status", "pager.log", "pager.diff", "interactive.diffFilter", "filter.evil.clean",
    "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command",
    "merge.evil.driver", "uploadpack.packObjectsHook", "trailer.x.command",
    "gpg.ssh.defaultKeyCommand", "browser.x.cmd", "man.x.cmd", "difftool.x.cmd",
    "mergetool.x.cmd", "web.browser",
)  # fmt: skip
HOOKS = ("post-checkout", "pre-commit", "post-commit", "post-index-change", "fsmonitor-watchman",
         "reference-transaction", "pre-auto-gc", "post-rewrite", "pre-push")  # fmt: skip


@pytest.fixture
def canaries(stage: Stage) -> Canaries:
    found = Canaries(stage)
    work = stage.work
    subprocess.run(["git", "init", "-q"], cwd=work, check=True)
    (work / "a.txt").write_text("one\n")
    (work / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    commit = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"]
    subprocess.run(["git", "add", "-A"], cwd=work, check=True)
    subprocess.run(commit, cwd=work, check=True)
    sings = found.put(stage.folder / "sings")
    for key in KEYS:
        subprocess.run(["git", "config", key, str(sings)], cwd=work, check=True)
    for alias in ("status", "st", "log"):
        subprocess.run(["git", "config", f"alias.{alias}", f"!{sings}"], cwd=work, check=True)
    for place in (work / ".git/hooks", work / "hooks"):
        for name in HOOKS:
            found.put(place / name)
    subprocess.run(["git", "config", "core.hooksPath", "hooks"], cwd=work, check=True)
    included = stage.folder / "included"
    included.write_text(f"[core]\n\tfsmonitor = {sings}\n")
    subprocess.run(["git", "config", "include.path", str(included)], cwd=work, check=True)
    (work / "a.txt").write_text("two\n")
    (stage.folder / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {sings}\n")
    found.forget()
    return found


@pytest.mark.parametrize("mode", ["confirm", "auto"])
def test_start_and_snapshots_and_what_runs_unasked_run_none_of_it(
    stage: Stage, canaries: Canaries, mode: str
) -> None:
    stage.settings(f'mode = "{mode}"\n')
    asked = ("git status", "git log", "git diff", "git show", "git blame a.txt", "git branch")
    stage.run("runs")
    one_by_one(stage, [("bash_command", {"command": text}) for text in asked])
    assert canaries.sung == []


def test_snapshots_around_a_command_run_none_of_it(stage: Stage, canaries: Canaries) -> None:
    stage.settings('mode = "auto"\n')
    (row,) = one_by_one(stage, [("bash_command", {"command": "echo three > a.txt; echo x > b"})])
    assert row.get("result") is None or (stage.work / "b").exists()
    run_id = stage.rows("run.started")[0].get("run_id", "last")
    stage.run("files", "last" if run_id == "last" else run_id)
    stage.run("fork", "last", "files=own")
    stage.run("restore", "last@1", "yes=true")
    assert canaries.sung == []
