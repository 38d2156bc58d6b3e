"""What a recorded row means for everything beside the workflow, when a run is taken up again.

The drive is fed with the same rows (`workbench.journal.replay`); here boxes, memory, spending and
definitions become what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.journal.events import OUTCOMES, Event
from workbench.run.budget import Limits
from workbench.run.header import add_row
from workbench.workflow.effects import SCOPES

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
            run.memory[kept["key"]] = kept["value"]
    elif row.kind == "run.cancelled" and row.run_id == run.run_id:
        run.hold.is_cancelled = True
        run.given_up = data.get("error")
    elif row.kind == "budget.changed" and row.run_id == run.run_id:
        run.budget.extend(Limits.read(data["limits"]))
    own = row.run_id == run.run_id and row.kind in OUTCOMES
    if own and data.get("effect") not in SCOPES and data.get("end") != "never":
        run.budget.recall(data)
