"""Commands that only look: at runs, rows and the commands themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from workbench.errors import UnknownName
from workbench.journal.requests import Owner
from workbench.permission.filter import Filter
from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.commands.running import filter_text
from workbench.script.rows import brief, data_of, fields_of, line_of
from workbench.script.session import Session, result_lines
from workbench.store.projection import RunRow


async def _show(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    ended = session.ended(run_id)
    row = session.bench.store.run(run_id)
    usage = ended.usage
    tokens = usage["input_tokens"] + usage["output_tokens"]
    driver = _driver(session, row)
    lines = [
        f"run {run_id}  {row.title}" + (f"  {_driven(driver)}" if driver else ""),
        f"outcome: {ended.outcome}" + (f" ({ended.message})" if ended.message else ""),
        f"pattern: {row.pattern}  model: {row.model}",
        f"steps: {usage['steps']}  tokens: {tokens}  cost: ${usage['cost_usd']:.4f}",
        *(f"denied: {one['agent']} {one['name']}: {one['reason']}" for one in ended.denied),
        *_doubts(session, run_id),
        *result_lines(ended.result),
    ]
    data = {**asdict(row), **ended.to_json(), "driver": _driver_data(driver)}
    return Output(tuple(lines), data)


def _doubts(session: Session, run_id: str) -> list[str]:
    """What was in doubt, and what became of it."""
    told: dict[str, str] = {}
    kinds = {"question.asked", "question.answered"}
    for row in session.bench.store.rows(run_id, kinds=kinds):
        if row.run_id != run_id or row.data.get("asked_as") != "in_doubt":
            continue
        if row.kind == "question.asked":
            attempt = row.data["evidence"]["attempt"]
            told[row.data["id"]] = f"in doubt: {row.data['tool']} attempt {attempt}: not answered"
        elif row.data["id"] in told:
            said = f"{row.data['answer']} by {row.data['by']}"
            told[row.data["id"]] = told[row.data["id"]].replace("not answered", said)
    return list(told.values())


async def _runs(session: Session, call: Call) -> Output:
    session.bench.store.catch_up()
    rows = session.bench.store.runs(
        limit=int(call.given.get("limit", 20)), search=call.text("search")
    )
    drivers = {row.run_id: _driver(session, row) for row in rows}
    lines = [
        f"{row.run_id}  {_time(row.started_at)}  {row.status:<13} {row.title}  "
        + (_driven(drivers[row.run_id]) or row.result_preview)
        for row in rows
    ]
    data = [{**asdict(row), "driver": _driver_data(drivers[row.run_id])} for row in rows]
    return Output(tuple(brief(line) for line in lines) or ("no runs",), data)


def _driver(session: Session, row: RunRow) -> Owner | None:
    """The process that drives a run, if one does."""
    return session.bench.store.shared.driver(row.run_id) if row.status == "running" else None


def _driven(driver: Owner | None) -> str:
    if driver is None:
        return ""
    since = f" since {_time(driver.since)}" if driver.since else ""
    return f"driven by {driver.name}{since}" + (" (stopped)" if driver.is_stopped else "")


def _driver_data(driver: Owner | None) -> dict[str, Any] | None:
    if driver is None:
        return None
    return {"pid": driver.pid, "host": driver.host, "since": driver.since}


async def _trace(session: Session, call: Call) -> Output:
    session.bench.store.catch_up()
    wanted = Filter.parse(filter_text(call))
    rows = session.bench.store.rows(session.find(call.text("run")))
    found = [row for row in rows if wanted.matches(fields_of(row))]
    return Output(tuple(line_of(row) for row in found), [data_of(row) for row in found])


def help_command(known: Callable[[], Mapping[str, Command]]) -> Command:
    """The command that explains the others; ``known`` gives them all, itself included."""

    async def perform(_session: Session, call: Call) -> Output:
        name = call.text("command").removeprefix("/")
        if not name:
            commands = known().values()
            lines = [f"{one.name:<12} {one.summary}" for one in commands]
            return Output(tuple(lines), [one.name for one in commands])
        if name not in known():
            raise UnknownName("command", name, known())
        return Output(tuple(help_lines(known()[name])), {"usage": known()[name].usage})

    parameter = Parameter("command", "which one", "command")
    return Command("help", "List the commands, or explain one.", perform, (parameter,))


def help_lines(command: Command) -> list[str]:
    """Everything there is to say of a command."""
    rows = [
        f"  {p.name:<10} {p.doc}" + (f" ({', '.join(p.choices)})" if p.choices else "")
        for p in command.parameters
    ]
    more = [command.details] if command.details else []
    examples = [f"  {example}" for example in command.examples]
    return [command.usage, command.summary, *rows, *more, *examples]


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


_WHICH = Parameter("run", "which run; the last one if none is named", "run")

_ALL = (
    Command("show", "Show how a run ended, what it said and cost.", _show, (_WHICH,)),
    Command(
        "runs",
        "List the runs of this workspace, newest first.",
        _runs,
        (
            Parameter("search", "words to look for", rest=True),
            Parameter("limit", "how many", "number", named_only=True),
        ),
    ),
    Command(
        "trace",
        "Show the rows of a run that fit a filter.",
        _trace,
        (
            Parameter("filter", "agent:coder kind:tool danger>=HIGH …", "filter", rest=True),
            Parameter("run", "which run", "run", named_only=True),
        ),
        takes_inputs=True,
        examples=("trace kind:tool state:denied",),
    ),
)

COMMANDS = tuple(replace(command, is_looking=True) for command in _ALL)
