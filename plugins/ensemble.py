"""Ensemble: several agents answer on their own, and another one makes one answer of them."""

from collections.abc import Sequence

from workbench import Agent, StepFailed, WorkbenchError, ask, pattern, together, within


@pattern
async def ensemble(
    agents: Sequence[Agent], combiner: Agent, task: str, need: int = 0, seconds: float = 0
) -> str:
    """Have everyone answer without knowing of the others, and return what the combiner makes of it.

    An agent that fails, says nothing or takes too long is left out; fewer answers than are needed
    is a failure. Costs one turn for each agent and one for the combiner.

    Args:
        agents: one or more agents with ``task: str -> answer: str``.
        combiner: an agent with ``task: str, answers: list[str] -> answer: str``.
        task: what each of them gets.
        need: how many answers there must be; 0 for all.
        seconds: the longest an agent may take; 0 for no limit.
    """
    if not agents or not 0 <= need <= len(agents):
        raise WorkbenchError(f"an ensemble of {len(agents)} agents cannot {need=}")
    said = await together(_answer(agent, task, seconds) for agent in agents)
    answers = [answer for answer in said if answer]
    if len(answers) < (need or len(agents)):
        raise WorkbenchError(f"only {len(answers)} of {need or len(agents)} answers came")
    return str((await ask(combiner, task=task, answers=answers)).answer)


async def _answer(agent: Agent, task: str, seconds: float) -> str:
    turn = ask(agent, task=task)
    try:
        reply = await (within(seconds, turn) if seconds else turn)
    except StepFailed:
        return ""
    text = str(reply.answer).strip()
    return f"{agent.name}: {text}" if text else ""
