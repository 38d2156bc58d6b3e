"""A pattern and a tool of one's own: started, watched while it runs, forked at a checkpoint."""

import asyncio
from collections.abc import Sequence

from workbench import Agent, Workbench, ask, checkpoint, pattern, together, tool


@tool(danger="SAFE", repeat="pure")
def word_count(text: str) -> int:
    """Count the words of a text.

    Args:
        text: what to count in.
    """
    return len(text.split())


@pattern
async def second_opinion(agents: Sequence[Agent], judge: Agent, question: str) -> str:
    """Ask everyone at once and let a judge sum up.

    Args:
        agents: with ``question: str -> answer: str``.
        judge: with ``question: str, answers: list[str] -> verdict: str``.
        question: what is to be answered.
    """
    replies = await together(ask(agent, question=question) for agent in agents)
    await checkpoint("answers are in")
    answers = [reply.answer for reply in replies]
    return str((await ask(judge, question=question, answers=answers)).verdict)


async def main() -> None:
    """Run it, print what happens, and judge once more from the checkpoint."""
    agents = [
        Agent(name, "question: str -> answer: str", tools=[word_count]) for name in ("ann", "ben")
    ]
    judge = Agent("judge", "question: str, answers: list[str] -> verdict: str")
    async with Workbench.open() as bench:
        run = await bench.start(
            second_opinion, agents=agents, judge=judge, question="Is a tomato a fruit?"
        )
        async for event in run.events():
            print(f"{event.seq:>3} {event.kind:<16} {event.key}")
        print("verdict:", await run.result())
        again = await bench.fork(run.run_id, "answers are in", instructions={"judge": "Be terse."})
        print("forked:", await again.result())


if __name__ == "__main__":
    asyncio.run(main())
