"""Carrying out what a run is asked to do: the same for a request and for a key pressed here.

One function for each kind of request; each reads its data anew, because a row of the table may
hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from workbench.errors import TooLate, UnknownName, UsageError
from workbench.journal.events import Event
from workbench.journal.requests import ENDS, KINDS, Request, RequestKind, who
from workbench.permission.doubting import UNSAID
from workbench.permission.policy import MODES
from workbench.run.interrupt import Order
from workbench.run.waiting import SCOPES, Answer

if TYPE_CHECKING:
    from workbench.run.run import Run
    from workbench.run.session import Session


async def request(
    session: Session, run_id: str, kind: RequestKind, data: Mapping[str, Any], by: str
) -> Request:
    """Have a run do something, in whatever process it is driven.

    Args:
        session: the one that wants it.
        run_id: the whole id.
        kind: see `workbench.journal.requests`.
        data: what the kind takes.
        by: who wants it, for the row of a run that is driven here.

    Returns:
        What became of it; without an outcome while another process has not taken it up.
    """
    run = session.runs.get(run_id)
    if run is None or run.status not in {"running", "paused"}:
        return await session.following.ask(run_id, kind, data)
    given = Request("", run_id, kind, data, by, session.world.clock(), "taken")
    carry_out(session, run, given, by)
    return given


Carry: TypeAlias = "Callable[[Session, Run, Mapping[str, Any], str], object]"


def carry_out(session: Session, run: Run, request: Request, by: str) -> None:
    """Do what is asked: the same for a request and for a key pressed here.

    Raises:
        TooLate: it was answered already; says by whom.
        WorkbenchError: it is not to be done; says why.
    """
    if request.kind not in KINDS:
        raise UnknownName("request", request.kind, KINDS)
    _CARRIED[request.kind](session, run, request.data, by)


def _answer(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    name, inbox = str(data.get("waiting", "")), session.world.inbox
    waiting = inbox.waiting.get(name)
    if waiting is None or waiting.run_id != run.run_id:
        raise _recorded(session, run, name) or inbox.gone(name)
    answer = _read_answer(data, by)
    allows = waiting.kind == "permission" and answer.verdict == "allow"
    if allows and data.get("digest") != waiting.digest:
        raise UsageError(
            f"what waits as {name} is another action than the one that was shown",
            hint="Look at it again",
        )
    inbox.answer(name, answer)


def _recorded(session: Session, run: Run, name: str) -> TooLate | None:
    """That something was answered in another process, or before this one's memory reaches."""
    rows = session.following.rows(run.run_id, ENDS)
    row = next((row for row in rows if row.data.get("id") == name), None)
    return None if row is None else TooLate(answered_by(row))


def _read_answer(data: Mapping[str, Any], by: str) -> Answer:
    verdict, scope = data.get("verdict", "allow"), data.get("scope", "call")
    if verdict not in ("allow", "deny"):
        raise UnknownName("verdict", str(verdict), ("allow", "deny"))
    if scope not in SCOPES:
        raise UnknownName("scope", str(scope), SCOPES)
    edited = data.get("arguments")
    if edited is not None and not isinstance(edited, Mapping):
        raise UsageError("edited arguments are a mapping of names to values")
    arguments = cast("Mapping[str, Any] | None", edited)
    reason = str(data.get("reason") or "")
    result = data.get("result", UNSAID)
    return Answer(verdict, by, reason, scope, arguments, data.get("answer"), result)


def _steer(_: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    run.steer(_text(data, "agent"), _text(data, "text"), by)


def _interrupt(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    how = data.get("how", "graceful")
    if how not in ("graceful", "immediate"):
        raise UnknownName("way to interrupt", str(how), ("graceful", "immediate"))
    session.order(Order(how, by, str(data.get("reason") or "")), run.run_id)


def _cancel(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    key = str(data.get("key") or "")
    if key and key not in run.drive.parked:
        raise UnknownName("call under way", key, run.drive.parked)
    order = Order("cancel", by, str(data.get("reason") or ""), key)
    if not session.order(order, run.run_id):
        raise TooLate(f"{key or run.run_id} is being ended already")


def _pause(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    session.order(Order("pause", by, str(data.get("reason") or "")), run.run_id)


def _go_on(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    session.order(Order("go_on", by, str(data.get("reason") or "")), run.run_id)


def _checkpoint(_: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    run.checkpoint(_text(data, "name"), by)


def _limits(session: Session, run: Run, data: Mapping[str, Any], by: str) -> None:
    limits = data.get("limits")
    if not isinstance(limits, Mapping):
        raise UsageError("limits are a mapping of names to numbers")
    session.set_limits(run.run_id, cast("Mapping[str, Any]", limits), by)


def _mode(session: Session, _: Run, data: Mapping[str, Any], by: str) -> None:
    mode = data.get("mode")
    if mode not in MODES:
        raise UnknownName("mode", str(mode), MODES)
    session.set_mode(mode, by)


def _text(data: Mapping[str, Any], name: str) -> str:
    text = data.get(name)
    if not isinstance(text, str) or not text:
        raise UsageError(f"{name!r} is missing")
    return text


_CARRIED: dict[str, Carry] = {
    "answer": _answer,
    "steer": _steer,
    "interrupt": _interrupt,
    "cancel": _cancel,
    "pause": _pause,
    "go_on": _go_on,
    "checkpoint": _checkpoint,
    "limits": _limits,
    "mode": _mode,
}


def answered_by(row: Event) -> str:
    """How something came to wait no longer, in a sentence."""
    if row.kind == "approval.withdrawn":
        return f"withdrawn: {row.data.get('reason', '')}"
    said = row.data.get("verdict") or row.data.get("answer")
    return f"answered already by {who(str(row.data.get('by', '')))} ({said})"
