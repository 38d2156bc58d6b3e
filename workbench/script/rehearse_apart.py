"""``python -m workbench.script.rehearse_apart``: rehearse patterns in a process of their own.

Reads a job as JSON from standard input, drives each pattern with samples under an audit hook that
refuses whatever a workflow must not do itself, and writes what came of it as JSON to standard
output. What the patterns print goes elsewhere.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

from workbench.foreign import Raised, attempt
from workbench.journal.strands import Request
from workbench.plugins import Plugin, discover
from workbench.script.rehearsal import rehearse, sample_inputs
from workbench.values import copied
from workbench.workflow.pattern import Pattern
from workbench.workflow.suspects import suspects

_REFUSED = (
    "open", "os.", "shutil.", "socket.", "subprocess.", "sqlite3.", "tempfile.", "glob.", "urllib.",
    "http.", "ftplib.", "smtplib.", "ctypes.", "_thread.", "time.sleep", "pty.", "fcntl.",
    "signal.", "winreg.", "webbrowser.", "msvcrt.",
)  # fmt: skip
"""Beginnings of audit events: files, processes, the network, threads, waiting."""


class Watch:
    """The audit hook: on while a workflow runs, and never off again for a process."""

    def __init__(self) -> None:
        self.is_on = False
        self.seen: list[str] = []
        sys.addaudithook(self._told)

    def around(self, act: Callable[[], list[Request]]) -> list[Request]:
        """Do one step of a drive under watch."""
        self.is_on = True
        try:
            return act()
        finally:
            self.is_on = False

    def _told(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.is_on or not event.startswith(_REFUSED):
            return
        self.is_on = False  # what follows may open files itself
        place = _place(inspect.currentframe())
        what = f"{event} {given[0] if given else ''}".strip()
        self.is_on = True
        if place is not None:
            self.seen.append(f"{place} does {what}")
            raise PermissionError(f"a workflow does no I/O itself: {what} at {place}")


def _place(frame: FrameType | None) -> str | None:
    """The nearest line that is neither Python's nor ours; None while something is imported."""
    nearest = None
    while frame is not None:
        file = frame.f_code.co_filename
        if "importlib" in file:
            return None
        is_ours = file.startswith(_OURS) and "_shipped" not in file
        if nearest is None and not is_ours and not file.startswith("<"):
            nearest = f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return nearest


_OURS = (str(Path(__file__).resolve().parents[1]), os.path.dirname(os.__file__))  # noqa: PTH120


def main() -> None:
    """Do the job."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job: dict[str, Any] = json.load(sys.stdin)
    own = Path(job["workspace"]) if job["workspace"] else None
    found = discover(
        Path(job["shipped"]), workspace=own, trusted=job["trusted"], allowed=job["allowed"]
    )
    watch = Watch()
    known: dict[str, Pattern[..., Any]] = found.things("pattern")
    told = [
        _rehearsed(plugin, pattern, known, job["inputs"], watch)
        for plugin in found.plugins
        for pattern in plugin.patterns
        if not job["names"] or {plugin.name, pattern.name} & set(job["names"])
    ]
    json.dump(told, out)
    out.flush()


def _rehearsed(
    plugin: Plugin,
    pattern: Pattern[..., Any],
    known: dict[str, Pattern[..., Any]],
    given: dict[str, Any],
    watch: Watch,
) -> dict[str, Any]:
    watch.seen.clear()
    inputs = {**sample_inputs(pattern), **given}
    done = attempt(rehearse, pattern, inputs, known, watch.around)
    told: dict[str, Any] = {
        "plugin": plugin.name,
        "pattern": pattern.name,
        "origin": plugin.origin,
        "refused": list(watch.seen),
        "suspects": suspects(pattern.function),
    }
    if isinstance(done, Raised):
        return {**told, "asked": [], "ended": f"raised {done.error}", "failed": True}
    found = done.value
    asked = [copied(asdict(one)) for one in found.asked]
    return {**told, "asked": asked, "ended": found.ended, "failed": found.failed}


if __name__ == "__main__":
    main()
