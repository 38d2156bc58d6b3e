"""Commands for runs that another process drives: follow them, answer for them, hold them.

They work the same for a run of this process; who drives it is found out each time. What is asked
of another process is said once that one has carried it out, or refused it.
"""

from __future__ import annotations

from typing import Any

from workbench.errors import UnknownName, UsageError
from workbench.journal.requests import RequestKind
from workbench.permission.danger import Danger
from workbench.run.waiting import SCOPES, Waiting
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.rows import brief
from workbench.script.session import Session
from workbench.script.watching import watch


async def ask(session: Session, run_id: str, kind: RequestKind, **data: Any) -> str:
    """Have a run do something; a sentence for when that is not done yet, else nothing.

    Raises:
        TooLate, UsageError: its owner said why not.
    """
    request = await session.bench.request(run_id, kind, by=session.rule_scope, **data)
    return session.bench.following.said(request)


def _said(told: str, done: str, **data: Any) -> Output:
    """One line: done, or that it still waits."""
    return said(told or done, data={**data, "done": not told})


async def _follow(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    session.last = run_id
    await watch(session, run_id)
    ended = session.ended(run_id)
    return said(f"run {run_id} is {ended.outcome}", data=ended.to_json())


def waiting(session: Session, run_id: str = "") -> list[Waiting]:
    """What waits for a person: here first, then in other processes' runs."""
    here = [one for one in session.bench.waiting if run_id in ("", one.run_id)]
    if run_id in session.bench.runs:
        return here
    return [*here, *session.bench.following.waiting(run_id)]


async def _inbox(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run")) if call.text("run") else ""
    lines: list[str] = []
    data: list[Any] = []
    for number, one in enumerate(waiting(session, run_id), 1):
        driver = session.bench.store.shared.driver(one.run_id)
        danger = f"{one.danger.name} " if one.danger is not None else ""
        lines.append(brief(f"{number}  {danger}{one.agent or 'the run'}: {one.text}"))
        lines.append(f"   {one.id}  {_driven(driver.name if driver else '')}")
        data.append({**one.to_json(), "kind": one.kind, "driver": driver.pid if driver else None})
    return Output(tuple(lines) or ("nothing waits",), data)


def _driven(driver: str) -> str:
    return f"driven by {driver}" if driver else "nobody drives it"


async def _answer(session: Session, call: Call) -> Output:
    one = _chosen(session, call.text("which"))
    verdict, edited = call.text("answer"), call.given.get("arguments")
    if edited is not None and not isinstance(edited, dict):
        raise UsageError('\'arguments\' is an object: arguments={"path": "…"}')
    data: dict[str, Any] = {"waiting": one.id}
    if one.kind == "permission":
        data |= {"verdict": verdict, "digest": one.digest, "reason": call.text("reason")}
        data |= {"scope": call.text("scope", "call"), "arguments": edited}
        _check_permission(one, verdict, call)
    else:
        data["answer"] = verdict
        if one.kind == "plan":
            data |= {"arguments": edited, "reason": call.text("reason")}
        data |= {"result": call.given["result"]} if "result" in call.given else {}
    told = await ask(session, one.run_id, "answer", **data)
    return _said(told, f"{verdict}: {one.text}", run_id=one.run_id, id=one.id, answer=verdict)


def _check_permission(one: Waiting, verdict: str, call: Call) -> None:
    if verdict not in ("allow", "deny"):
        raise UnknownName("answer to a permission", verdict, ("allow", "deny"))
    if verdict == "allow" and one.danger == Danger.CRITICAL and call.text("tool") != one.tool:
        raise UsageError(
            f"this is CRITICAL: allow it with its tool's name as well, tool={one.tool}"
        )


def _chosen(session: Session, which: str) -> Waiting:
    """By number in the inbox, by id or a part of it, or the only one of a run."""
    known = waiting(session)
    if which.isdigit() and 1 <= int(which) <= len(known):
        return known[int(which) - 1]
    found = [one for one in known if one.id == which]
    found = found or [one for one in known if which and which in one.id]
    if not found and which:
        found = waiting(session, session.find(which.partition(":")[0]))
        found = [one for one in found if which in one.id]
    if len(found) != 1:
        if not found:
            raise UnknownName("waiting request", which, [one.id for one in known])
        shown = ", ".join(one.id for one in found[:4])
        raise UsageError(f"{len(found)} waiting requests fit {which!r}: {shown}")
    return found[0]


async def _cancel(session: Session, call: Call) -> Output:
    run_id, key = session.find(call.text("run")), call.text("key")
    reason = call.text("reason", "cancelled by the user")
    told = await ask(session, run_id, "cancel", key=key, reason=reason)
    return _said(told, f"cancelled {key or f'run {run_id}'}", run_id=run_id, key=key)


async def _pause(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    told = await ask(session, run_id, "pause")
    return _said(told, f"run {run_id} is paused: continue goes on", run_id=run_id)


async def _continue(session: Session, call: Call) -> Output:
    run_id = session.find(call.text("run"))
    told = await ask(session, run_id, "go_on")
    return _said(told, f"run {run_id} goes on", run_id=run_id)


_RUN = Parameter("run", "which run; the last one if none is named", "run")

COMMANDS = (
    Command(
        "follow",
        "Show a run that another process drives, row by row, until it ends or rests.",
        _follow,
        (_RUN,),
        is_looking=True,
    ),
    Command(
        "inbox",
        "List what waits for you, in the runs of other processes too.",
        _inbox,
        (Parameter("run", "of one run only", "run"),),
        is_looking=True,
    ),
    Command(
        "answer",
        "Answer something that waits, in whatever process it does.",
        _answer,
        (
            Parameter("which", "its number in the inbox, its id, or its run", required=True),
            Parameter("answer", "allow, deny, a choice or a text", required=True, rest=True),
            Parameter("reason", "why; a denied agent hears it", named_only=True),
            Parameter("scope", "how far it reaches", choices=SCOPES, named_only=True),
            Parameter("arguments", "edited arguments, an object", named_only=True),
            Parameter("tool", "the tool's name, to allow what is CRITICAL", named_only=True),
            Parameter("result", "of a doubt that is done: its result", named_only=True),
        ),
        examples=("answer 1 allow", 'answer a41f deny reason="not on a Friday"'),
    ),
    Command(
        "cancel",
        "Cancel a run, or one call of it.",
        _cancel,
        (
            Parameter("key", "the call; the whole run if none is named"),
            Parameter("run", "which run", "run", named_only=True),
            Parameter("reason", "why", named_only=True),
        ),
    ),
    Command("pause", "Start nothing new in a run until it is continued.", _pause, (_RUN,)),
    Command("continue", "Let a paused run go on.", _continue, (_RUN,)),
)
