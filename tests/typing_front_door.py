"""What a program of one's own looks like to a type checker. It is checked and never run."""

from collections.abc import Sequence
from datetime import datetime

from workbench import (
    Agent,
    Cancelled,
    InputField,
    OutputField,
    Refused,
    Signature,
    StepFailed,
    Workbench,
    WorkbenchError,
    as_they_finish,
    ask,
    ask_sync,
    call,
    checkpoint,
    discover,
    follow,
    hook,
    now,
    pattern,
    question,
    race,
    random,
    recall,
    receive,
    remember,
    send,
    sleep,
    together,
    tool,
    use,
    within,
)


class Review(Signature):
    """Review a text."""

    text: str = InputField(description="what is reviewed")
    verdict: str = OutputField()


@tool(danger="SAFE", repeat="pure")
def word_count(text: str) -> int:
    """Count words."""
    return len(text.split())


def twice(number: int) -> int:
    return 2 * number


async def thrice(number: int) -> int:
    return 3 * number


@hook("before.tool", priority=1)
def careful(asked: object) -> None:
    raise Refused(f"not {asked}")


@pattern
async def review(agents: Sequence[Agent], text: str, rounds: int = 1) -> list[str]:
    verdicts: list[str] = []
    for _ in range(rounds):
        replies = await together(ask(agent, text=text) for agent in agents)
        verdicts = [str(reply.verdict) for reply in replies]
    begun: datetime = await now()
    number: int = await call(twice, 3) + await call(thrice, 4, repeat="pure")
    chance: float = await random()
    answer: str = await question("Is that right?", ["yes", "no"])
    await send("log", [begun.isoformat(), number, chance, answer])
    await receive("log")
    await remember("verdicts", verdicts, scope="workspace")
    await recall("verdicts")
    await checkpoint("reviewed")
    await discover(capability="review")
    try:
        await within(5, race(sleep(1), use(word_count, text=text)))
    except (StepFailed, Cancelled) as error:
        verdicts.append(str(error))
    async with as_they_finish(call(twice, n) for n in range(3)) as results:
        async for result in results:
            verdicts.append(str(result + 1))
    return verdicts


@pattern
async def outer(agent: Agent, text: str) -> list[str]:
    return list(await follow(review, agents=[agent], text=text))


async def main() -> None:
    critic = Agent("critic", Review, instructions="Be fair.", tools=[word_count])
    async with Workbench.open() as bench:
        run = await bench.start(outer, agent=critic, text="A text.")
        async for event in run.events():
            print(event.seq, event.kind, event.key)  # noqa: T201 - an example
        try:
            print(await run.result())  # noqa: T201
        except WorkbenchError as error:
            print(error.hint)  # noqa: T201
        forked = await bench.fork(run.run_id, "reviewed", model="playbook:tour")
        forked.interrupt("graceful")
        await bench.resume(forked.run_id)
        await bench.ask(critic, text="Another text.")


def script() -> str:
    return str(ask_sync("critic", text="A text.").verdict)
