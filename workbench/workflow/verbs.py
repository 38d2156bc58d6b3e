"""The verbs: what a workflow can say, each a function that returns something to await.

`together`, `race`, `as_they_finish` and `within` take effects and coroutines alike. Everything
else makes one `Effect`; it happens when it is awaited.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Sequence,
)
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, cast, overload

from workbench.errors import NotAValue, UsageError
from workbench.foreign import Raised
from workbench.workflow.effects import Effect, Join, Repeat, Stream, StreamStep
from workbench.workflow.keyed import check_call

T = TypeVar("T")

Scope: TypeAlias = Literal["run", "workspace"]
"""Where something is remembered: in a run and its forks, or for all runs of the workspace."""


class Named(Protocol):
    """Anything that carries a name: an agent, a tool, a pattern."""

    @property
    def name(self) -> str:
        """How rows and people call it."""
        ...


def ask(agent: Named | str, /, **inputs: Any) -> Effect[Any]:
    """Have an agent take one turn; returns its reply, whose attributes are its outputs."""
    return Effect("ask", _name(agent), {"inputs": inputs}, subject=agent)


def follow(pattern: Named | Callable[..., Any] | str, /, **inputs: Any) -> Effect[Any]:
    """Run another pattern as a part of this one; returns what it returns."""
    return Effect("follow", _name(pattern), {"inputs": inputs}, subject=pattern)


def use(tool: Named | str, /, **arguments: Any) -> Effect[Any]:
    """Call a tool. Permission is asked for where it is needed; a refusal is a `StepFailed`."""
    repeat = getattr(tool, "repeat", Repeat.UNSAFE)
    return Effect("tool", _name(tool), arguments, subject=tool, repeat=repeat)


@overload
def call(
    function: Callable[..., Coroutine[Any, Any, T]],
    /,
    *arguments: Any,
    repeat: Repeat | str = ...,
    **named: Any,
) -> Effect[T]: ...
@overload
def call(
    function: Callable[..., T], /, *arguments: Any, repeat: Repeat | str = ..., **named: Any
) -> Effect[T]: ...
def call(
    function: Callable[..., Any],
    /,
    *arguments: Any,
    repeat: Repeat | str = Repeat.UNSAFE,
    **named: Any,
) -> Effect[Any]:
    """Call a module-level Python function: async on the core's loop, sync in a thread.

    Args:
        function: a parameter of type `IdempotencyKey` is filled by the gate; ``keyed`` needs one.
        arguments: what it is given, by place.
        repeat: what another attempt would do: ``pure``, ``keyed`` or ``unsafe``.
        named: what it is given, by name.

    Raises:
        NotAValue: no later run could find the function.
        SignatureError: what is ``keyed`` takes no key, or a plain function is ``probeable``.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    if "<" in name:
        raise NotAValue(f"{name} is not a module-level function, so no later run could find it")
    values: dict[str, Any] = {"arguments": list(arguments), "named": named}
    check_call(function, Repeat(repeat), arguments, named)
    return Effect("call", name, values, subject=function, repeat=Repeat(repeat))


def question(text: str, choices: Sequence[str] = ()) -> Effect[str]:
    """Ask a person; without choices any text is an answer."""
    return Effect("question", "", {"text": text, "choices": list(choices)})


def send(to: str, message: Any) -> Effect[None]:
    """Leave a message for the agent or path named ``to``; it does not wait to be read."""
    return Effect("send", to, {"message": message}, repeat=Repeat.KEYED)


def receive(name: str = "") -> Effect[Any]:
    """Wait for the next message for ``name`` (empty: for whoever runs this)."""
    return Effect("receive", name)


def remember(key: str, value: Any, *, scope: Scope = "run") -> Effect[None]:
    """Keep a value under a key; scope ``run`` follows forks, ``workspace`` is shared."""
    values = {"key": key, "value": value, "scope": scope}
    return Effect("remember", key, values, repeat=Repeat.KEYED)


@overload
def recall(key: str, *, scope: Scope = ...) -> Effect[Any]: ...
@overload
def recall(
    *, search: str, limit: int = ..., scope: Scope = ...
) -> Effect[list[dict[str, Any]]]: ...
def recall(
    key: str | None = None,
    *,
    search: str | None = None,
    limit: int = 10,
    scope: Scope = "run",
) -> Effect[Any]:
    """What is kept under a key, or all that has some words.

    Args:
        key: which; a `StepFailed` with code ``unknown_name`` when there is none.
        search: words that must all stand in the key or the value; empty for whatever is there.
            Gives a list of ``{"key": …, "value": …}``, the newest first.
        limit: how many a search gives at most.
        scope: where it was kept, see `remember`.

    Raises:
        UsageError: both a key and words were given, or neither.
    """
    if (key is None) == (search is None):
        raise UsageError("recall takes either a key or search=…")
    if search is not None:
        return Effect("recall", "", {"search": search, "limit": limit, "scope": scope})
    return Effect("recall", str(key), {"key": key, "scope": scope})


def forget(key: str, *, scope: Scope = "run") -> Effect[None]:
    """Keep nothing under a key any longer; nothing happens when there is nothing."""
    return Effect("forget", key, {"key": key, "scope": scope}, repeat=Repeat.KEYED)


def sleep(seconds: float) -> Effect[None]:
    """Wait. The wake-up time is recorded, so a resumed run waits only for the rest."""
    return Effect("sleep", "", {"seconds": seconds})


def now() -> Effect[datetime]:
    """The time, UTC; recorded, so a resumed run sees the same."""
    return Effect("now", "", decode=datetime.fromisoformat)


def random() -> Effect[float]:
    """A number from 0 up to 1; recorded."""
    return Effect("random", "")


def discover(**wanted: Any) -> Effect[list[Any]]:
    """Who is there: names of agents that fit; recorded."""
    return Effect("discover", "", wanted)


def checkpoint(name: str) -> Effect[None]:
    """Name this point of the run, to come back to it; a name may be given again."""
    return Effect("checkpoint", name)


def together(*parts: Awaitable[Any] | Iterable[Awaitable[Any]]) -> Join:
    """All at once; results in the order given. The first failure ends the others."""
    return Join("together", _branches(parts))


def race(*parts: Awaitable[Any] | Iterable[Awaitable[Any]]) -> Join:
    """The first that returns; the others are ended. If all fail, the first failure."""
    return Join("race", _branches(parts))


def within(seconds: float, part: Awaitable[Any]) -> Join:
    """One thing with a time limit; over it, a `StepFailed` with code ``timeout``."""
    return Join("within", (part, sleep(seconds)))


def as_they_finish(*parts: Awaitable[T] | Iterable[Awaitable[T]]) -> Finishing[T]:
    """All at once, handed out one by one: ``async with … as results``, then ``async for``.

    Results come in the order in which they were recorded. A failed path raises where it would
    have been handed out. Leaving the block ends the paths that are left.
    """
    return Finishing(Stream(_branches(parts)))


class Finishing(Generic[T]):
    """The open block of an `as_they_finish`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def __aenter__(self) -> AsyncIterator[T]:
        """Start every path."""
        await StreamStep(self._stream, "open")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End and join what is left."""
        await StreamStep(self._stream, "close")

    def __aiter__(self) -> AsyncIterator[T]:
        """The results, one by one."""
        return self

    async def __anext__(self) -> T:
        """The next recorded result."""
        found = await StreamStep(self._stream, "next")
        if found is None:
            raise StopAsyncIteration
        outcome = found[1]
        if isinstance(outcome, Raised):
            raise outcome.error
        return cast("T", outcome.value)


def _name(thing: Named | Callable[..., Any] | str) -> str:
    if isinstance(thing, str):
        return thing
    return str(getattr(thing, "name", None) or getattr(thing, "__name__", "") or thing)


def _branches(
    parts: Sequence[Awaitable[Any] | Iterable[Awaitable[Any]]],
) -> tuple[Awaitable[Any], ...]:
    """Either the parts themselves, or the items of the one iterable that was given."""
    if len(parts) == 1 and not hasattr(parts[0], "__await__"):
        return tuple(cast("Iterable[Awaitable[Any]]", parts[0]))
    return tuple(cast("Sequence[Awaitable[Any]]", parts))
