"""Supervisor: a lead gives orders, workers carry them out, until the lead is satisfied."""

from collections.abc import Sequence
from typing import Any

from workbench import Agent, StepFailed, WorkbenchError, ask, checkpoint, pattern, together


@pattern
async def supervisor(lead: Agent, workers: Sequence[Agent], task: str, rounds: int = 4) -> str:
    """Let a lead divide a task among workers and return the lead's answer.

    Orders of one round are carried out at the same time. A worker that fails is reported to the
    lead, who may give another order. Each round is a checkpoint.

    Costs at most ``rounds`` turns of the lead and, in each, one turn of each worker.

    Args:
        lead: an agent with ``task: str, workers: list[str], reports: list[str] ->
            orders: dict[str, str], answer: str``; no orders means that the answer stands.
        workers: agents with ``order: str -> report: str``.
        task: what is to be done.
        rounds: how often the lead may give orders; 1 or more.
    """
    if rounds < 1 or not workers:
        raise WorkbenchError(
            f"a supervisor needs workers and a round, got {len(workers)}, {rounds}"
        )
    by_name = {worker.name: worker for worker in workers}
    reports: list[str] = []
    for number in range(1, rounds + 1):
        plan = await ask(lead, task=task, workers=list(by_name), reports=reports)
        if not plan.orders:
            return str(plan.answer)
        await checkpoint(f"round {number}")
        reports += await together(_carry_out(by_name, name, o) for name, o in plan.orders.items())
    final = await ask(lead, task=task, workers=[], reports=reports)
    if final.orders:
        raise WorkbenchError(f"{lead.name} wants to go on after {rounds} rounds")
    return str(final.answer)


async def _carry_out(workers: dict[str, Agent], name: str, order: Any) -> str:
    if name not in workers:
        return f"{name}: there is no such worker, only {', '.join(workers)}"
    try:
        return f"{name}: {(await ask(workers[name], order=order)).report}"
    except StepFailed as error:
        return f"{name} failed: {error}"
