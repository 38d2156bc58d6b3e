"""Call code that is not ours: whatever it raises is a value here, never a surprise.

Plugins, hooks, workflows and tools may raise anything. These two functions are where that stops:
the caller gets the exception as a value and says what it means. Control exceptions of the
interpreter and of asyncio pass through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Returned(Generic[T]):
    """The call came back."""

    value: T


@dataclass(frozen=True, slots=True)
class Raised:
    """The call raised."""

    error: BaseException


def attempt(call: Callable[..., T], *args: Any) -> Returned[T] | Raised:
    """Call a foreign function and tell how it ended."""
    try:
        return Returned(call(*args))
    except Exception as error:  # noqa: BLE001 - foreign code: one of the three named places
        return Raised(error)


async def attempt_async(awaitable: Awaitable[T]) -> Returned[T] | Raised:
    """Await foreign work and tell how it ended."""
    try:
        return Returned(await awaitable)
    except Exception as error:  # noqa: BLE001 - performing: one of the three named places
        return Raised(error)
