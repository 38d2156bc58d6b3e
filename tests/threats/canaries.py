"""Canaries: programs that write into a ledger outside the workspace when anything runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.threats.shipped import Stage


class Canaries:
    """What may not be run, and whether it was."""

    def __init__(self, stage: Stage) -> None:
        self._ledger = stage.folder / "ledger"
        self.line = f"echo sung >> {self._ledger}"
        """For places that want a shell's text."""

    @property
    def sung(self) -> list[str]:
        """What was run, a line each."""
        return self._ledger.read_text().splitlines() if self._ledger.exists() else []

    def forget(self) -> None:
        """What was sung while the stage was set does not count."""
        self._ledger.unlink(missing_ok=True)

    def put(self, path: Path) -> Path:
        """A program at a path; it sings its name and its arguments."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{path.name} $*" >> {self._ledger}\n')
        path.chmod(0o755)
        return path


def one_by_one(
    stage: Stage, calls: Sequence[tuple[str, Mapping[str, Any]]], rules: str = ""
) -> list[dict[str, Any]]:
    """Have an agent make calls one after the other; the data of each call's outcome, in order."""
    ended = stage.play(*([call] for call in calls), rules=rules)
    outcomes = stage.calls_made()
    assert len(outcomes) == len(calls), ended
    return outcomes
