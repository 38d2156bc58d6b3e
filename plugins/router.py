"""Router: one agent looks at a task and decides which of the others is to do it."""

from collections.abc import Sequence

from workbench import Agent, WorkbenchError, ask, pattern


@pattern
async def router(chooser: Agent, agents: Sequence[Agent], task: str) -> dict[str, str]:
    """Let the chooser pick the agent for a task; who did it, why, and what came of it.

    Nothing is picked by default: a choice that names nobody is a failure that says so.
    Costs two turns.

    Args:
        chooser: an agent with ``task: str, agents: list[str] -> name: str, why: str``.
        agents: who can be chosen: agents with one text input and one text output.
        task: what is to be done.
    """
    offers = [f"{agent.name}: {agent.instructions or agent.signature}" for agent in agents]
    choice = await ask(chooser, task=task, agents=offers)
    chosen = {agent.name: agent for agent in agents}.get(choice.name)
    if chosen is None:
        known = ", ".join(agent.name for agent in agents)
        raise WorkbenchError(f"{chooser.name} chose {choice.name!r}, who is none of: {known}")
    reply = await ask(chosen, **{chosen.signature.inputs[0].name: task})
    result = str(reply[chosen.signature.outputs[0].name])
    return {"agent": chosen.name, "why": str(choice.why), "result": result}
