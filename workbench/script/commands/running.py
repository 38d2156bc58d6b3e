"""Commands that do something: start runs, wait for them, steer, stop and resume them."""

from __future__ import annotations

import asyncio

from workbench.errors import UnknownName, UsageError, WorkbenchError
from workbench.journal.events import Event
from workbench.permission.filter import Filter
from workbench.run.run import Run
from workbench.run.world import Live
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.commands.attending import ask
from workbench.script.ended import Ended, from_store
from workbench.script.rows import data_of, fields_of, line_of
from workbench.script.session import Session, Suspended, conclude
from workbench.values import Json


async def _run(session: Session, call: Call) -> Output:
    async def start(run_id: str) -> Run:
        return await session.bench.start(
            call.text("pattern"),
            call.inputs,
            run_id=run_id,
            limits=session.limits or None,
            workspace=session.scratch,
        )

    return await session.finish(call, await session.begin(session.start_id(call), start))


async def _ask(session: Session, call: Call) -> Output:
    agents, name = session.bench.agents, call.text("agent")
    if name not in agents:
        raise UnknownName("agent", name, agents)
    inputs: dict[str, Json] = dict(call.inputs)
    if text := call.text("text"):
        fields = [field.name for field in agents[name].signature.inputs]
        free = next((field for field in fields if field not in inputs), "")
        if not free:
            raise UsageError(f"agent {name!r} has no input left for {text[:40]!r}")
        inputs[free] = text

    async def start(run_id: str) -> Run:
        return await session.bench.start(
            "ask",
            {"agent": agents[name], "inputs": inputs},
            run_id=run_id,
            title=f"ask {name}",
            limits=session.limits or None,
            workspace=session.scratch,
        )

    return await session.finish(call, await session.begin(session.start_id(call), start))


async def _resume(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    row = session.bench.store.run(run_id)
    if not row.rests and call.line.background:
        raise UsageError(f"run {run_id} has ended ({row.status})")
    session.take_over = session.take_over or call.given.get("take_over") is True
    return await session.finish(call, await session.begin(run_id, session.resume))


async def _wait(session: Session, call: Call) -> Output:
    limit = call.given.get("timeout")
    try:
        async with asyncio.timeout(None if limit is None else float(limit)):
            if call.line.words or call.text("filter"):
                return await _wait_for_row(session, call)
            return await _wait_for_ends(session, call)
    except TimeoutError:
        raise WorkbenchError(f"it did not come within {limit} s") from None


async def _wait_for_ends(session: Session, call: Call) -> Output:
    if call.text("run"):
        run_id = session.find(call.text("run"))
        return conclude(await _end_of(session, run_id))
    ended: list[Ended] = [
        await session.wait_for(session.background[run_id]) for run_id in [*session.background]
    ]
    for one in ended:
        conclude(one)
    if not ended and session.last:
        return conclude(await _end_of(session, session.last))
    lines = [f"run {one.run_id} {one.outcome}" for one in ended]
    return Output(tuple(lines), {"ended": [one.to_json() for one in ended]})


async def _end_of(session: Session, run_id: str) -> Ended:
    run = session.bench.runs.get(run_id)
    return await session.wait_for(run) if run else session.ended(run_id)


async def _wait_for_row(session: Session, call: Call) -> Output:
    """The first row of the run that fits, whether it is there already or still to come."""
    wanted = Filter.parse(filter_text(call))
    run_id = session.find(call.text("run"))
    came: asyncio.Queue[Event] = asyncio.Queue()

    def told(event: Event | Live) -> None:
        if isinstance(event, Event) and event.run_id == run_id:
            came.put_nowait(event)

    unsubscribe = session.bench.subscribe(told)
    try:
        session.bench.store.catch_up()
        for row in session.bench.store.rows(run_id):
            if wanted.matches(fields_of(row)):
                return said(line_of(row), data=data_of(row))
        row = await _first(session, run_id, wanted, came)
    finally:
        unsubscribe()
    return said(line_of(row), data=data_of(row))


async def _first(
    session: Session, run_id: str, wanted: Filter, came: asyncio.Queue[Event]
) -> Event:
    run = session.bench.runs.get(run_id)
    over = {"run.finished", "run.suspended"}
    while run is not None and (run.status in {"running", "paused"} or not came.empty()):
        row = await came.get()
        if wanted.matches(fields_of(row)):
            return row
        if row.kind == "run.suspended":
            raise Suspended
        if row.kind in over:
            break
    raise WorkbenchError(f"run {run_id} ended and had no row that fits {str(wanted)!r}")


def filter_text(call: Call) -> str:
    """The filter a line's words are; words with spaces get back the quotes they had."""
    words = list(call.line.words)
    if len(words) > 1:
        words = [f'"{word}"' if " " in word and '"' not in word else word for word in words]
    words += [f"{name}:{value}" for name, value in call.inputs.items()]
    return " ".join(words) or call.text("filter")


async def _steer(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    agent, text = call.text("agent"), call.text("text")
    told = await ask(session, run_id, "steer", agent=agent, text=text)
    data: dict[str, Json] = {"run_id": run_id, "agent": agent, "text": text}
    return said(told or f"told {agent}", data=data)


async def _interrupt(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    how = "immediate" if call.text("how") == "now" else "graceful"
    told = await ask(session, run_id, "interrupt", how=how)
    run = session.bench.runs.get(run_id)
    if run is None:
        where = "stops now" if how == "immediate" else "stops at its next step"
        return said(told or f"run {run_id} {where}", data={"run_id": run_id, "how": how})
    outcome = await run.finished()
    session.background.pop(run.run_id, None)
    told = from_store(session.bench.store, run.run_id).to_json()
    return said(f"run {run.run_id} is {outcome.outcome}", data=told)


_AS = Parameter("as", "a name for the run, for later lines", "text", named_only=True)
_WHICH = Parameter("run", "which run; the last one if none is named", "run", named_only=True)

COMMANDS = (
    Command(
        "run",
        "Run a pattern and wait for its result.",
        _run,
        (Parameter("pattern", "its name", "pattern", required=True), _AS),
        takes_inputs=True,
        can_background=True,
        details='Agents are given by name: agents=["sceptic", "advocate"].',
        examples=('run debate question="Is it so?" agents=["a", "b"] judge=c rounds=1',),
    ),
    Command(
        "ask",
        "Ask one agent and wait for its reply.",
        _ask,
        (
            Parameter("agent", "its name", "agent", required=True),
            Parameter("text", "its first input that is not given by name", rest=True),
            _AS,
        ),
        takes_inputs=True,
        can_background=True,
        examples=("ask critic What do you think?", "ask critic draft<<END"),
    ),
    Command(
        "resume",
        "Go on with a run that was suspended or cut off.",
        _resume,
        (
            Parameter("run", "which run", "run"),
            _AS,
            Parameter("take_over", "true: also from a process that lives", named_only=True),
        ),
        can_background=True,
    ),
    Command(
        "wait",
        "Wait for the background runs to end, or for a row that fits a filter.",
        _wait,
        (
            Parameter("filter", "kind:tool state:done …", "filter", rest=True),
            _WHICH,
            Parameter("timeout", "seconds", "number", named_only=True),
        ),
        takes_inputs=True,
        examples=("wait", "wait kind:approval.asked timeout=10"),
    ),
    Command(
        "steer",
        "Say something to an agent; it hears it with its next step.",
        _steer,
        (
            Parameter("agent", "whom", "agent", required=True),
            Parameter("text", "what", required=True, rest=True),
            _WHICH,
        ),
    ),
    Command(
        "interrupt",
        "Suspend a run: let running steps finish, or stop them now.",
        _interrupt,
        (Parameter("how", "now or nothing", choices=("now", "graceful")), _WHICH),
    ),
)
