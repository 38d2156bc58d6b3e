"""What may stand behind an ``await`` in a workflow, and what is said about anything else."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Coroutine, Iterable
from traceback import walk_tb
from types import AsyncGeneratorType, FrameType
from typing import Any, cast

from workbench.errors import Cancelled, ForeignAwait, StepFailed, UsageError
from workbench.foreign import Raised, attempt
from workbench.journal.strands import is_asyncio
from workbench.workflow.effects import CLOSING, Join, StreamStep

_PATIENCE = 1000
"""How many awaits in ``finally`` are refused before a coroutine is left to the collector."""

_REMEDY = (
    "A workflow awaits effects only: use sleep(), now(), together() from workbench, "
    "or call(function) for anything that needs an event loop"
)


def branch(awaitable: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """A path of a combinator as a coroutine."""
    if inspect.iscoroutine(awaitable):
        return cast("Coroutine[Any, Any, Any]", awaitable)
    return _awaited(awaitable)


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    if not hasattr(awaitable, "__await__"):
        raise UsageError(
            f"{awaitable!r} cannot be awaited", hint="Give effects or coroutines to a combinator"
        )
    return await awaitable


async def close_generators(generators: list[AsyncGeneratorType[Any, Any]]) -> None:
    """End generators that were left open, the last opened first; they may await effects."""
    failed: StepFailed | None = None
    for generator in reversed(generators):
        try:
            await generator.aclose()
        except StepFailed as error:
            failed = failed or error
    if failed is not None:
        raise failed


def close_now(
    coroutine: Coroutine[Any, Any, Any], generators: list[AsyncGeneratorType[Any, Any]]
) -> None:
    """Throw a coroutine and its generators away; what they await in ``finally`` is refused.

    What a ``finally`` opens meanwhile is closed as well.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=cast("Any", generators.append), finalizer=leave)
    _end(coroutine, CLOSING)
    while generators:
        generator = generators.pop()
        if generator.ag_frame is not None:
            _end(cast("Coroutine[Any, Any, Any]", generator.aclose()), None)
    sys.set_asyncgen_hooks(*hooks)


def leave(_generator: object) -> None:
    """A finalizer that does nothing: generators are closed by us, in order, never by chance."""


def _end(coroutine: Coroutine[Any, Any, Any], answer: object) -> None:
    """Go on until a coroutine has ended; each await on the way sees GeneratorExit."""
    for _ in range(_PATIENCE):
        try:
            asked = attempt(coroutine.send, answer)
        except (GeneratorExit, Cancelled):
            return
        if isinstance(asked, Raised):
            return
        if isinstance(asked.value, Join):
            refuse(asked.value.branches)
        elif isinstance(asked.value, StreamStep):
            refuse(asked.value.stream.branches)
        answer = CLOSING


def refuse(branches: Iterable[Awaitable[Any]]) -> None:
    """Close paths that will never be started."""
    for path in branches:
        if inspect.iscoroutine(path):
            path.close()


def foreign(wanted: object, frame: FrameType | None) -> ForeignAwait:
    """The error for an await that yielded something other than an effect."""
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "an unknown line"
    what = type(wanted).__name__ if wanted is not None else "a bare yield"
    return ForeignAwait(f"{place} awaits {what}", hint=_REMEDY, line=place)


def check_runtime_error(error: BaseException) -> BaseException:
    """Name the line where asyncio was asked for a loop that, on purpose, is not there."""
    files = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    if not _misses_loop(error, files[-1][0] if files else ""):
        return error
    place = "an unknown line"
    for file, line in files:
        if not is_asyncio(file) and not file.replace("\\", "/").endswith("workbench/foreign.py"):
            place = f"{file}:{line}"
    found = ForeignAwait(f"{place} needs an event loop", hint=_REMEDY, line=place)
    found.__cause__ = error
    return found


def _misses_loop(error: BaseException, raised_in: str) -> bool:
    """Whether this is asyncio without a loop; its locks then stumble over the None they got."""
    if type(error) is RuntimeError:
        return "no running event loop" in str(error)
    return type(error) is AttributeError and is_asyncio(raised_in) and "'NoneType'" in str(error)
