"""`kaizen-tui profile`: where a run's time, tokens and words went, as a user asks it."""

from __future__ import annotations

import json
from math import isclose
from pathlib import Path

import pytest

from tests.test_cli import ran, script, workspace

__all__ = ["workspace"]


@pytest.mark.timeout(120)  # some starts of the program
def test_a_run_is_accounted_for_in_words_and_as_json(workspace: Path) -> None:
    assert script(workspace, "ask critic 'a draft' as=first\n").returncode == 0
    listed = json.loads(ran(workspace, "runs", "--output", "json").stdout)
    run_id = next(run["run_id"] for run in listed if run["pattern"] == "ask")

    told = ran(workspace, "profile", run_id)
    assert told.returncode == 0, told.stderr
    for heading in ("critical path", "longest steps", "agents", "who used whom", "words went"):
        assert heading in told.stdout

    data = json.loads(ran(workspace, "profile", run_id, "--output", "json").stdout)
    assert data["run_id"] == run_id
    assert [agent["name"] for agent in data["agents"]] == ["critic"]
    assert data["agents"][0]["calls"] == 1
    assert isclose(sum(data["by_kind"].values()), data["seconds"], abs_tol=1e-6)
    path = sum(part["seconds"] for part in data["critical_path"])
    assert isclose(path, data["seconds"], abs_tol=1e-6)

    assert ran(workspace, "profile", "last").returncode == 0
    wrong = ran(workspace, "profile", "nobody")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no run 'nobody'" in wrong.stderr
