"""Commands about what was decided: the audit and its proof, and the history of approvals."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from workbench.errors import UsageError
from workbench.journal.approvals import Asked
from workbench.journal.audit import Entry, decision_of
from workbench.plain import one_line
from workbench.script.amounts import seconds
from workbench.script.asked import asked_of
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.session import Session
from workbench.store.verifying import Verified

_SHOWN: Final = 200
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


async def _audit(session: Session, call: Call) -> Output:
    act, audit = call.text("act", "list"), session.bench.store.audit
    if act != "verify" and call.text("head"):
        raise UsageError("head=… is for: audit verify")
    if act == "head":
        head = await asyncio.to_thread(audit.head)
        return said(
            head.hash or "nothing was decided yet", data={"entries": head.number, "head": head.hash}
        )
    if act == "verify":
        with session.moving("verifying the audit") as moved:
            found = await asyncio.to_thread(audit.verify, call.text("head"), moved)
        lines = verified_lines(found)
        data = {"intact": True, "entries": found.entries, "head": found.head, "since": found.since}
        return Output(tuple(lines), {**data, "notes": list(found.notes)})
    return await _listed(session, call)


def verified_lines(found: Verified) -> list[str]:
    """What there is to say of an audit that holds."""
    since = f"; {found.since} of them since that head" if found.since is not None else ""
    return [f"intact: {found.entries} entries{since}", *found.notes]


async def _listed(session: Session, call: Call) -> Output:
    entries = await asyncio.to_thread(session.bench.store.audit.entries)
    run = session.find(call.text("run")) if call.text("run") else ""
    after = since(call.text("since")) if call.text("since") else 0.0
    tool, decision = call.text("tool"), call.text("decision")
    found = [
        entry
        for entry in entries
        if entry.at >= after
        and run in ("", entry.run_id)
        and tool in ("", _tool(entry))
        and decision in ("", decision_of(entry), entry.kind)
    ]
    shown = found[-number(call, "limit", _SHOWN) :]
    left = len(found) - len(shown)
    lines = [f"{left} older entries; limit=… shows more"] if left else []
    lines += [entry_line(entry) for entry in shown] or ["no entries"]
    return Output(tuple(lines), [_data(entry) for entry in shown])


def _tool(entry: Entry) -> str:
    told = entry.said()
    return str(told.get("tool") or told.get("name") or "")


def _data(entry: Entry) -> dict[str, Any]:
    told = {
        name: getattr(entry, name) for name in ("number", "at", "kind", "run_id", "seq", "hash")
    }
    return {**told, "decision": decision_of(entry), "data": entry.said()}


def entry_line(entry: Entry) -> str:
    """One entry for people."""
    told = entry.said()
    words = [
        f"{told[name]}" for name in ("danger", "tool", "name", "mode", "rule") if told.get(name)
    ]
    words += [f"by {told['by']}"] if told.get("by") else []
    words += [f"for the {told['scope']}"] if told.get("scope") not in (None, "call") else []
    where = f"{entry.run_id[:8]}@{entry.seq}" if entry.seq else entry.run_id[:8] or "-"
    line = f"{entry.number:>5}  {moment(entry.at)}  {where:<13} {decision_of(entry):<12} "
    return one_line(line + " ".join(words)).rstrip()


def moment(at: float) -> str:
    """When, in UTC and to the second."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def since(text: str) -> float:
    """The moment that ``2d`` or ``2026-01-31`` means. Raises UsageError."""
    if _DATE.match(text):
        try:
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise UsageError(f"{text!r} is no date", hint="Write it 2026-01-31") from None
    return time.time() - seconds(text)


def number(call: Call, name: str, default: int) -> int:
    """A parameter that is a number above zero. Raises UsageError."""
    text = call.text(name)
    if text and not (text.isdigit() and int(text)):
        raise UsageError(f"{name}={text} is no number above zero")
    return int(text) if text else default


async def _approvals(session: Session, call: Call) -> Output:
    run = session.find(call.text("run")) if call.text("run") else ""
    store, limit = session.bench.store, number(call, "limit", _SHOWN)

    def read() -> tuple[list[Asked], int]:
        store.catch_up()
        found = asked_of(store, call.text("words"), run)
        return list(islice(found, limit)), sum(1 for _ in found)

    shown, older = await asyncio.to_thread(read)
    lines = [line for one in shown for line in asked_lines(one)]
    if older:
        lines.append(f"{older} older ones; limit=… shows more")
    none = "no approval fits" if call.text("words") else "nothing was asked yet"
    return Output(tuple(lines) or (none,), [one.to_json() for one in shown])


def asked_lines(one: Asked) -> list[str]:
    """A question and its answer for people, newest fact first."""
    who = f" by {one.by}" if one.by else ""
    scope = f" for the {one.scope}" if one.scope not in ("", "call") else ""
    reason = f": {one.reason}" if one.reason else ""
    head = f"{moment(one.at)}  {one.danger:<8} {one.verdict}{scope}{who}{reason}"
    what = "(its run was deleted)" if one.deleted else one.arguments
    return [
        one_line(head)[:200],
        one_line(f"  {one.run_id[:8]}  {one.agent or 'the run'}: {one.tool} {what}")[:200],
    ]


_LIMIT = Parameter("limit", "so many at most", "number", named_only=True)

COMMANDS = (
    Command(
        "audit",
        "List what was decided, prove that nothing of it was changed, or print its head.",
        _audit,
        (
            Parameter("act", "list, verify or head", choices=("list", "verify", "head")),
            Parameter("run", "of one run", "run", named_only=True),
            Parameter("tool", "about one tool", "tool", named_only=True),
            Parameter("decision", "asked, allow, deny … or a kind", named_only=True),
            Parameter("since", "2d, or a date: 2026-01-31", named_only=True),
            Parameter("head", "a head that was kept elsewhere, to verify", named_only=True),
            _LIMIT,
        ),
        is_looking=True,
        details="Each entry holds the hash of the one before. Whoever can write the database can"
        " write all of it anew, and only a head that is kept elsewhere shows that: print it with"
        " audit head, compare it with audit verify head=HASH.",
        examples=("audit decision=deny since=7d", "audit verify"),
    ),
    Command(
        "approvals",
        "Search what was asked for, how grave it was, and who answered what.",
        _approvals,
        (
            Parameter("words", "all of them stand in what is shown", rest=True),
            Parameter("run", "of one run", "run", named_only=True),
            _LIMIT,
        ),
        is_looking=True,
        details="Newest first. Rules that answers left behind are listed by: rules.",
        examples=("approvals deny delete_file",),
    ),
)
