"""Sequential: agents work one after another, each on what the one before it made."""

from collections.abc import Sequence

from workbench import Agent, WorkbenchError, ask, pattern


@pattern
async def sequential(agents: Sequence[Agent], task: str) -> str:
    """Hand a task down a line of agents and return what the last one made.

    Costs one turn for each agent.

    Args:
        agents: one or more agents with one text input and one text output, in working order.
        task: what the first of them gets.
    """
    if not agents:
        raise WorkbenchError("a sequence needs at least one agent")
    work = task
    for agent in agents:
        reply = await ask(agent, **{agent.signature.inputs[0].name: work})
        work = str(reply[agent.signature.outputs[0].name])
    return work
