"""The trace's filter: the one grammar of `workbench.permission.filter` over the screen's rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import UsageError
from workbench.tui.trace_rows import TraceRow


def read_filter(text: str, say: Callable[[str], None]) -> Callable[[TraceRow], bool] | None:
    """The test for rows; None when there is no filter, or a wrong one (and ``say`` tells why)."""
    if not text:
        return None
    from workbench.permission.filter import Filter  # noqa: PLC0415 - at the first filter

    try:
        wanted = Filter.parse(text.removeprefix("/") if text.count("/") == 1 else text)
    except UsageError as error:
        say(str(error))
        return None
    return lambda row: wanted.matches(as_mapping(row))


def as_mapping(row: TraceRow) -> dict[str, Any]:
    """A row as the grammar sees it; a figure that is not known is not there."""
    found: dict[str, Any] = {
        "agent": row.agent,
        "kind": row.kind,
        "name": row.what.partition(" ")[0],
        "state": row.state,
        "run_id": row.run_id,
        "text": f"{row.what} {row.result}",
        "cost_usd": row.cost_usd,
    }
    if row.danger >= 0:
        found["danger"] = row.danger
    if row.duration_s >= 0:
        found["duration_s"] = row.duration_s
    return found
