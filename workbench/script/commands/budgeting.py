"""`budget`: say, set and lift the limits of runs, session, day and agents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from workbench.errors import ConfigError, UsageError
from workbench.journal.limits import (
    DEPTH,
    FAN_OUT,
    MEASURES,
    REPEATS,
    Ceilings,
    Limits,
    joined,
    nested,
)
from workbench.run.budget import Account
from workbench.run.shared import ON_LIMIT, OnLimit, SharedAccount
from workbench.script.command import Call, Command, Output, Parameter
from workbench.script.session import Session

_COLUMNS = ("limit", "used", "reserved", "left")
_UNSET = {"depth": DEPTH, "fan_out": FAN_OUT, "repeats": REPEATS}


async def _budget(session: Session, call: Call) -> Output:
    choice = call.text("on_limit")
    given = {name: value for name, value in call.given.items() if name != "on_limit"}
    changes = joined(_change(name, value) for name, value in {**given, **call.inputs}.items())
    _set(session, changes)
    if choice and not _is_persons(session):
        session.bench.budgets.on_limit = cast("OnLimit", choice)
    told = _told(session)
    if given or call.inputs or choice:
        said = [f"{name} {_cell(value)}" for name, value in {**given, **call.inputs}.items()]
        said += [_MEANING[told["on_limit"]]] if choice else []
        return Output((f"limits: {' · '.join(said)}",), told)
    return Output(tuple(_lines(told)), told)


def _change(name: str, value: Any) -> dict[str, Any]:
    """One limit as `Ceilings.changed` takes it. Raises UsageError, UnknownName."""
    change = nested(name, None if value == "none" else value)
    try:
        Ceilings().changed(change)
    except ConfigError as error:
        raise UsageError(f"{name!r} is a number, or none to lift it: {error.message}") from error
    return change


def _set(session: Session, changes: Mapping[str, Any]) -> None:
    own: dict[str, Any] = dict(changes.get("run", {}))
    wider = {name: value for name, value in changes.items() if name != "run"}
    session.bench.budgets.ceilings.changed(changes)  # refused whole, or not at all
    if wider:
        session.bench.set_ceilings(wider, by=session.rule_scope)
    session.limits.update(own)
    run = session.bench.runs.get(session.last)
    now = {name: value for name, value in own.items() if name != "fan_out"}
    if now and run is not None and run.status in {"running", "paused"}:
        session.bench.set_limits(run.run_id, now, by=session.rule_scope)


def _is_persons(session: Session) -> bool:
    """Whether a script plays on a screen: there the person answers, whatever it says."""
    return session.rule_scope == "script" and session.bench.world.scripts_only_preselect


def _told(session: Session) -> dict[str, Any]:
    """Limit, used, reserved and left, by scope and measure."""
    bench, budgets = session.bench, session.bench.budgets
    run = bench.runs.get(session.last)
    limits = budgets.ceilings.run.changed(session.limits) if run is None else run.budget.limits
    own = run.budget.to_json() if run is not None else _unused(limits)
    shapes = {name: {"limit": getattr(limits, name) or _UNSET[name]} for name in _UNSET}
    told: dict[str, Any] = {"run": {**own, **shapes}}
    accounts = budgets.accounts()
    shared = [account for account in accounts if isinstance(account, SharedAccount)]
    budgets.look(shared, bench.store, bench.world.clock())
    told |= {account.name: account.to_json() for account in accounts}
    return {**told, "run_id": session.last if run else "", "on_limit": budgets.on_limit}


def _unused(limits: Limits) -> dict[str, Any]:
    account = Account("run", "", limits)
    seconds: dict[str, Any] = {"limit": limits.seconds, "used": 0, "reserved": 0}
    return {**account.to_json(), "seconds": {**seconds, "left": limits.seconds}}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    run = told["run_id"]
    yield f"{'':<16} {'':<8} " + " ".join(f"{column:>10}" for column in _COLUMNS)
    for scope, rows in told.items():
        if not isinstance(rows, Mapping):
            continue
        name = f"run {run}" if scope == "run" and run else scope
        name = "runs to come" if name == "run" else name
        for measure, row in cast("Mapping[str, Mapping[str, Any]]", rows).items():
            cells = (_cell(row.get(column, "")) for column in _COLUMNS)
            yield f"{name:<16} {measure:<8} " + " ".join(f"{cell:>10}" for cell in cells)
    yield f"at a limit: {_MEANING[told['on_limit']]}"


_MEANING = {
    "ask": "a person is asked (ask)",
    "rest": "the run rests and can be resumed (rest)",
    "stop": "the run ends (stop)",
    "extend": "it is raised by as much again (extend)",
}


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:g}"


COMMANDS = (
    Command(
        "budget",
        "Say what is used, reserved and left; limit runs, the session, the day, agents.",
        _budget,
        (
            *(
                Parameter(name, f"most {name} of a run", "number", named_only=True)
                for name in MEASURES
            ),
            Parameter(
                "on_limit", "what happens at a used-up limit", named_only=True, choices=ON_LIMIT
            ),
        ),
        takes_inputs=True,
        is_setting=True,
        details=(
            "Bare names limit the runs to come, and the last run while it goes on; session.usd,"
            " day.tokens or agent.NAME.steps limit what many runs use together (usd, tokens,"
            " steps). 'none' lifts a limit. on_limit says beforehand what becomes of a run at a"
            " used-up limit: ask, rest, stop or extend."
        ),
        examples=(
            "budget",
            "budget usd=0.50 steps=200",
            "budget day.usd=5 agent.critic.tokens=9000",
        ),
    ),
)
