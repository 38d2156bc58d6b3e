"""Effects: what a workflow asks for, as values that have not happened yet.

An effect is awaited like anything else, but awaiting it only *yields the effect itself* to
whoever drives the workflow (`journal/drive.py`); no event loop is involved. `Join` and its kin
say how several paths run beside each other: they are instructions to the drive and leave no row
of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Literal, TypeVar

T = TypeVar("T")


CLOSING: Final = object()
"""Sent instead of an answer when a run is suspended: the await raises GeneratorExit.

Raised from within rather than thrown from outside, because throwing it closes what is awaited
without letting an asynchronous generator in between run its ``finally``.
"""


def _answered(answer: Any) -> Any:
    if answer is CLOSING:
        raise GeneratorExit
    return answer


class Repeat(StrEnum):
    """What another attempt of an effect would do, if nobody knows how the first one ended."""

    PURE = "pure"
    """Nothing but cost: it may simply run again."""
    KEYED = "keyed"
    """Nothing twice: the other side knows the idempotency key."""
    PROBEABLE = "probeable"
    """The tool can find out whether it happened."""
    UNSAFE = "unsafe"
    """It might happen twice: a person, or a rule a person wrote, decides."""


SCOPES = frozenset({"ask", "follow"})
"""Kinds that are workflows themselves: a start row, a body that is driven, an end row."""


@dataclass(frozen=True, slots=True, eq=False)
class Effect(Generic[T]):
    """A request to the world. ``kind``, ``name`` and ``arguments`` are what its row holds."""

    kind: str
    """``model tool call ask follow question send receive remember recall forget sleep now
    random discover checkpoint line``: a bare verb or the thing done."""
    name: str
    """Whom or what it concerns: the tool's, agent's, pattern's or model's name."""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values only (see `workbench.values`); copied when the effect is awaited."""
    subject: Any = None
    """The live thing performing needs (a Tool, an Agent, a function); never in a row."""
    repeat: Repeat = Repeat.PURE
    decode: Callable[[Any], T] | None = None
    """Turns the row's result into what the await returns."""

    def __await__(self) -> Generator[Effect[T], Any, T]:
        return _answered((yield self))

    def __str__(self) -> str:
        return f"{self.kind}.{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """Run several paths beside each other and wait, as ``together`` or ``race`` do."""

    mode: Literal["together", "race", "within"]
    branches: tuple[Awaitable[Any], ...]

    def __await__(self) -> Generator[Join, Any, Any]:
        return _answered((yield self))


@dataclass(slots=True, eq=False)
class Stream:
    """The identity of one ``as_they_finish``: its paths finish one by one into ``ready``."""

    branches: tuple[Awaitable[Any], ...]
    group: Any = None
    """The drive's own; nobody else looks."""


@dataclass(frozen=True, slots=True, eq=False)
class StreamStep:
    """An instruction about a stream: start its paths, wait for the next, or end the rest."""

    stream: Stream
    step: Literal["open", "next", "close"]

    def __await__(self) -> Generator[StreamStep, Any, Any]:
        return _answered((yield self))
