"""Events for tests: short to write, and always with the same clock."""

from __future__ import annotations

from typing import Any

from workbench.journal.events import Event

NOON = 1_763_640_000.0
"""2025-11-20 12:00:00 UTC."""


def started(run_id: str, *, parent: str | None = None, cut: int = 0, **data: Any) -> Event:
    """The first row of a run, or of a fork at a position of its parent."""
    header: dict[str, Any] = {"pattern": "debate", "title": f"about {run_id}"}
    header |= {"model": "playbook:tour", "parent": parent, "cut": cut}
    seq = cut + 1 if parent else 1
    return Event(run_id, seq, NOON + seq, "run.started", "", header | data)


def event(run_id: str, seq: int, kind: str = "step.finished", key: str = "", **data: Any) -> Event:
    """One row; later rows are a second later."""
    return Event(run_id, seq, NOON + seq, kind, key, data)


def called(run_id: str, seq: int, agent: str = "skeptic", **usage: Any) -> Event:
    """A model call's outcome."""
    key = f"debate/0:ask.{agent}/{seq}:model.NAME"
    paid = {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.1} | usage
    return event(
        run_id, seq, key=key, effect="model", name="ollama:small", result="yes", usage=paid
    )


def whole_run(run_id: str, rows: int, **data: Any) -> list[Event]:
    """A run with that many rows."""
    return [started(run_id, **data), *(called(run_id, seq) for seq in range(2, rows + 1))]
