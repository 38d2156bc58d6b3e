"""Canaries: programs that write into a ledger outside the workspace when anything runs them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.threats.shipped import Stage, as_yaml


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
    tools = sorted({name for name, _ in calls})
    answers: list[dict[str, Any]] = [
        {
            "agent": "worker",
            "when": {"round": number},
            "calls": [{"tool": name, "arguments": dict(given)}],
        }
        for number, (name, given) in enumerate(calls)
    ]
    playbook = {"playbook": "stage", "answers": [*answers, {"text": "done"}]}
    (stage.work / "stage.playbook.yaml").write_text(as_yaml(playbook))
    ended = stage.run(
        "--script", "-", "--output", "json",
        stdin="model playbook:stage\n"
        f"agent define worker \"task: str -> text: str\" tools='{json.dumps(tools)}'"
        f" max_rounds={len(calls) + 1}\n{rules}\nask worker go\n",
    )  # fmt: skip
    outcomes = [
        row
        for row in stage.rows("step.finished", "step.failed", "step.denied")
        if row.get("effect") == "tool"
    ]
    assert len(outcomes) == len(calls), ended
    return outcomes
