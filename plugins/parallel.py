"""Parallel: several agents do the same task at once, and nobody waits for anybody."""

from collections.abc import Sequence

from workbench import Agent, StepFailed, WorkbenchError, as_they_finish, ask, pattern


@pattern
async def parallel(agents: Sequence[Agent], task: str, need: int = 0) -> dict[str, str]:
    """Give everyone the task and return what each made, by the agent's name.

    Costs one turn for each agent; fewer when ``need`` of them have answered before the rest.

    Args:
        agents: agents with one text input and one text output.
        task: what each of them gets.
        need: how many answers are enough; 0 for all. Fewer is a failure.
    """
    if not 0 <= need <= len(agents):
        raise WorkbenchError(f"need={need} answers of {len(agents)} agents")
    wanted = need or len(agents)
    found: dict[str, str] = {}
    async with as_they_finish(_answer(agent, task) for agent in agents) as answers:
        async for name, answer in answers:
            if answer is not None:
                found[name] = answer
            if len(found) == wanted:
                break
    if len(found) < wanted:
        raise WorkbenchError(f"only {len(found)} of {wanted} answers came")
    return found


async def _answer(agent: Agent, task: str) -> tuple[str, str | None]:
    try:
        reply = await ask(agent, **{agent.signature.inputs[0].name: task})
    except StepFailed:
        return agent.name, None
    return agent.name, str(reply[agent.signature.outputs[0].name])
