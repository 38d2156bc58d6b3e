"""Names of paths: what is protected, what lies inside."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.permission.paths import below, guarded, normal, protection, standing, stays_below


@pytest.mark.parametrize(
    "path",
    [
        ".git/hooks/pre-commit", ".git", ".git/config", "sub/.git/config",
        ".github/workflows/ci.yml",
        ".bashrc", "home/.zshenv", ".envrc", ".vscode/tasks.json", ".husky/pre-push", ".mcp.json",
        "kaizen.toml", ".claude/settings.json", "AGENTS.md", "claude.md", "Jenkinsfile",
        ".gitlab-ci.yml", "venv/lib/python3.11/site-packages/x.pth", "sitecustomize.py",
        ".pre-commit-config.yaml", ".GIT/config", ".Git/HOOKS/x", ".git./config", ".git /config",
        ".g\u200cit/config", ".git\\config", "\uff0egit/config", ".idea/workspace.xml",
        ".gitattributes", ".gitmodules", ".cargo/config.toml", "a.code-workspace",
    ],
)  # fmt: skip
def test_what_can_gain_execution_is_guarded_against_change_but_not_reading(path: str):
    found = protection(path)
    assert found is not None
    assert found.kind == "execution"
    assert guarded(path, "write") == guarded(path, "delete") == guarded(path, "run") == found
    assert guarded(path, "read") is None
    assert "execution" in str(found)


@pytest.mark.parametrize(
    "path",
    [
        ".env", "deploy/.env", ".env.production", ".ENV", ".env.local", "id_rsa", ".ssh/config",
        "keys/server.key", "cert.PEM", ".aws/credentials", ".netrc", ".npmrc", "vault.kdbx",
        ".kube/config", "credentials.json", ".git/../.env", ".git/x.pem", ".\u017fsh/id",
    ],
)  # fmt: skip
def test_a_secret_is_guarded_against_reading_too(path: str):
    found = guarded(path, "read")
    assert found is not None
    assert found.kind == "secret"
    assert "secret" in str(found)


@pytest.mark.parametrize(
    "path",
    ["a.py", "docs/git.md", "environment", "src/env.py", ".env.example", ".env.SAMPLE", "gitx/a",
     ".gitignore", ".editorconfig", "keys.py", "monkey", "secret.py", "", "pathology.txt"],
)  # fmt: skip
def test_ordinary_names_are_not_protected(path: str):
    assert protection(path) is None


SEGMENTS = st.lists(st.sampled_from(["a", "b", "..", ".", "", "..a", "..."]), max_size=7)


@given(SEGMENTS, st.booleans())
def test_normal_form_is_that_of_the_standard_library(segments: list[str], rooted: bool):
    path = ("/" if rooted else "") + "/".join(segments)
    expected = posixpath.normpath(path)
    assert normal(path) == ("/" + expected.lstrip("/") if expected.startswith("/") else expected)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        ("/ws/a", "inside"), ("/ws", "inside"), ("/ws/", "inside"), ("/wsx/a", "outside"),
        ("/ws/../etc", "outside"), ("/etc/passwd", "outside"), ("a", "outside"),
        ("/ws/.state/db", "state"), ("/ws/.state", "state"), ("/ws/.statex", "inside"),
        ("/ws/x/../.state/db", "state"),
    ],
)  # fmt: skip
def test_a_real_path_stands_inside_outside_or_in_the_state_folder(real: str, expected: str):
    assert standing(real, "/ws", "/ws/.state") == expected


def test_a_state_folder_outside_is_refused_all_the_same():
    assert standing("/data/state/db", "/ws", "/data/state") == "state"
    assert standing("/data/other", "/ws", "/data/state") == "outside"


def test_below_gives_the_path_as_seen_from_the_folder():
    assert below("/ws/a/b", "/ws") == "a/b"
    assert below("/ws", "/ws/") == "."
    assert below("/w", "/ws") is None
    assert below("/etc", "/") == "etc"


@pytest.mark.parametrize("path", ["/a", "~/a", "~", "..", "../a", "a/../b", "a/..", ""])
def test_text_that_may_leave_its_folder_is_noticed(path: str):
    assert not stays_below(path)


@pytest.mark.parametrize("path", [".", "a", "a/b", "./a", "a..b", "..a/b", "-x"])
def test_text_that_stays_below_is_known(path: str):
    assert stays_below(path)
