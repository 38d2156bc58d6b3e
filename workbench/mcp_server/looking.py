"""The tools about runs that start none: list, show, interrupt, see what waits, answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Any, Final, cast

from workbench.bench import Workbench
from workbench.errors import UnknownName, UsageError
from workbench.mcp_server.questions import question_text
from workbench.mcp_server.run_tools import Given
from workbench.permission.danger import Danger
from workbench.permission.roles import Action, Caller
from workbench.run.waiting import Waiting
from workbench.script.ended import from_store
from workbench.script.rows import line_of
from workbench.store.projection import RunRow
from workbench.values import copied

MOST_RUNS: Final = 100
MOST_LOOKED_AT: Final = 500
MOST_EVENTS: Final = 500
_LISTED: Final = (
    *("run_id", "title", "pattern", "status", "parent_id", "started_at", "ended_at", "steps"),
    *("model", "cost_usd", "result_preview"),
)


def find_run(bench: Workbench, caller: Caller, action: Action, given: str) -> RunRow:
    """A run by its id or the beginning of it, if the caller may do this with it.

    Raises:
        UnknownName: there is none, or none of their own where others' may not be seen.
        Denied: it is somebody else's.
    """
    bench.store.catch_up()
    try:
        row = bench.store.run(given)
    except UnknownName:
        known = [row.run_id for row in bench.store.runs(limit=50) if may_see(bench, caller, row)]
        raise UnknownName("run", given, known) from None
    caller.check(action, is_own=is_own(bench, caller, row.run_id))
    return row


def is_own(bench: Workbench, caller: Caller, run_id: str) -> bool:
    """Whether a run was started by the caller."""
    rows = bench.store.rows(run_id, kinds={"run.started"})
    first = next((row for row in rows if row.run_id == run_id), None)
    return first is not None and first.data.get("by") == caller.by


def may_see(bench: Workbench, caller: Caller, row: RunRow) -> bool:
    """Whether a run is shown to the caller."""
    return caller.may("look", is_own=False) or (
        caller.may("look", is_own=True) and is_own(bench, caller, row.run_id)
    )


def runs_of(bench: Workbench, caller: Caller, limit: int, search: str = "") -> list[RunRow]:
    """The newest runs that the caller may see; of one's own among very many not all are found."""
    bench.store.catch_up()
    reach = limit if caller.may("look", is_own=False) else MOST_LOOKED_AT
    found = bench.store.runs(limit=reach, search=search)
    return list(islice((row for row in found if may_see(bench, caller, row)), limit))


async def _list_runs(bench: Workbench, caller: Caller, given: Given) -> dict[str, Any]:
    limit = max(1, min(int(given["limit"]), MOST_RUNS))
    rows = runs_of(bench, caller, limit, given["search"])
    return {"runs": [{name: getattr(row, name) for name in _LISTED} for row in rows]}


async def _show_run(bench: Workbench, caller: Caller, given: Given) -> dict[str, Any]:
    run_id = find_run(bench, caller, "look", given["run"]).run_id
    ended, row = from_store(bench.store, run_id), bench.store.run(run_id)
    limit = max(1, min(int(given["limit"]), MOST_EVENTS))
    rows = bench.store.rows(run_id, after=max(0, int(given["after"])))
    page = list(islice(rows, limit + 1))
    shown = page[:limit]
    return {
        "run_id": run_id,
        "title": row.title,
        "status": row.status,
        "result": ended.result,
        "error": ended.error,
        "usage": ended.usage,
        "events": [line_of(event) for event in shown],
        "next": shown[-1].seq if len(page) > limit else None,
    }


async def _interrupt_run(bench: Workbench, caller: Caller, given: Given) -> dict[str, Any]:
    run_id = find_run(bench, caller, "drive", given["run"]).run_id
    how = given["how"]
    request = await bench.request(run_id, "interrupt", by=caller.by, how=how, reason="")
    bench.following.said(request)
    run = bench.runs.get(run_id)
    if run is not None and how == "immediate":
        await run.finished()
    status = run.status if run is not None else bench.store.run(run_id).status
    return {"run_id": run_id, "status": status}


def _all_waiting(bench: Workbench) -> list[Waiting]:
    return [*bench.world.inbox.unanswered, *bench.following.waiting()]


async def _list_waiting(bench: Workbench, caller: Caller, given: Given) -> dict[str, Any]:
    return {"waiting": [_waiting(one) for one in _all_waiting(bench)]}


def _waiting(one: Waiting) -> dict[str, Any]:
    told = {"id": one.id, "kind": one.kind, "run_id": one.run_id, "agent": one.agent}
    danger = one.danger.name if one.danger is not None else None
    told |= {"tool": one.tool, "danger": danger, "choices": list(one.choices)}
    told |= {"digest": one.digest, "shown": question_text(one)}
    return {**told, "arguments": cast("dict[str, Any]", copied(dict(one.arguments)))}


async def _answer_waiting(bench: Workbench, caller: Caller, given: Given) -> dict[str, Any]:
    known = {one.id: one for one in _all_waiting(bench)}
    one = known.get(given["waiting"])
    if one is None:
        raise UnknownName("waiting request", given["waiting"], known)
    answer, data = given["answer"], {"waiting": one.id, "reason": given["reason"]}
    if one.kind != "permission":
        data |= {"answer": answer}
    elif answer not in ("allow", "deny"):
        raise UnknownName("answer to a permission", answer, ("allow", "deny"))
    else:
        _check_critical(one, answer, given["tool"])
        data |= {"verdict": answer, "digest": given["digest"]}
    request = await bench.request(one.run_id, "answer", by=caller.by, **data)
    bench.following.said(request)
    return {"run_id": one.run_id, "answer_given": answer}


def _check_critical(one: Waiting, answer: str, tool: str) -> None:
    if answer == "allow" and one.danger == Danger.CRITICAL and tool != one.tool:
        raise UsageError(f"this is CRITICAL: allow it with its tool's name as well, {one.tool!r}")


Look = Callable[[Workbench, Caller, Given], Awaitable[dict[str, Any]]]
LOOKS: Final[Mapping[str, Look]] = {
    "list_runs": _list_runs,
    "show_run": _show_run,
    "interrupt_run": _interrupt_run,
    "list_waiting": _list_waiting,
    "answer_waiting": _answer_waiting,
}
