"""A small part of each stress program, so that none of them rots."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress import full, soak


@pytest.mark.slow
def test_processes_that_share_a_file_lose_nothing() -> None:
    found = soak.run(10 / 60, 2, lambda _: None)
    assert (found["lost"], found["out_of_order"], found["integrity"]) == (0, 0, "ok")
    assert all(told["waits"] > 0 for told in found["writers"])
    assert found["backups"] > 0


@pytest.mark.parametrize("seed", range(500, 503))
def test_a_disk_filled_under_a_run_loses_and_repeats_nothing(tmp_path: Path, seed: int) -> None:
    full.trial(tmp_path, seed)
