"""Commands about whether a run fits the code of now: find it out, or give the run up."""

from __future__ import annotations

from workbench.run.take_up import Checked
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.diverged import effect_line
from workbench.script.session import SCRIPT, Session


async def _check(session: Session, call: Call) -> Output:
    from workbench.script.run_script import play  # noqa: PLC0415 - it knows all commands

    run_id = session.find(call.text("run"))
    # A script's pattern is in no list: nobody runs it by name.
    what = play if session.bench.store.run(run_id).pattern == SCRIPT else None
    checked = session.bench.take_up.check(run_id, what)
    return Output(tuple(_fitting_lines(checked)), checked.to_json())


def _fitting_lines(checked: Checked) -> list[str]:
    seen = f"{checked.rows} rows, {checked.fed} of them seen by {checked.pattern}"
    lines = [f"run {checked.run_id} fits: {seen}"]
    lines += [f"since then: {change}" for change in checked.changes]
    if checked.ended:
        lines.append(f"it ends as it did: {checked.pattern} has {checked.ended}")
    lines += [f"goes on with {effect_line(one.to_json())}" for one in checked.frontier]
    return lines


async def _drop(session: Session, call: Call) -> Output:
    run_id = session.bench.take_up.drop(session.find(call.text("run")), session.rule_scope)
    return said(
        f"run {run_id} is given up; its rows stay, and it can be forked",
        data={"run_id": run_id, "outcome": "cancelled"},
    )


_WHICH = Parameter("run", "which run; the last one if none is named", "run")

COMMANDS = (
    Command(
        "check",
        "Say whether a run fits the code of now: a replay that performs and writes nothing.",
        _check,
        (_WHICH,),
        is_looking=True,
    ),
    Command("drop", "End a run that rests, for good; its rows stay.", _drop, (_WHICH,)),
)
