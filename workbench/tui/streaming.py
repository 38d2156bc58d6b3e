"""The line of the trace that all streamed pieces of one step share, and that counts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.tui.shown import OpenStep
from workbench.tui.trace_rows import RESULTS, Trace, TraceRow, brief


class Streaming:
    """Which steps are streaming, and where in the trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._lines: dict[tuple[str, str], tuple[int, int]] = {}
        """By run and key the number of the line and how many pieces came."""

    def piece(
        self, step_id: tuple[str, str], step: OpenStep, kind: str, data: Mapping[str, Any]
    ) -> None:
        """Some more of a step's text came."""
        number, pieces = self._lines.get(step_id, (-1, 0))
        pieces += int(data.get("pieces", 1))
        told = brief(data.get("text") or data.get("message") or "", 80)
        row = self._trace.at(number)
        if row is None:
            row = TraceRow(
                0, step.since, step_id[0], step.agent, kind, "", -1, "", -1.0, 0, 0.0, RESULTS
            )
            number = self._trace.add(row)
        self._lines[step_id] = number, pieces
        self._trace.replace(number, row._replace(what=f"x{pieces} {told}".strip()))

    def over(self, step_id: tuple[str, str]) -> None:
        """The step has ended."""
        self._lines.pop(step_id, None)
