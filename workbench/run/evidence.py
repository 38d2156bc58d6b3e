"""Evidence: everything that is known of an attempt nobody saw the end of, as one value.

It is gathered once for each question, stands in the question's row, and says itself in lines that
every front shows in its own way. Nothing in it is cleaned for a terminal: whoever shows it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from workbench.agent.probe import Probed


@dataclass(frozen=True, slots=True)
class Captured:
    """A command as it was when it was last heard of."""

    pid: int
    """Of the process that stood for the whole tree; 0 when none is known to have started."""
    exit_code: int | None
    """None when its exit was not seen."""
    output: str
    """What it had printed: the beginning and the end of it."""
    output_bytes: int
    """How much it had printed in all."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What looking at the world found out about an attempt."""

    probed: Probed | None = None
    """None when there is no probe."""
    captured: Captured | None = None
    """None when it runs no command, or nothing was kept of it."""
    changes: str = ""
    """What is different in the workspace since the intent, as text or a diff."""
    presumed: Any = None
    """What the call would have returned if it was done, as far as it can be told; None if not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person who is asked about a doubt has to know."""

    attempt: int
    repeat: str
    """The class that holds: ``probeable`` or ``unsafe``."""
    began_at: float
    line: str = ""
    """File and line at which the workflow waits for it."""
    ended: str = ""
    """``stopped`` or ``unknown`` when the program still saw it end; empty when it died first."""
    found: Findings = field(default_factory=Findings)
    tool: str = ""
    """What is not as it was of the tool itself, in a sentence; empty when nothing is."""

    def to_json(self) -> dict[str, Any]:
        """For a row and for a program; what is presumed follows from it and is left out."""
        data = asdict(self)
        del data["found"]["presumed"]
        return data

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Evidence:
        """Read back what `to_json` made."""
        said = dict(data)
        found: Mapping[str, Any] = said.pop("found")
        probed, captured = found["probed"], found["captured"]
        findings = Findings(
            Probed(**probed) if probed else None,
            Captured(**captured) if captured else None,
            found["changes"],
        )
        return Evidence(**said, found=findings)

    def lines(self) -> Iterator[tuple[str, str]]:
        """What there is to say: a label and a text, which may have several lines."""
        began = datetime.fromtimestamp(self.began_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        yield "began", f"attempt {self.attempt}, {began}"
        yield "got to", "; ".join(self._progress())
        if self.line:
            yield "waits in", self.line
        if self.tool:
            yield "tool", self.tool
        probed, captured = self.found.probed, self.found.captured
        if probed is not None:
            verdict = probed.verdict.replace("_", " ")
            yield "probe", f"{verdict}: {probed.said}" if probed.said else verdict
        if self.found.changes:
            yield "changed", self.found.changes
        if captured is not None and captured.output:
            yield "printed", captured.output

    def _progress(self) -> Iterator[str]:
        captured = self.found.captured
        if captured is None:
            yield "it was begun"
        elif not captured.pid:
            yield "no sign that its process was started"
        else:
            yield f"its process was started (pid {captured.pid})"
        if captured is not None and captured.pid:
            seen = captured.exit_code is not None
            yield f"its exit was seen: {captured.exit_code}" if seen else "its exit was not seen"
        if captured is not None:
            yield f"{captured.output_bytes} bytes captured"
        yield _ENDS.get(self.ended, "the program ended before it did")


_ENDS = {
    "stopped": "it was stopped on the way",
    "unknown": "nobody saw its end: it could not be stopped, or what carried it out is gone",
}
