"""The command that accounts for a run: where its time, its tokens and its words went."""

from __future__ import annotations

import asyncio
from typing import Any

from workbench.journal.flow import flows
from workbench.journal.profile import profile
from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.profiled import profile_lines
from workbench.script.session import Session


async def _profile(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    session.bench.store.catch_up()
    return await asyncio.to_thread(account, session.bench.store, run_id)


def account(store: Any, run_id: str) -> Output:
    """Read a run's rows, all of them, and say what became of its time."""
    rows = [*store.rows(run_id)]
    told, (went, is_whole) = profile(rows), flows(rows)
    data = {"run_id": run_id, **told.to_json(), "flows": [flow._asdict() for flow in went]}
    return Output(tuple(profile_lines(told, went, is_whole=is_whole)), data)


COMMAND = Command(
    "profile",
    "Say where a run's time, tokens and words went: critical path, agents, who used whom.",
    _profile,
    (Parameter("run", "which run; the last one if none is named", "run"),),
    is_looking=True,
    examples=("profile",),
)
