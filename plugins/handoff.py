"""Handoff: whoever has the task answers it, or hands it to somebody who knows better."""

from collections.abc import Sequence
from typing import Any

from workbench import Agent, WorkbenchError, ask, pattern


@pattern
async def handoff(agents: Sequence[Agent], task: str, hops: int = 8) -> dict[str, Any]:
    """Pass a task from agent to agent until one answers; the answer, by whom, and the way there.

    The first of the agents begins. Whoever has it sees what those before noted down. Handing it to
    nobody that is there, or on and on, is a failure that tells the way; so is an agent that fails.

    Costs at most ``hops + 1`` turns.

    Args:
        agents: agents with ``task: str, notes: list[str], agents: list[str] -> answer: str,
            to: str, note: str``; an empty answer hands over to the agent named in ``to``.
        task: what is to be done.
        hops: how often it may be handed over; 0 or more.
    """
    by_name = {agent.name: agent for agent in agents}
    if not agents or hops < 0 or len(by_name) != len(agents):
        raise WorkbenchError(f"no handoff among {[a.name for a in agents]} with {hops=}")
    name, notes, way = agents[0].name, list[str](), list[str]()
    offers = [f"{agent.name}: {agent.instructions or agent.signature}" for agent in agents]
    for _ in range(hops + 1):
        way.append(name)
        reply = await ask(by_name[name], task=task, notes=notes, agents=offers)
        if str(reply.answer).strip():
            return {"answer": str(reply.answer), "agent": name, "way": way}
        if reply.to not in by_name:
            known = ", ".join(by_name)
            raise WorkbenchError(f"{name} hands over to {reply.to!r}, who is none of: {known}")
        notes = [*notes, f"{name}: {reply.note}"]
        name = str(reply.to)
    raise WorkbenchError(f"handed over {hops} times without an answer: {' > '.join(way)}", way=way)
