"""Debate: every agent argues, reads the others, argues again; a judge decides."""

from collections.abc import Sequence

from workbench import Agent, WorkbenchError, ask, pattern, together


@pattern
async def debate(agents: Sequence[Agent], judge: Agent, question: str, rounds: int = 2) -> str:
    """Let agents argue about a question and return the judge's verdict.

    Costs ``len(agents) * rounds + 1`` turns.

    Args:
        agents: two or more agents with ``question: str, others: list[str] -> argument: str``.
        judge: an agent with ``question: str, arguments: list[str] -> verdict: str``.
        question: put to every agent unchanged in each round.
        rounds: how often everyone speaks; 1 or more.
    """
    if len(agents) < 2 or rounds < 1:
        raise WorkbenchError(f"a debate needs 2 agents and a round, got {len(agents)}, {rounds}")
    said: list[str] = []
    for _ in range(rounds):
        replies = await together(ask(agent, question=question, others=said) for agent in agents)
        said = [str(reply.argument) for reply in replies]
    return str((await ask(judge, question=question, arguments=said)).verdict)
