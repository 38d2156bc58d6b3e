"""What a recorded row means for everything beside the workflow, when a run is taken up again.

The drive is fed with the same rows (`workbench.journal.replay`); here boxes, memory, spending and
definitions become what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.journal.events import Event
from workbench.run.ceilings import recall_repeats
from workbench.run.header import add_row

if TYPE_CHECKING:
    from workbench.run.run import Run


def recall(run: Run, row: Event) -> None:
    """Let a recorded row have its effect."""
    run.mail.read(row)
    run.heard.read(row)
    add_row(run.usage, row)
    run.taking.after(row)
    data = row.data
    if row.kind == "value.defined":
        run.scopes.definitions[data["digest"]] = data["value"]
    elif row.kind == "step.finished" and data.get("effect") == "remember":
        kept = data["result"]
        if kept.get("scope", "run") == "run":
            run.memory.pop(kept["key"], None)
            run.memory[kept["key"]] = kept["value"]
    elif row.kind == "step.finished" and data.get("effect") == "forget":
        if data["result"]["scope"] == "run":
            run.memory.pop(data["result"]["key"], None)
    elif row.kind == "run.cancelled" and row.run_id == run.run_id:
        run.hold.is_cancelled = True
        run.given_up = data.get("error")
    if row.run_id == run.run_id:
        run.budget.recall(row)
        recall_repeats(run.budget, row)
