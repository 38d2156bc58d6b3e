"""Blackboard: agents read and write one board until nobody has anything to add."""

from collections.abc import Sequence

from workbench import Agent, StepFailed, WorkbenchError, ask, checkpoint, pattern, together, within


@pattern
async def blackboard(
    agents: Sequence[Agent], closer: Agent, task: str, rounds: int = 4, seconds: float = 0
) -> str:
    """Let agents build on one another's notes, and return the closer's answer from the board.

    In a round everybody reads the same board; what they write appears in their order, with their
    names. Who does not want to add anything, fails or takes too long adds nothing in that round.
    It ends after a round without a new note, or after the last one; a board with nothing on it is
    a failure. Each round is a checkpoint.

    Costs at most ``len(agents) * rounds + 1`` turns.

    Args:
        agents: one or more agents with ``task: str, board: list[str] -> add: bool, note: str``.
        closer: an agent with ``task: str, board: list[str] -> answer: str``.
        task: what the board is about.
        rounds: how often everybody may write; 1 or more.
        seconds: the longest an agent may take in a round; 0 for no limit.
    """
    if not agents or rounds < 1:
        raise WorkbenchError(f"a blackboard needs agents and a round, got {len(agents)}, {rounds}")
    board: list[str] = []
    for number in range(1, rounds + 1):
        notes = await together(_note(agent, task, board, seconds) for agent in agents)
        fresh = [note for note in notes if note and note not in board]
        if not fresh:
            break
        board = [*board, *fresh]
        await checkpoint(f"round {number}")
    if not board:
        raise WorkbenchError("nobody wrote anything on the board")
    return str((await ask(closer, task=task, board=board)).answer)


async def _note(agent: Agent, task: str, board: list[str], seconds: float) -> str:
    turn = ask(agent, task=task, board=board)
    try:
        reply = await (within(seconds, turn) if seconds else turn)
    except StepFailed:
        return ""
    text = str(reply.note).strip() if reply.add is True else ""
    return f"{agent.name}: {text}" if text else ""
