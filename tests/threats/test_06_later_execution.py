"""Names that are run later by somebody else: not written unasked, by no tool, in no mode, nowhere.

In the sandbox of a command they can only be read, and those that are not there cannot be made.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.threats.canaries import one_by_one
from tests.threats.shipped import Stage
from tests.tools.sandbox.bwrap import needs_bwrap

NAMES = (
    ".git/hooks/pre-commit", ".git/config", ".git/info/attributes", ".gitmodules", ".bashrc",
    ".bash_profile", ".profile", ".zshrc", ".envrc", ".env", ".env.local", ".npmrc", ".pypirc",
    ".netrc", ".ssh/config", ".github/workflows/ci.yml", ".gitlab-ci.yml", ".vscode/tasks.json",
    ".vscode/settings.json", ".idea/workspace.xml", ".pre-commit-config.yaml", ".husky/pre-push",
    "kaizen.toml", ".kaizen-tui/config.toml", ".mcp.json",
    ".claude/settings.json", ".cursor/mcp.json", "venv/lib/python3/site-packages/evil.pth",
    "sitecustomize.py", "usercustomize.py", ".devcontainer/devcontainer.json",
    ".circleci/config.yml", "Jenkinsfile", ".gitattributes", ".config/autostart/x.desktop",
)  # fmt: skip
"""Of tools, shells, editors, CI, package managers and of this program; what a workspace's plugins
and agents hold is read only as far as it was trusted, see threat 13."""


@pytest.mark.parametrize("mode", ["edits", "auto"])
@pytest.mark.parametrize("where", ["", "deep/down/"])
def test_no_file_tool_writes_them_unasked(stage: Stage, mode: str, where: str) -> None:
    stage.settings(f'mode = "{mode}"\n')
    calls = [("write_file", {"path": where + name, "content": "pwned"}) for name in NAMES]
    calls += [("write_file", {"path": (where + name).upper(), "content": "pwned"})
              for name in NAMES if name.startswith((".git/", ".env"))]  # fmt: skip
    one_by_one(stage, calls)
    assert _pwned(stage) == []


@needs_bwrap
def test_no_command_in_the_sandbox_writes_them(stage: Stage) -> None:
    stage.settings('mode = "auto"\n')
    (stage.work / ".git").mkdir()
    (stage.work / "plugins").mkdir()
    (stage.work / "venv" / "lib" / "python3" / "site-packages").mkdir(parents=True)
    (stage.work / "venv" / "pyvenv.cfg").touch()
    # A start file of desktops acts in a home only, and a home is no workspace.
    looked_at = [name for name in NAMES if not name.endswith(".desktop")]
    # Put together by the shell: a command that names a secret's file is not even run.
    words = [f'n={name[:-1]}; mkdir -p "$(dirname $n)"; echo pwned > "$n"{name[-1]}'
             for name in looked_at]  # fmt: skip
    moved = ["mkdir x; echo pwned > x/hooks; mv x .git2; mv .git2 .git", "mv .git gone",
             "ln -sfn /tmp .git", "rm -rf .git", "echo pwned > a; e=.en; cp a ${e}v; ln a .bashrc",
             "python3 -c \"open('.envrc','w').write('pwned')\""]  # fmt: skip
    rows = one_by_one(stage, [("bash_command", {"command": text}) for text in [*words, *moved]])
    assert all(row.get("result") for row in rows), json.dumps(rows)[:500]
    assert _pwned(stage) == []
    assert (stage.work / ".git").is_dir()
    assert not (stage.work / ".git").is_symlink()


def _pwned(stage: Stage) -> list[str]:
    """Which of the names have been written, wherever they are."""
    found: list[str] = []
    for path in stage.work.rglob("*"):
        if path.is_file() and "pwned" in path.read_text(errors="replace"):
            inside = str(path.relative_to(stage.work)).lower()
            found += [inside for name in NAMES if inside.endswith(name.lower())]
    return found


def test_what_a_run_left_is_not_run_by_the_next_start(stage: Stage) -> None:
    stage.settings('mode = "auto"\n')
    ledger = stage.folder / "ledger"
    sings = f"open({str(ledger)!r}, 'a').write('sung')"
    calls = [("write_file", {"path": name, "content": sings}) for name in
             ("plugins/evil.py", "sitecustomize.py", "conftest.py", "workbench.py", "json.py",
              "textual.py", "evil.pth", "workbench/__init__.py")]  # fmt: skip
    one_by_one(stage, calls, "approve write_file")
    for words in (("runs",), ("doctor",), ("patterns",), ("plugins",), ("--version",)):
        stage.run(*words)
    assert not ledger.exists()


def test_paths_are_told_as_protected_whatever_their_spelling(stage: Stage) -> None:
    stage.settings('mode = "edits"\n')
    (stage.work / ".git").mkdir()
    spelled = ("./.git/config", ".git//config", "x/../.git/config", ".GIT/config", ".git/./config",
               ".git\u200d/config", ".g\u0131t/config", ".git /config", ".git./config")  # fmt: skip
    one_by_one(stage, [("write_file", {"path": p, "content": "pwned"}) for p in spelled])
    assert not (stage.work / ".git/config").exists()
    assert _exact(stage.work) == []


def _exact(work: Path) -> list[str]:
    return [path.name for path in work.glob(".git/*")]
