"""Where golden runs are, and how they are loaded: a folder a release, with its own workflows."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench.workflow.pattern import Pattern

HERE = Path(__file__).parent
EXPECTED = "expected.json"
WORKFLOWS = "workflows.py"


@dataclass(frozen=True, slots=True)
class Golden:
    """One kept run."""

    release: str
    name: str
    path: Path
    expected: dict[str, Any]
    """``ended``: how its workflow ended then, in words; ``frontier``: the keys that waited."""

    def __str__(self) -> str:
        return f"{self.release}-{self.name}"


def golden() -> Iterator[Golden]:
    """Every kept run, oldest release first."""
    for folder in sorted(path.parent for path in HERE.glob(f"*/{EXPECTED}")):
        expected = json.loads((folder / EXPECTED).read_text(encoding="utf-8"))
        for name, told in expected.items():
            yield Golden(folder.name, name, folder / f"{name}.jsonl", told)


def workflows(folder: Path) -> ModuleType:
    """The workflows of a release, or those of now, under one name: rows name functions by it."""
    spec = importlib.util.spec_from_file_location("golden_workflows", folder / WORKFLOWS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_workflows"] = module
    spec.loader.exec_module(module)
    return module


def patterns_of(module: ModuleType) -> dict[str, Pattern[..., Any]]:
    """The patterns of a module, by name."""
    found: list[Pattern[..., Any]] = [
        value for value in vars(module).values() if isinstance(value, Pattern)
    ]
    return {one.name: one for one in found}
