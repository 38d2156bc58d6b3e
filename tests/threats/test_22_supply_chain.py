"""Dependencies are locked by hash, none runs at every start, and litellm only when it is asked."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.threats.shipped import PROGRAM, Stage

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements.lock"
LOCKS = sorted(ROOT.glob("requirements*.lock"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_package_has_an_exact_version_and_hashes(lock: Path) -> None:
    joined = lock.read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and line[0] not in "# "]
    assert len(lines) > 5
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?==[^ ]+ ", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line
        assert "://" not in line, line


def test_no_dependency_of_the_program_runs_at_every_start_of_python() -> None:
    names = re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", RUNTIME.read_text())
    brought: list[str] = []
    for name in names:
        with suppress(PackageNotFoundError):
            files = distribution(name).files or []
            brought += [f"{name}: {file}" for file in files if file.suffix == ".pth"]
    assert len(names) > 5
    assert brought == []


def test_litellm_is_imported_by_no_command_that_needs_no_provider(stage: Stage) -> None:
    code = (
        "import sys\nfrom workbench.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print('LOADED', [m for m in sys.modules if m.startswith('litellm')])\n"
    )
    for words in (["--help"], ["runs"], ["doctor"], ["patterns"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=stage.work,
            env=stage.environment,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert "LOADED []" in done.stdout, (words, done)
    assert PROGRAM.is_file()
