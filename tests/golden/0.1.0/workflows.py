"""One workflow for each way of writing one; a copy is frozen beside the runs of each release.

It imports nothing but the front door, so that what a user could write then is what is replayed.
"""

from collections.abc import Sequence
from typing import Any

from workbench import (
    Agent,
    StepFailed,
    as_they_finish,
    ask,
    call,
    checkpoint,
    discover,
    follow,
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


def note(text: str) -> str:
    """What cannot be repeated."""
    return f"{text} is noted"


def refuse(text: str) -> str:
    """What fails."""
    raise ValueError(f"no {text} today")


async def hold(text: str) -> str:
    """What is stopped on its way, once somebody says so."""
    await HOLDING.wait()
    return text


class _Never:
    """Nobody holds anything when a run is only replayed."""

    async def wait(self) -> None:
        """At once."""


HOLDING: Any = _Never()


@tool(danger="SAFE", repeat="pure")
def measure(text: str) -> int:
    """Measure a text."""
    return len(text)


@tool(danger="SAFE", repeat="unsafe")
def keep(text: str) -> str:
    """Keep a text."""
    return f"kept {text}"


WRITER = Agent("writer", "task: str -> text: str", instructions="Be brief.")
JUDGE = Agent("judge", "question: str, answers: list[str] -> verdict: str, sure: bool")
WORKER = Agent("worker", "task: str -> report: str", tools=[measure, keep])


@pattern
async def sequence(topic: str) -> list[Any]:
    """One after another, with everything that is known at once."""
    seen: list[Any] = [await call(note, topic), await call(note, "second", repeat="pure")]
    await checkpoint("half")
    seen += [(await now()).year > 2000, 0 <= await random() < 1, await discover()]
    await sleep(0.001)
    return [*seen, await use(measure, text=topic), await use(keep, text=topic)]


@pattern
async def beside(topics: Sequence[str]) -> list[str]:
    """All at once, one of them several steps deep."""

    async def deep(topic: str) -> str:
        return await call(note, await call(note, topic))

    return await together(*(call(note, topic) for topic in topics), deep("deep"))


@pattern
async def first(topic: str) -> Any:
    """The first that comes; the others are ended, and clean up after themselves."""

    async def slow() -> str:
        try:
            await sleep(60)
        finally:
            await call(note, "cleaned")
        return "slow"

    return await race(slow(), call(note, topic))


@pattern
async def as_they_come(topics: Sequence[str]) -> list[str]:
    """In the order in which they come, until there is enough."""
    seen: list[str] = []
    async with as_they_finish(call(note, topic) for topic in topics) as results:
        async for result in results:
            seen.append(await call(note, result))
            if len(seen) == 2:
                break
    return sorted(seen, key=len)


@pattern
async def in_time(topic: str) -> list[Any]:
    """In time, and too late."""
    seen: list[Any] = [await within(60, call(note, topic))]
    try:
        await within(0.001, sleep(60))
    except StepFailed as late:
        seen.append(late.error_code)
    return seen


@pattern
async def inner(topic: str, depth: int = 1) -> str:
    """A part, which may have a part."""
    if depth:
        return f"({await follow(inner, topic=topic, depth=depth - 1)})"
    return await call(note, topic)


@pattern
async def nested(topic: str) -> list[str]:
    """Patterns within patterns, followed and awaited."""
    return [await follow("inner", topic=topic), await inner(topic, 0)]


@pattern
async def agents(writers: Sequence[Agent], topic: str) -> list[Any]:
    """Agents that were given, one that is known here, and one with tools."""
    said = [r.text for r in await together(ask(one, task=topic) for one in writers)]
    verdict = await ask(JUDGE, question=topic, answers=said)
    report = await ask(WORKER, task=topic)
    return [said, verdict.verdict, verdict.sure, report.report]


@pattern
async def asking(topic: str) -> list[str]:
    """A person is asked twice."""
    return [
        await question(f"{topic}?", ["yes", "no"]),
        await question("why?"),
    ]


@pattern
async def letters(topic: str) -> list[Any]:
    """Paths that write to each other."""

    async def one() -> Any:
        await send("two", {"topic": topic})
        return await receive("one")

    async def two() -> Any:
        got = await receive("two")
        await send("one", [got["topic"], "back"])
        return got

    return await together(one(), two())


@pattern
async def memory(topic: str) -> list[Any]:
    """What is kept, and what never was."""
    await remember("topic", topic)
    seen: list[Any] = [await recall("topic")]
    try:
        await recall("other")
    except StepFailed as missing:
        seen.append(missing.error_code)
    return seen


@pattern
async def doubtful(topic: str) -> list[str]:
    """A call that is stopped on its way, and what a person says of it."""
    return [await call(note, topic), await call(hold, topic), await call(note, "after")]


@pattern
async def failing(topic: str) -> Any:
    """One failure that is met, and one that ends it."""
    try:
        await call(refuse, topic)
    except StepFailed as failed:
        topic = await call(note, str(failed.error_code))
    return await together(call(note, topic), call(refuse, "more"))
