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
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal, cast

from workbench.errors import Denied, ToolError, UnknownName
from workbench.permission.danger import Facts
from workbench.run.beside import beside
from workbench.tools import change, files, search
from workbench.tools.facts import facts
from workbench.tools.place import Place
from workbench.tools.preview import difference
from workbench.tools.shell import bash_command
from workbench.tools.web import METHODS, http
from workbench.values import Json, copied
from workbench.workflow.effects import Repeat

if TYPE_CHECKING:
    from workbench.agent.tool import Tool

_LOOKING = {
    "read_file": files.read_file,
    "list_directory": files.list_directory,
    "file_exists": files.file_exists,
    "search_files": search.search_literal,
}
_KNOWN = {*_LOOKING, *change.CHANGING, *METHODS, "bash_command"}
_FILES = ThreadPoolExecutor(max_workers=8, thread_name_prefix="files")
_LAST_S = 5.0


async def perform(
    tool: Tool,
    arguments: Mapping[str, Any],
    place: Place,
    on_progress: Callable[[str], None],
    key: str = "",
    decided: Facts | None = None,
) -> Json:
    """Do it, and return the result as a value.

    Args:
        tool: A built-in, or a tool with a Python function.
        arguments: The final arguments, as they were decided on.
        place: Where tools act, the same value that `facts` was asked about.
        on_progress: Told text while a command prints; live only.
        key: The idempotency key; given to the function of a keyed tool that takes a ``key``.
        decided: The facts that were decided on; without them only what lies inside is done.
    """
    given = tool.read(arguments)
    if tool.function is not None:
        return copied(await _call(tool, given, key))
    if tool.name == "bash_command":
        _refuse_surprise(tool, given, place, decided)
        return await bash_command(given, place, on_progress, decided)
    if tool.name in METHODS:
        return await http(tool.name, given, place, decided)
    return await _on_files(tool.name, given, place, decided)


def prepare(tool: Tool, arguments: Mapping[str, Any], place: Place) -> Json:
    """What the intent's row records so that `probe` can compare: digests, or None."""
    if tool.repeat is not Repeat.PROBEABLE or tool.name not in change.CHANGING:
        return None
    return change.prepare(tool.name, arguments, place, facts(tool, arguments, place))


def probe(
    tool: Tool, arguments: Mapping[str, Any], before: Json, place: Place
) -> Literal["done", "not_done", "unknown"]:
    """Find out whether an attempt that nobody saw the end of did its work."""
    del arguments  # what was prepared names the file that was meant then
    if tool.repeat is not Repeat.PROBEABLE or tool.name not in change.CHANGING:
        return "unknown"
    return change.probe(change.digests(before), place)


def preview(tool: Tool, arguments: Mapping[str, Any], place: Place) -> str:
    """The difference a write or an edit would make; empty for every other tool."""
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
    if name in change.CHANGING:
        return await _in_thread(change.change, name, given, place, decided)
    if name == "search_files" and given.get("regex"):
        return await search.search_regex(given, place, decided)
    if name not in _LOOKING:
        raise UnknownName("built-in tool", name, _KNOWN)
    return await _in_thread(_LOOKING[name], given, place, decided)


async def _in_thread(function: Callable[..., Json], *arguments: Any) -> Json:
    future = asyncio.get_running_loop().run_in_executor(_FILES, partial(function, *arguments))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        # What was begun is done to its end, and then it is no question how it ended.
        await asyncio.wait({future}, timeout=_LAST_S)
        if not future.done():
            raise
        return future.result()


async def _call(tool: Tool, arguments: dict[str, Any], key: str) -> Any:
    """Call a tool's Python function: async on the loop, sync in a thread of its own."""
    function = cast("Callable[..., Any]", tool.function)
    given = {**arguments, "key": key} if _takes_key(tool) else arguments
    bound = asyncio.timeout(tool.timeout_s)
    try:
        async with bound:
            if _is_async(function):
                return await function(**given)
            return await beside(partial(function, **given))
    except TimeoutError as error:
        if not bound.expired():
            raise
        said = f"{tool.name} took longer than {tool.timeout_s:g} s"
        if not _is_async(function):
            # Whoever reads this must not take it for "nothing more will happen".
            said += "; its thread cannot be stopped and may still be going on"
        raise ToolError(said) from error


_is_async = lru_cache(maxsize=1024)(inspect.iscoroutinefunction)


def _takes_key(tool: Tool) -> bool:
    if tool.repeat is not Repeat.KEYED or tool.function is None:
        return False
    taken = inspect.signature(tool.function).parameters
    return "key" in taken and "key" not in tool.parameters.get("properties", {})
