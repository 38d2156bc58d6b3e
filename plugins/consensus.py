"""Consensus: agents propose, then vote, until enough of them agree."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from workbench import Agent, WorkbenchError, ask, pattern, together


@pattern
async def consensus(
    agents: Sequence[Agent], question: str, share: float = 0.66, rounds: int = 3
) -> dict[str, Any]:
    """Have agents settle on one answer; the answer, its votes and the rounds it took.

    In each round everyone sees the answers of the round before. No agreement is a failure that
    carries the last votes; a relative majority is never passed off as one.

    Costs at most ``len(agents) * rounds`` turns.

    Args:
        agents: two or more agents with ``question: str, answers: list[str] -> answer: str``.
        question: what is to be settled.
        share: the part of the agents that must give the same answer: above 0.5, at most 1.
        rounds: how often they may try; 1 or more.
    """
    if len(agents) < 2 or rounds < 1 or not 0.5 < share <= 1:
        raise WorkbenchError(f"no consensus of {len(agents)} agents, {share=}, {rounds=}")
    answers: list[str] = []
    votes: Counter[str] = Counter()
    for number in range(1, rounds + 1):
        replies = await together(ask(agent, question=question, answers=answers) for agent in agents)
        answers = [str(reply.answer).strip() for reply in replies]
        votes = Counter(answers)
        answer, count = votes.most_common(1)[0]
        if count >= share * len(agents):
            return {"answer": answer, "votes": dict(votes), "rounds": number}
    raise WorkbenchError(f"no agreement after {rounds} rounds: {dict(votes)}", votes=dict(votes))
