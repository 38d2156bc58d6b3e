"""The sandbox is off, absent or failing: it is said, commands count for more, nothing falls back.

Absent and failing are made so for one process: another file is mounted over bubblewrap.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.threats.shipped import CANARY, Listening, Stage
from workbench.tools.sandbox.detect import detect

LANDLOCK = detect(())

BWRAP = "/usr/bin/bwrap"
OVER = ("unshare", "-rm", "sh", "-c", f'mount --bind "$1" {BWRAP}; shift; exec "$@"', "sh")
COMMAND = ("bash_command", {"command": "echo x > made"})
EXACT = ("bash_command", {"command": "touch made"})


def _mounts(what: str) -> tuple[str, ...]:
    return (*OVER, what)


def _can_mount() -> bool:
    if not Path(BWRAP).is_file() or shutil.which("unshare") is None:
        return False
    return subprocess.run([*_mounts("/dev/null"), "true"], check=False).returncode == 0


needs_mounts = pytest.mark.skipif(not _can_mount(), reason="needs bubblewrap and own mounts")


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A bubblewrap that starts and fails."""
    (tmp_path / "broken").write_text("#!/bin/sh\necho no namespaces here >&2\nexit 1\n")
    (tmp_path / "broken").chmod(0o755)
    return str(tmp_path / "broken")


def _sandbox_line(stage: Stage, *before: str) -> str:
    said = stage.run("doctor", before=before).out
    return next(line for line in said.splitlines() if "sandbox" in line)


def test_off_is_critical_and_headless_does_only_what_a_rule_names_word_by_word(
    stage: Stage,
) -> None:
    stage.settings('mode = "auto"\n[features]\nsandbox = false\n')
    ended = stage.play(
        [COMMAND], rules="approve bash_command\napprove bash_command danger<=CRITICAL"
    )
    assert not (stage.work / "made").exists()
    assert [row["danger"] for row in stage.rows("approval.asked")] == ["CRITICAL"]
    assert "bash_command" in str(ended.out)
    stage.play([EXACT], rules="""approve bash_command argv='["touch", "made"]'""")
    assert (stage.work / "made").exists()


@needs_mounts
def test_absent_is_said_and_counts_one_level_higher(stage: Stage) -> None:
    line = _sandbox_line(stage, *_mounts("/dev/null"))
    assert "bubblewrap is not installed" in line
    assert "full:" not in line
    stage.settings('mode = "auto"\n')
    stage.play([COMMAND], rules="approve bash_command", before=_mounts("/dev/null"))
    assert not (stage.work / "made").exists()
    assert [row["danger"] for row in stage.rows("approval.asked")] == ["CRITICAL"]


@needs_mounts
def test_failing_is_said_and_never_taken_for_working(stage: Stage, broken: str) -> None:
    line = _sandbox_line(stage, *_mounts(broken))
    assert "bubblewrap is installed, but" in line
    stage.settings('mode = "auto"\n')
    stage.play([COMMAND], rules="approve bash_command", before=_mounts(broken))
    assert not (stage.work / "made").exists()
    assert [row["danger"] for row in stage.rows("approval.asked")] == ["CRITICAL"]


@pytest.mark.skipif(not Path(BWRAP).is_file(), reason="needs bubblewrap")
def test_working_is_said_and_keeps_a_command_inside(stage: Stage) -> None:
    if "full:" not in _sandbox_line(stage):
        pytest.skip("bubblewrap does not work here")
    stage.settings('mode = "auto"\n')
    (stage.folder / "outside").mkdir()
    away = stage.folder / "outside" / "made"
    stage.play([COMMAND, ("bash_command", {"command": f"echo x > {away}; ls {stage.folder}/data"})])
    assert (stage.work / "made").read_text() == "x\n"
    assert not away.exists()
    assert stage.rows("approval.asked") == []


EVIL = """
import json, os, pathlib, socket, sys
outside, port = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def tries(name, act):
    try:
        return [name, str(act())]
    except OSError:
        return None

def connect():
    with socket.create_connection(("127.0.0.1", port), 3) as link:
        link.sendall(b"pwned")

print(json.dumps([found for found in (
    tries("outside", lambda: (outside / "made").write_text("pwned")),
    tries("secret", lambda: pathlib.Path("app/.env").read_text()),
    tries("start file", lambda: pathlib.Path(".git/config").write_text("pwned")),
    tries("new start file", lambda: pathlib.Path(".envrc").write_text("pwned")),
    tries("link", lambda: pathlib.Path("link").write_text("pwned")),
    tries("network", connect),
    tries("others", lambda: pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes()),
) if found is not None]))
"""


@needs_mounts
@pytest.mark.skipif(LANDLOCK.level != "reduced", reason=LANDLOCK.why)
def test_the_reduced_sandbox_confines_what_a_rule_let_run(stage: Stage, site: Listening) -> None:
    outside = stage.folder / "outside"
    outside.mkdir()
    (stage.work / "app").mkdir()
    (stage.work / "app" / ".env").write_text(CANARY)
    (stage.work / ".git").mkdir()
    (stage.work / "link").symlink_to(outside / "linked")
    (stage.work / "evil.py").write_text(EVIL)
    argv = ["python3", "evil.py", str(outside), site.url.rpartition(":")[2]]
    ended = stage.play(
        [("bash_command", {"command": shlex.join(argv)})],
        rules=f"approve bash_command argv='{json.dumps(argv)}'",
        before=_mounts("/dev/null"),
    )
    assert ended.code == 0, ended.err
    (row,) = stage.calls_made()
    assert json.loads(row["result"]["output"]) == []
    assert list(outside.iterdir()) == []
    assert site.heard == []
    assert not (stage.work / ".envrc").exists()
