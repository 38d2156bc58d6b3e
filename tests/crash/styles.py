"""The styles: workflows of every shape a log must survive, each for the classes of effect it fits.

Every effect that acts has a token of its own in its arguments: the case, the style, a name. Results
are plain values, so that a run which was killed can be held against one that was not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.crash.deeds import (
    KINDS,
    SLOW_S,
    cancel_the_run,
    dangerous_deed,
    deed,
    deed_of,
    done,
    fail,
    keyed_deed,
    look,
    suspend_the_run,
)
from workbench.agent.agent import Agent
from workbench.errors import StepFailed
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.pattern import Pattern, pattern
from workbench.workflow.verbs import (
    as_they_finish,
    ask,
    call,
    checkpoint,
    follow,
    now,
    question,
    race,
    random,
    recall,
    receive,
    remember,
    send,
    sleep,
    together,
    use,
    within,
)


@dataclass(frozen=True, slots=True)
class Style:
    """A pattern, the classes it is run with, and which other results are right too."""

    pattern: Pattern[..., Any]
    kinds: tuple[str, ...] = ("mixed",)
    same: Callable[[Any], Any] = lambda result: result
    """What of a result does not depend on who comes first."""
    outcome: str = "returned"


@pattern
async def sequence(case: str, kind: str) -> Any:
    """One after the other."""
    said = [await deed_of(kind, f"tok:{case}.s.{n}") for n in range(3)]
    try:
        await call(fail, f"tok:{case}.s.fails", repeat="keyed")
    except StepFailed as error:
        said.append(str(error))
    return [*said, await deed_of(kind, f"tok:{case}.s.last")]


@pattern
async def beside(case: str, kind: str) -> Any:
    """All at once, then one more."""
    said = await together(deed_of(kind, f"tok:{case}.b.{n}") for n in range(3))
    return [*said, await deed_of(kind, f"tok:{case}.b.last")]


@pattern
async def failing(case: str, kind: str) -> Any:
    """One of several fails while the others are on their way; cleanup acts too."""

    async def path(n: int) -> str:
        try:
            return await deed_of(kind, f"tok:{case}.f.{n}", SLOW_S)
        finally:
            await deed_of("keyed", f"tok:{case}.f.cleanup.{n}")

    try:
        await together(
            path(0), path(1), call(fail, f"tok:{case}.f.fails", pure=True, repeat="pure")
        )
    except StepFailed as error:
        return [str(error), await deed_of(kind, f"tok:{case}.f.last")]
    return "nothing failed"


@pattern
async def racing(case: str, kind: str) -> Any:
    """The first of two; the other one has begun and is ended."""
    first = await race(
        deed_of(kind, f"tok:{case}.r.fast"), deed_of(kind, f"tok:{case}.r.slow", SLOW_S)
    )
    second = await within(60, deed_of(kind, f"tok:{case}.r.within"))
    return [first, second, await deed_of(kind, f"tok:{case}.r.last")]


@pattern
async def finishing(case: str, kind: str) -> Any:
    """Each as it comes, something else in between; the last one is not waited for."""
    said: list[str] = []
    parts = [deed_of(kind, f"tok:{case}.e.{n}", SLOW_S * (3 - n) / 3) for n in range(4)]
    async with as_they_finish(parts) as results:
        async for result in results:
            said.append(result)
            said.append(await deed_of(kind, f"tok:{case}.e.between.{len(said)}"))
            if len(said) == 6:
                break
    return said


@pattern
async def inner(case: str, kind: str, name: str) -> Any:
    """A part of `nested`."""
    await remember(name, {"by": name})
    first = await deed_of(kind, f"tok:{case}.i.{name}.first")
    await checkpoint(name)
    second = await together(deed_of(kind, f"tok:{case}.i.{name}.{n}") for n in range(2))
    await send("outer", name)
    return [first, *second, await recall(name)]


@pattern
async def nested(case: str, kind: str) -> Any:
    """Patterns inside patterns, with messages, memory, time and chance."""
    begun = await now()
    parts = await together(follow(inner, case=case, kind=kind, name=name) for name in "ab")
    heard = sorted([await receive("outer"), await receive("outer")])
    last = await follow(inner, case=case, kind=kind, name="c")
    await sleep(SLOW_S / 3)
    chance = await random()
    await remember("chance", chance, scope="workspace")
    kept = await recall("chance", scope="workspace") == chance
    fits = 0 <= chance < 1 and begun <= await now()
    return [parts, heard, last, fits, await recall("a"), kept]


_TALKING = Agent("talker", "task: str -> text: str", tools=(deed, keyed_deed, look))
_PLAIN = Agent("plain", "task: str -> text: str")


@pattern
async def talking(case: str, kind: str) -> Any:
    """Agents with tools, beside each other, then one more."""
    del kind
    said = await together(ask(_TALKING, task=f"{case}.{n}") for n in range(2))
    last = await ask(_PLAIN, task=f"{case}.2")
    return [reply.text for reply in [*said, last]]


@pattern
async def asking(case: str, kind: str) -> Any:
    """People: a permission, a question, and both at once."""
    first = await use(dangerous_deed, token=f"tok:{case}.q.0")
    said = await question("go on?", ["yes", "no"])
    both = await together(use(dangerous_deed, token=f"tok:{case}.q.1"), question("why?"))
    return [first, said, *both, await deed_of(kind, f"tok:{case}.q.last")]


@pattern
async def big(case: str, kind: str) -> Any:
    """Results that do not fit into a row."""
    said = await together(deed_of(kind, f"tok:{case}.big.{n}") for n in range(2))
    return [len(text) for text in [*said, await deed_of(kind, f"tok:{case}.big.last")]]


@pattern
async def cancelled(case: str, kind: str) -> Any:
    """The run is ended from outside while it goes on; its cleanup still acts."""
    try:
        await together(
            deed_of(kind, f"tok:{case}.c.slow", SLOW_S * 2),
            call(cancel_the_run, f"tok:{case}.c.c", repeat="pure"),
        )
    finally:
        await deed_of("keyed", f"tok:{case}.c.cleanup")
    return "nobody ended it"


@pattern
async def suspended(case: str, kind: str) -> Any:
    """The run is suspended at once while effects are on their way."""
    await together(
        deed_of(kind, f"tok:{case}.u.slow", SLOW_S),
        call(suspend_the_run, f"tok:{case}.u.s", repeat="pure"),
    )
    return await deed_of(kind, f"tok:{case}.u.last")


@pattern
async def pressing(case: str, kind: str) -> Any:
    """A kind of effect that a front performs."""

    def pressed(name: str) -> Effect[Any]:
        given = {"token": f"tok:{case}.p.{name}"}
        return Effect("press", "button", given, repeat=Repeat(kind))

    return [await pressed("first"), *await together(pressed(f"{n}") for n in range(2))]


@pattern
async def messaging(case: str, kind: str) -> Any:
    """Readers that are ended just as their message comes; no message is lost or read twice."""

    async def write(*texts: str) -> str:
        await deed_of("pure", f"tok:{case}.m.{texts[0]}")
        for text in texts:
            await send("box", text)
        return "written"

    first = await race(receive("box"), write("a"))
    both = await together(receive("box"), deed_of(kind, f"tok:{case}.m.0"), write("b", "c"))
    heard = [first, both[0]]
    while len([text for text in heard if text != "written"]) < 3:
        heard.append(await receive("box"))
    await deed_of(kind, f"tok:{case}.m.last")
    return heard


def _all_read(result: Any) -> Any:
    return sorted(text for text in result if text != "written")


def _any_winner(result: Any) -> Any:
    first, *rest = result
    assert first in (done("tok:CASE.r.fast"), done("tok:CASE.r.slow"))
    return rest


def _three_of_four(result: Any) -> Any:
    known = {done(f"tok:CASE.e.{n}") for n in range(4)}
    assert len(set(result[::2])) == 3
    assert known.issuperset(result[::2])
    return result[1::2]


EVERY = KINDS

STYLES: dict[str, Style] = {
    "sequence": Style(sequence, EVERY),
    "beside": Style(beside, EVERY),
    "failing": Style(failing, ("pure", "keyed", "unsafe", "threaded", "mixed")),
    "racing": Style(racing, EVERY, _any_winner),
    "finishing": Style(finishing, ("unsafe", "keyed", "mixed"), _three_of_four),
    "nested": Style(nested, ("unsafe", "mixed")),
    "talking": Style(talking),
    "asking": Style(asking, ("unsafe", "probeable")),
    "pressing": Style(pressing, ("unsafe", "keyed", "pure")),
    "messaging": Style(messaging, ("unsafe", "keyed"), _all_read),
    "big": Style(big, ("pure", "keyed", "unsafe")),
    "cancelled": Style(cancelled, ("unsafe", "keyed", "threaded"), outcome="cancelled"),
    "suspended": Style(suspended, ("unsafe", "keyed", "probeable")),
}

PATTERNS = (*(style.pattern for style in STYLES.values()), inner)

SCRIPT = """
run sequence kind=unsafe case={case}
expect outcome=returned
run racing kind=mixed case={case}
run beside kind=keyed case={case} &
ask talker task="{case}.k"
wait
"""
"""The style ``script``: lines that start runs."""
