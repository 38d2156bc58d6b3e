"""Every state of a run × every order: what the log holds then, and what resuming does."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.run.acts import DONE, GATES, begun, gate, work
from tests.run.stage import WRITER, acted, opened, rows_of, until, waiting
from workbench.agent.conversation import ModelRequest
from workbench.agent.tool import tool
from workbench.bench import Workbench
from workbench.errors import Cancelled, StepFailed
from workbench.journal.events import OUTCOMES, Event
from workbench.run.interrupt import NEXT, Order
from workbench.run.run import Run
from workbench.run.waiting import Answer, Waiting
from workbench.run.world import Live
from workbench.workflow.pattern import pattern
from workbench.workflow.verbs import (
    ask,
    call,
    question,
    race,
    receive,
    send,
    sleep,
    together,
    use,
    within,
)

HELD = threading.Event()
"""What the function in a thread waits for."""
HOUR = 3600.0

COMMAND = "echo on; test -e go || sleep 300; echo done"


@tool(danger="SAFE", repeat="pure")
def blocks() -> str:
    """Block a thread."""
    DONE.append("w begins")
    HELD.wait(60)
    DONE.append("w ends")
    return "w"


@tool(danger="HIGH", repeat="pure")
async def risky() -> str:
    """Ask somebody first."""
    return await work("w")


def _working(name: str) -> Any:
    return call(work, name, repeat="pure")


async def _asked() -> str:
    return (await ask(WRITER, task="x")).text


async def _commanded() -> str:
    return (await use("bash_command", command=COMMAND))["output"].split()[-1]


async def _received() -> str:
    return (await together(receive("box"), _sent()))[0]


async def _both() -> str:
    return (await together(_working("w"), _working("v")))[0]


async def _late() -> str:
    try:
        return await within(0.001, _tidied())
    except StepFailed:
        return "late"


DOING: dict[str, Callable[[], Awaitable[Any]]] = {
    "model": _asked,
    "command": _commanded,
    "thread": lambda: use(blocks),
    "approval": lambda: use(risky),
    "question": lambda: question("well?"),
    "sleep": lambda: sleep(HOUR),
    "receive": _received,
    "together": _both,
    "race": lambda: race(_working("w"), _working("v")),
    "cleanup": _late,
}


async def _sent() -> None:
    await call(work, "w", repeat="pure")
    await send("box", "w")


async def _tidied() -> None:
    try:
        await sleep(HOUR)
    finally:
        await call(work, "w", repeat="pure")


@pattern
async def shaped(state: str) -> str:
    """Do one thing, tidy up after it, and do another one."""
    try:
        said = await DOING.get(state, lambda: _working("w"))()
    except Cancelled as error:
        if error.reason != "call":
            raise
        said = "cancelled"
    finally:
        await call(work, "tidy", repeat="pure")
    return f"{said}, {await call(work, 'last', repeat='pure')}"


RESULT = {"model": "w", "command": "done", "question": "yes", "sleep": "None", "cleanup": "late"}
STATES = (
    "starting", "model", "command", "thread", "async", "approval", "question", "sleep", "receive",
    "together", "race", "cleanup", "paused", "replaying",
)  # fmt: skip
HOWS = ("graceful", "immediate", "escalated", "call", "run", "close", "storm")
How = Literal["graceful", "immediate", "escalated", "call", "run", "close", "storm"]


class Stage:
    """One run that is brought into a state, interrupted and taken up again."""

    def __init__(self, folder: Path, state: str) -> None:
        self.folder, self.state = folder, state
        self.hang = asyncio.Event()

    async def answer(self, _request: ModelRequest) -> str:
        DONE.append("w begins")
        await self.hang.wait()
        return "w"

    def opened(self) -> Any:
        return opened(self.folder, self.answer)

    async def reached(self, bench: Workbench) -> Run:
        """The run, once it stands in the state."""
        gate("w", "v")
        run = await bench.start(shaped, state=self.state, run_id="cut")
        match self.state:
            case "starting":
                return run
            case "approval" | "question":
                await waiting(bench)
            case "command":
                (asked,) = await waiting(bench)
                await bench.answer(asked.id, Answer())
                await until(bench, lambda: any(step.begun for step in run.steps.values()) or None)
            case "sleep":
                await until(bench, lambda: rows_of(bench, "cut", "step.started") or None)
            case "together" | "race":
                await begun("w", "v")
            case "paused":
                await begun("w")
                run.pause()
            case "replaying":
                await begun("w")
                run.interrupt("immediate")
                await run.finished()
                run = await bench.resume("cut")
            case _:
                await begun("w")
        return run

    def let_go(self, *, threads: bool = True) -> None:
        """From now on nothing hangs."""
        if threads:
            HELD.set()
        self.hang.set()
        for name in GATES:
            GATES[name].set()
        (self.folder / "work" / "go").touch()

    async def resumed(self, bench: Workbench) -> str:
        """Go on to the end, with somebody there who says yes."""
        self.let_go()
        bench.world.clock = lambda: time.time() + 2 * HOUR

        def told(event: Event | Live) -> None:
            if (
                isinstance(event, Live)
                and event.kind == "waiting"
                and event.data["what"] == "asked"
            ):
                asyncio.get_running_loop().call_soon(self._say, bench, event.data["id"])

        bench.subscribe(told)
        run = await bench.resume("cut", what=shaped)
        return str(await run.result())

    def _say(self, bench: Workbench, waiting_id: str) -> None:
        asked: Waiting = bench.world.inbox.waiting[waiting_id]
        said = {"in_doubt": "run again", "question": "yes"}.get(asked.kind)
        bench.world.inbox.answer(waiting_id, Answer(answer=said))


def in_flight(run: Run) -> str:
    """The key of the one call that `x` would end."""
    return next(key for key, step in run.drive.parked.items() if step.child is None)


async def interrupt(stage: Stage, bench: Workbench, run: Run, how: How) -> None:
    match how:
        case "graceful":
            run.interrupt("graceful", by="tester")
            asyncio.get_running_loop().call_later(0.05, stage.let_go)
            if stage.state == "command":  # nobody lets a command go that sleeps already
                asyncio.get_running_loop().call_later(0.1, run.interrupt, "immediate")
        case "immediate":
            run.interrupt("immediate", by="tester")
        case "escalated":
            run.interrupt("graceful", by="tester")
            run.interrupt("immediate", by="tester")
        case "run":
            run.cancel(by="tester")
        case "close":
            await bench.close()
        case "storm":
            await _storm(run, random.Random(stage.state))
        case "call":
            assert run.cancel(in_flight(run), "no need", by="tester")


async def _storm(run: Run, chance: random.Random) -> None:
    for _ in range(50):
        run.hold.order(Order(chance.choice(("graceful", "immediate", "pause")), "tester"))
        if chance.random() < 0.2:
            await asyncio.sleep(0)
    run.hold.order(Order("immediate", "tester"))


def check_log(rows: list[Event]) -> None:
    """What holds however a run was interrupted."""
    outcomes = Counter(row.key for row in rows if row.kind in OUTCOMES)
    assert max(outcomes.values(), default=1) == 1
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    ends = [row for row in rows if row.kind in {"run.suspended", "run.finished"}]
    assert ends[-1] is rows[-1]
    asked = [row for row in rows if row.kind == "interrupt.asked"]
    for before, after in itertools.pairwise(asked):
        between = {row.kind for row in rows if before.seq < row.seq < after.seq}
        assert "run.resumed" in between or (before.data["how"], after.data["how"]) == (
            "graceful",
            "immediate",
        )


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("state", STATES)
def test_interrupted_in_any_state_a_run_rests_and_does_the_rest_once(
    tmp_path: Path, state: str, how: How
) -> None:
    HELD.clear()

    @acted
    async def played() -> None:
        stage = Stage(tmp_path, state)
        async with stage.opened() as bench:
            run = await stage.reached(bench)
            await interrupt(stage, bench, run, how)
            if how in {"call", "run"}:
                # What ends in the same moment would keep its result.
                stage.let_go(threads=False)
                run.go_on()
                await _ended_by_a_cancellation(bench, run, state, how)
                return
            outcome = await run.finished()
            assert outcome.outcome == "suspended"
            if how == "close":
                stage.let_go()
        GATES.clear()
        async with stage.opened() as bench:
            check_log(rows_of(bench, "cut"))
            assert await stage.resumed(bench) == f"{RESULT.get(state, 'w')}, last"
            check_log(rows_of(bench, "cut"))
            assert bench.store.run("cut").status == "returned"
            assert (DONE.count("tidy ends"), DONE.count("last ends")) == (1, 1)

    played()


async def _ended_by_a_cancellation(bench: Workbench, run: Run, state: str, how: How) -> None:
    outcome = await run.finished()
    check_log(rows_of(bench, "cut"))
    if how == "run":
        assert outcome.outcome == "cancelled"
        assert DONE.count("last begins") == 0
        assert DONE.count("tidy begins") == (0 if state == "starting" and not DONE else 1)
    else:
        cancelled = rows_of(bench, "cut", "step.cancelled")
        mine = [row for row in cancelled if row.data.get("by") == "tester"]
        assert [(row.data["reason"], row.data["why"]) for row in mine] == [("call", "no need")]
        assert outcome.outcome == "returned"


def test_the_table_of_orders_is_what_the_page_says() -> None:
    from workbench.run import interrupt as page

    for state, row in NEXT.items():
        line = next(x for x in (page.__doc__ or "").splitlines() if x.strip().startswith(state))
        told = line.split()[-4:]
        orders = ("pause", "go_on", "graceful", "immediate")
        assert told == [row.get(order, ".") for order in orders]
