"""Reflection: one agent writes, another criticises, until there is nothing left to criticise."""

from typing import Any

from workbench import Agent, WorkbenchError, ask, checkpoint, pattern


@pattern
async def reflection(writer: Agent, critic: Agent, task: str, rounds: int = 3) -> dict[str, Any]:
    """Return the text that the critic found good, and how many rounds it took.

    A text that is not good after the last round is a failure that carries it with its critique:
    nothing is passed off as good. Each round is a checkpoint.

    Costs at most ``2 * rounds`` turns.

    Args:
        writer: an agent with ``task: str, before: str, critique: str -> text: str``; before and
            critique are empty in the first round.
        critic: an agent with ``task: str, text: str -> good: bool, critique: str``.
        task: what is to be written.
        rounds: how often it may be written; 1 or more.
    """
    if rounds < 1:
        raise WorkbenchError(f"a reflection needs a round, got {rounds}")
    text = critique = ""
    for number in range(1, rounds + 1):
        text = str((await ask(writer, task=task, before=text, critique=critique)).text)
        verdict = await ask(critic, task=task, text=text)
        if verdict.good is True:
            return {"text": text, "rounds": number}
        critique = str(verdict.critique).strip() or "not good, and no reason was given"
        await checkpoint(f"round {number}")
    raise WorkbenchError(
        f"not good after {rounds} rounds: {critique}", text=text, critique=critique
    )
