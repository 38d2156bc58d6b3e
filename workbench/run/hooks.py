"""Hooks: code that is asked before an effect, and may change or refuse it.

A hook for ``before.KIND`` gets a `HookCall` and returns None (nothing to say), a mapping (the
arguments to use instead) or raises `Refused`. Order is priority, then registration. A hook that
fails or takes too long refuses: a gate that breaks stays shut. Nothing may change a reply, and a
replayed effect asks no hook. A hook for any other event (``after.tool``, ``on.error``), or for a
row's kind (``step.failed``), is a subscriber: it is told once the row is recorded, and what it
returns or raises changes nothing. The events stand in `workbench.run.hook_events`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import InputError, UnknownName, WorkbenchError
from workbench.foreign import Raised, attempt, attempt_async
from workbench.journal.events import Event, agent_of
from workbench.permission.filter import Filter
from workbench.run.hook_events import NAMED, REFUSE, TABLE, names_of
from workbench.run.telling import Say, Tellers, Telling, failure
from workbench.values import copied

_ONLY_REFUSE = frozenset(one.name for one in TABLE if one.may is REFUSE)


class Refused(WorkbenchError):
    """Raised by a hook: this effect shall not happen, for the reason given."""

    code = "denied"


@dataclass(frozen=True, slots=True)
class HookCall:
    """What a hook is shown."""

    event: str
    run_id: str
    key: str
    agent: str
    kind: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hook:
    """A function and when it is asked or told."""

    event: str
    """``before.tool`` (asked), ``after.tool`` or a row's kind such as ``step.failed`` (told);
    ``*`` hears all."""
    function: Callable[[Any], Any]
    where: str = ""
    """A filter (see `workbench.permission.filter`); empty for everything."""
    priority: int = 0
    """Higher is asked earlier."""
    deadline_s: float = 5.0
    name: str = ""
    is_async: bool = field(default=False)


def hook(
    event: str, *, where: str = "", priority: int = 0, deadline_s: float = 5.0
) -> Callable[[Callable[[Any], Any]], Hook]:
    """Make a hook of a function: ``@hook("before.tool", where="name:bash_command")``."""

    def made(function: Callable[[Any], Any]) -> Hook:
        is_async = inspect.iscoroutinefunction(function)
        return Hook(event, function, where, priority, deadline_s, function.__name__, is_async)

    return made


@dataclass(frozen=True, slots=True)
class _Entry:
    hook: Hook
    filter: Filter | None


class Hooks:
    """The hooks of one workbench, by event, in the order in which they are asked."""

    def __init__(self) -> None:
        self._by_event: dict[str, tuple[_Entry, ...]] = {}
        self._has_async: set[str] = set()
        self.tellers = Tellers()

    def __iter__(self) -> Iterator[Hook]:
        """Every hook, by event, in the order in which they are asked or told."""
        for event in sorted(self._by_event):
            yield from (entry.hook for entry in self._by_event[event])

    def add(self, added: Hook) -> Callable[[], None]:
        """Register a hook; the returned function takes it back."""
        if added.event.startswith(("before.", "after.", "on.")) and added.event not in NAMED:
            raise UnknownName("hook event", added.event, NAMED)
        entry = _Entry(added, Filter.parse(added.where) if added.where else None)
        entries = [*self._by_event.get(added.event, ()), entry]
        entries.sort(key=lambda e: -e.hook.priority)
        self._set(added.event, tuple(entries))

        def remove() -> None:
            left = tuple(e for e in self._by_event.get(added.event, ()) if e is not entry)
            self._set(added.event, left)

        return remove

    def _set(self, event: str, entries: tuple[_Entry, ...]) -> None:
        self._by_event[event] = entries
        self._has_async.discard(event)
        if any(e.hook.is_async for e in entries):
            self._has_async.add(event)

    def has(self, event: str) -> bool:
        """Whether anybody asked to hear of an event."""
        return bool(self._by_event.get(event))

    def needs_loop(self, event: str) -> bool:
        """Whether a hook of an event is async."""
        return event in self._has_async

    def ask(self, call: HookCall) -> tuple[HookCall, list[dict[str, Any]]]:
        """Ask every sync hook; the call as changed, and a note for each change."""
        notes: list[dict[str, Any]] = []
        for entry in self._by_event.get(call.event, ()):
            if entry.filter is not None and not _concerns(entry.filter, call):
                continue
            answer = attempt(_answered, entry.hook, call)
            if isinstance(answer, Raised) or answer.value is not None:
                call = _applied(call, entry.hook, answer, notes)
        return call, notes

    async def ask_async(self, call: HookCall) -> tuple[HookCall, list[dict[str, Any]]]:
        """Ask every hook, async ones within their deadline."""
        notes: list[dict[str, Any]] = []
        for entry in self._by_event.get(call.event, ()):
            if entry.filter is not None and not _concerns(entry.filter, call):
                continue
            if entry.hook.is_async:
                answer = await attempt_async(_answered_in_time(entry.hook, call))
            else:
                answer = attempt(_answered, entry.hook, call)
            call = _applied(call, entry.hook, answer, notes)
        return call, notes

    def tell(self, row: Event, say: Say) -> None:
        """Tell the subscribers of a row, async ones after it; ``say`` hears what went wrong."""
        if not self._by_event:
            return
        for event in (row.kind, *names_of(row), "*"):
            for entry in self._by_event.get(event, ()):
                if entry.filter is None or entry.filter.matches(_seen(row)):
                    self._tell(entry.hook, row, say)

    def _tell(self, to: Hook, row: Event, say: Say) -> None:
        if to.is_async:
            self.tellers.put(Telling(to.name, to.function, row, to.deadline_s, say))
            return
        answer = attempt(to.function, row)
        if isinstance(answer, Raised):
            say(failure(to.name, answer.error))


def _seen(row: Event) -> dict[str, Any]:
    """A row as a filter sees it, in the words it has for a call."""
    said = row.data
    return {
        "agent": said.get("agent") or agent_of(row.key),
        "kind": said.get("effect") or row.kind,
        "name": said.get("name") or said.get("tool") or "",
        "key": row.key,
    }


def _concerns(where: Filter, call: HookCall) -> bool:
    row = {"agent": call.agent, "kind": call.kind, "name": call.name, "key": call.key}
    return where.matches(row)


def _answered(by: Hook, call: HookCall) -> dict[str, Any] | None:
    said = by.function(call)
    return None if said is None else _arguments(said)


async def _answered_in_time(by: Hook, call: HookCall) -> dict[str, Any] | None:
    said = await asyncio.wait_for(by.function(call), by.deadline_s)
    return None if said is None else _arguments(said)


def _arguments(said: Any) -> dict[str, Any]:
    """What a hook returned, as arguments that a row can carry."""
    if not isinstance(said, Mapping):
        raise InputError(f"it returned {said!r}, which is neither None nor arguments")
    return copied(said)


def _applied(call: HookCall, by: Hook, answer: Any, notes: list[dict[str, Any]]) -> HookCall:
    if isinstance(answer, Raised):
        why = answer.error
        if isinstance(why, Refused):
            raise Refused(why.message, hook=by.name, event=call.event)
        kind = "took too long" if isinstance(why, TimeoutError) else f"failed: {why}"
        raise Refused(f"hook {by.name!r} {kind}", hook=by.name, event=call.event)
    if answer.value is None:
        return call
    if call.event in _ONLY_REFUSE:
        why = f"hook {by.name!r} failed: {call.event} can be refused, not changed"
        raise Refused(why, hook=by.name, event=call.event)
    before, after = dict(call.arguments), answer.value
    notes.append({"hook": by.name, "event": call.event, "before": before, "after": after})
    return replace(call, arguments=after)
