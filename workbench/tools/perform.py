"""Perform a tool's call, once the gate has decided: the one way from a decision to a deed.

`perform` gets the facts that were decided on and refuses when the world has changed since.
File tools run in a few threads of their own, because a disk can take its time and the core's
loop cannot; a change that was begun is always seen to its end, even by a call that is cancelled.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from workbench.agent.media import keep_contents
from workbench.agent.probe import Probe, Probed, read_probe
from workbench.errors import Denied, ToolError, UnknownName
from workbench.foreign import attempt_async
from workbench.permission.danger import Facts
from workbench.run.beside import beside
from workbench.run.evidence import Findings
from workbench.run.ports import Attempt
from workbench.run.touch import RESTORE
from workbench.tools import change, files, putting_back, search, spool
from workbench.tools.facts import facts
from workbench.tools.media import FETCH, READ, read_media
from workbench.tools.place import Place
from workbench.tools.preview import difference
from workbench.tools.processes import joined
from workbench.tools.shell import bash_command, presumed
from workbench.tools.web import METHODS, http
from workbench.values import Json, copied
from workbench.workflow.effects import Repeat
from workbench.workflow.keyed import IdempotencyKey

if TYPE_CHECKING:
    from workbench.agent.tool import Tool

T = TypeVar("T")

_LOOKING = {
    "read_file": files.read_file,
    "list_directory": files.list_directory,
    "file_exists": files.file_exists,
    "search_files": search.search_literal,
}
_KNOWN = {*_LOOKING, *change.CHANGING, *METHODS, "bash_command"}
_FILES = ThreadPoolExecutor(max_workers=8, thread_name_prefix="files")
_LAST_S = 5.0
_LOOK_S = 30.0
"""What a tool's own probe may take, and what it does beforehand for it."""


async def perform(
    tool: Tool,
    arguments: Mapping[str, Any],
    place: Place,
    attempt: Attempt,
    decided: Facts | None = None,
) -> Json:
    """Do it, and return the result as a value.

    Args:
        tool: A built-in, or a tool with a Python function.
        arguments: The final arguments, as they were decided on.
        place: Where tools act, the same value that `facts` was asked about.
        attempt: Which attempt of which effect it is.
        decided: The facts that were decided on; without them only what lies inside is done.
    """
    given = tool.read(arguments)
    if tool.function is not None:
        result = await _call(tool, given, attempt.idempotency_key)
        keep_contents(result, place.keep)
        return copied(result)
    if tool.name in {READ, FETCH}:
        return await read_media(tool.name, given, place, decided, attempt.redaction)
    if tool.name == "bash_command":
        _refuse_surprise(tool, given, place, decided)
        return await _command(given, place, attempt, decided)
    if tool.name in METHODS:
        key = attempt.idempotency_key if tool.repeat is Repeat.KEYED else ""
        return await http(tool.name, given, place, decided, key)
    if attempt.turn is not None:
        place = replace(place, fence=attempt.turn)
    return await _on_files(tool.name, given, place, decided)


async def prepare(tool: Tool, arguments: Mapping[str, Any], place: Place) -> Json:
    """What the intent's row records so that a probe can compare: digests, or None."""
    if tool.repeat is not Repeat.PROBEABLE:
        return None
    if tool.prepare is not None:
        given = partial(tool.prepare, tool.read(arguments))
        return copied(await _within(tool.prepare, given, _LOOK_S, f"preparing {tool.name}"))
    if tool.function is not None:
        return None
    decided = facts(tool, arguments, place)
    if tool.name == RESTORE:
        return await _in_thread(putting_back.prepare, arguments, place, decided)
    return await _in_thread(change.prepare, tool.name, arguments, place, decided)


async def find_out(
    tool: Tool, arguments: Mapping[str, Any], prepared: Json, place: Place, attempt: Attempt
) -> Findings:
    """Look at what became of an attempt that nobody saw the end of; it changes nothing."""
    if tool.act == "run" and tool.function is None:
        captured = spool.read(spool.path_of(place.state, attempt.run_id, attempt.key), joined)
        return Findings(captured=captured, presumed=presumed(captured, place))
    if tool.repeat is not Repeat.PROBEABLE:
        return Findings()
    if tool.function is not None:
        return Findings(await _probed(tool, arguments, prepared))
    if tool.name == RESTORE:
        return Findings(await _in_thread(putting_back.probe, prepared, place))
    recorded = change.digests(prepared)
    found = await _in_thread(change.probe, recorded, place)
    return Findings(found, presumed=change.recalled(recorded))


def happened(tool: Tool, before: Json, place: Place) -> list[dict[str, Any]]:
    """Of what `prepare` announced, the changes that are found done."""
    if not _is_changing(tool) or not isinstance(before, dict):
        return []
    if "changes" in before:
        return putting_back.happened(before, place)
    found = change.probe(change.digests(before), place)
    return [dict(before)] if found.verdict == "done" else []


def _is_changing(tool: Tool) -> bool:
    """Whether it is one of ours that names the files it changes."""
    return tool.function is None and (tool.name in change.CHANGING or tool.name == RESTORE)


def preview(tool: Tool, arguments: Mapping[str, Any], place: Place) -> str:
    """The difference a change of files would make; empty for every other tool."""
    if tool.name == RESTORE and tool.function is None:
        return putting_back.preview(arguments, place)
    if tool.function is not None or tool.name not in {"write_file", "edit_file"}:
        return ""
    return difference(tool.name, arguments, place, facts(tool, arguments, place))


def _refuse_surprise(
    tool: Tool, given: Mapping[str, Any], place: Place, decided: Facts | None
) -> None:
    """A command that was let pass because it only reads must still be one that only reads."""
    if decided is None or not decided.simple:
        return
    now = facts(tool, given, place)
    if now != decided:
        raise Denied(f"{given['command']!r} is not what was decided on: {', '.join(now.notes)}")


async def _on_files(name: str, given: dict[str, Any], place: Place, decided: Facts | None) -> Json:
    if name == RESTORE:
        return await _in_thread(putting_back.put_back, given, place, decided)
    if name in change.CHANGING:
        return await _in_thread(change.change, name, given, place, decided)
    if name == "search_files" and given.get("regex"):
        return await search.search_regex(given, place, decided)
    if name not in _LOOKING:
        raise UnknownName("built-in tool", name, _KNOWN)
    return await _in_thread(_LOOKING[name], given, place, decided)


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    future = asyncio.get_running_loop().run_in_executor(_FILES, partial(function, *arguments))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # What was begun is done to its end, and then it is no question how it ended.
        await asyncio.wait({future}, timeout=_LAST_S)
        if not future.done():
            raise
        return future.result()


async def _command(
    given: Mapping[str, Any], place: Place, attempt: Attempt, decided: Facts | None
) -> Json:
    path = spool.path_of(place.state, attempt.run_id, attempt.key)
    notes = spool.Spool(path, place.limits.output_bytes // 2, attempt.redaction)
    try:
        return await bash_command(given, place, attempt.on_progress, decided, notes)
    finally:
        notes.close()


async def _probed(tool: Tool, arguments: Mapping[str, Any], prepared: Json) -> Probed:
    """What a tool's own probe says; all that goes wrong with it is part of what it says."""
    probe = cast("Probe", tool.probe)
    looking = partial(probe, dict(arguments), prepared)
    within_s = min(tool.timeout_s, _LOOK_S)
    return read_probe(await attempt_async(_within(probe, looking, within_s, "the probe")))


async def _call(tool: Tool, arguments: dict[str, Any], key: str) -> Any:
    """Call a tool's Python function: async on the loop, sync in a thread of its own."""
    function = cast("Callable[..., Any]", tool.function)
    given = {**arguments, tool.key_name: IdempotencyKey(key)} if tool.key_name else arguments
    return await _within(function, partial(function, **given), tool.timeout_s, tool.name)


async def _within(
    function: Callable[..., Any], call: Callable[[], Any], seconds: float, what: str
) -> Any:
    """Call a function of a tool's author, in limited time."""
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            return await call() if _is_async(function) else await beside(call)
    except TimeoutError as error:
        if not bound.expired():
            raise
        said = f"{what} took longer than {seconds:g} s"
        if not _is_async(function):
            # Whoever reads this must not take it for "nothing more will happen".
            said += "; its thread cannot be stopped and may still be going on"
        raise ToolError(said) from error


_is_async = lru_cache(maxsize=1024)(inspect.iscoroutinefunction)
