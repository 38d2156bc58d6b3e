"""The hooks that are asked before a permission: each may refuse, and none can allow.

They see the final arguments and what the policy says. Where the policy denies nobody is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.permission.call import Call
from workbench.permission.policy import Decision
from workbench.run.hooks import HookCall, Refused

if TYPE_CHECKING:
    from workbench.run.step import Step

_EVENT = "before.permission"


async def ask_before(step: Step, tool: str, call: Call, decision: Decision) -> None:
    """Ask them about a call that would be allowed or put to a person. Raises Refused."""
    run = step.run
    if not run.world.hooks.has(_EVENT):
        return
    run.world.stir()
    said = {"danger": call.danger.name, "verdict": decision.verdict, "reason": decision.reason}
    shown = {"arguments": dict(call.arguments), **said}
    asked = HookCall(_EVENT, run.run_id, step.key, step.agent, "permission", tool, shown)
    try:
        await run.world.hooks.ask_async(asked)
    except Refused as refused:
        told = {"hook": refused.data["hook"], "event": _EVENT, "reason": refused.message}
        run.rows.append("hook.refused", step.key, told)
        raise
