"""Vote: agents choose among choices, and nobody is waited for who cannot change the result."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workbench import Agent, StepFailed, WorkbenchError, as_they_finish, ask, pattern, within


@pattern
async def vote(
    agents: Sequence[Agent],
    question: str,
    choices: Sequence[str],
    share: float = 0.5,
    seconds: float = 0,
) -> dict[str, Any]:
    """Return the choice that more than a share of all agents voted for, with the votes cast.

    It ends as soon as a choice has won, or none can win any more: a tie, or too few votes, is a
    failure that carries them. Who fails, takes too long or names no choice abstains, which counts
    as a vote for nobody. Costs at most one turn for each agent.

    Args:
        agents: one or more agents with ``question: str, choices: list[str] -> choice: str``.
        question: what is voted on.
        choices: two or more different ones.
        share: the part of the agents a choice needs more of: 0.5 up to, not including, 1.
        seconds: the longest an agent may take; 0 for no limit.
    """
    if not agents or len(set(choices)) != len(choices) or len(choices) < 2 or not 0.5 <= share < 1:
        raise WorkbenchError(f"no vote of {len(agents)} agents on {[*choices]} with {share=}")
    votes: Counter[str] = Counter()
    silent = 0
    async with as_they_finish(_vote(a, question, choices, seconds) for a in agents) as cast:
        async for choice in cast:
            votes[choice] += 1
            silent += not choice
            best = max(votes[c] for c in choices)
            left = len(agents) - votes.total()
            if best > share * len(agents) or best + left <= share * len(agents):
                break
    won = [c for c in choices if votes[c] > share * len(agents)]
    cast_votes = {c: votes[c] for c in choices}
    if not won:
        told = f"no choice has more than {share:g} of {len(agents)} votes: {cast_votes}"
        raise WorkbenchError(told, votes=cast_votes, abstained=silent)
    return {"choice": won[0], "votes": cast_votes, "abstained": silent}


async def _vote(agent: Agent, question: str, choices: Sequence[str], seconds: float) -> str:
    turn = ask(agent, question=question, choices=[*choices])
    try:
        reply = await (within(seconds, turn) if seconds else turn)
    except StepFailed:
        return ""
    choice = str(reply.choice).strip()
    return choice if choice in choices else ""
