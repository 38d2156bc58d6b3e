"""The command works; what it measures is nobody's promise."""

from __future__ import annotations

import orjson
import pytest

from tests.benchmarks.__main__ import BENCHMARKS, main


def test_two_quick_benchmarks_print_one_object_a_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "hooks", "import"]) == 0
    rows = [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["name"] for row in rows][:4] == ["hooks.0", "hooks.1", "hooks.10", "import.time"]
    for row in rows:
        assert row.keys() >= {"name", "value", "unit", "better", "target", "floor"}
        assert isinstance(row["value"], int | float)


def test_what_safety_costs_is_measured_beside_its_floor(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["--json", "permit", "plain"]) == 0
    rows = [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]
    decided = [row for row in rows if row["name"].startswith("decide.")]
    assert {row["target"] for row in decided} == {5}
    assert {row["name"] for row in rows} >= {"permit.path", "plain.ascii", "line.hostile"}
    assert all(row["floor"] > 0 for row in rows)


def test_an_unknown_name_is_refused_and_the_known_ones_are_told(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["hoks"]) == 2
    told = capfd.readouterr().err
    assert all(name in told for name in BENCHMARKS)
