"""The command that accounts for a run: where its time, its tokens and its words went."""

from __future__ import annotations

import asyncio

from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.profiled import account
from workbench.script.session import Session


async def _profile(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    found = await asyncio.to_thread(account, session.bench.store, run_id)
    went = [flow._asdict() for flow in found.went]
    return Output(found.lines, {"run_id": run_id, **found.profile.to_json(), "flows": went})


COMMAND = Command(
    "profile",
    "Say where a run's time, tokens and words went: critical path, agents, who used whom.",
    _profile,
    (Parameter("run", "which run; the last one if none is named", "run"),),
    is_looking=True,
    examples=("profile",),
)
