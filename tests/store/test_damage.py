"""Damage at random places: a part of ``python -m tests.stress damage``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress.damage import Base, trial


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return Base(Path(tmp_path_factory.mktemp("damage")))


@pytest.mark.parametrize("seed", range(10_000, 10_040))
def test_damage_is_never_silent(base: Base, seed: int) -> None:
    trial(base, seed)
