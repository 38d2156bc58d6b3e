"""Tournament: every agent makes an entry, and judges compare them in pairs until one is left."""

from collections.abc import Sequence
from typing import Any

from workbench import Agent, StepFailed, WorkbenchError, ask, checkpoint, pattern, together

Entry = tuple[str, str]
"""Whose it is, and what it is."""


@pattern
async def tournament(agents: Sequence[Agent], judges: Sequence[Agent], task: str) -> dict[str, Any]:
    """Return the entry that won every comparison it was in, whose it is, and all comparisons.

    Every second judge sees a pair the other way round, so that a liking for what stands first
    evens out; an odd number of judges knows no tie. Who fails to make an entry takes no part; an
    entry without an opponent goes on to the next round. A judge that fails is a failure. Each
    round is a checkpoint.

    Costs one turn for each agent, and one of each judge for every comparison: one comparison less
    than there are entries.

    Args:
        agents: two or more agents with ``task: str -> entry: str``.
        judges: an odd number of agents with ``task: str, first: str, second: str ->
            winner: Literal["first", "second"], why: str``.
        task: what the entries are for.
    """
    if len(agents) < 2 or len(judges) % 2 == 0:
        raise WorkbenchError(
            f"a tournament needs 2 agents and an odd number of judges, "
            f"got {len(agents)}, {len(judges)}"
        )
    made = await together(_entry(agent, task) for agent in agents)
    left: list[Entry] = [entry for entry in made if entry[1]]
    if len(left) < 2:
        raise WorkbenchError(f"only {len(left)} of {len(agents)} entries were made")
    told: list[dict[str, Any]] = []
    while len(left) > 1:
        count = len(left) // 2
        pairs = [(left[2 * n], left[2 * n + 1]) for n in range(count)]
        ends = await together(_compared(judges, task, one, other) for one, other in pairs)
        told += ends
        won = [_winner(*pair, end["votes"]) for pair, end in zip(pairs, ends, strict=True)]
        left = won + left[2 * count :]
        await checkpoint(f"{len(left)} left")
    return {"agent": left[0][0], "entry": left[0][1], "comparisons": told}


async def _entry(agent: Agent, task: str) -> Entry:
    try:
        return agent.name, str((await ask(agent, task=task)).entry).strip()
    except StepFailed:
        return agent.name, ""


async def _compared(judges: Sequence[Agent], task: str, one: Entry, other: Entry) -> dict[str, Any]:
    """The votes for both, and why."""
    seen = await together(_judged(j, task, one, other, n % 2 == 1) for n, j in enumerate(judges))
    ones = sum(is_one for is_one, _ in seen)
    votes = [ones, len(judges) - ones]
    return {"pair": [one[0], other[0]], "votes": votes, "why": [why for _, why in seen]}


def _winner(one: Entry, other: Entry, votes: Sequence[int]) -> Entry:
    return one if votes[0] > votes[1] else other


async def _judged(
    judge: Agent, task: str, one: Entry, other: Entry, is_turned: bool
) -> tuple[bool, str]:
    """Whether the one is better, and why."""
    first, second = (other, one) if is_turned else (one, other)
    verdict = await ask(judge, task=task, first=first[1], second=second[1])
    if verdict.winner not in ("first", "second"):
        raise WorkbenchError(f"{judge.name} says {verdict.winner!r}, neither first nor second")
    return (verdict.winner == "first") is not is_turned, str(verdict.why)
