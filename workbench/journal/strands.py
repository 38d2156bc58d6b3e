"""Strands: the coroutines of a run and what each of them waits for.

Only data and small questions about it. How strands move is in `workbench.journal.drive`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import AsyncGeneratorType, FrameType
from typing import Any, TypeAlias

from workbench.foreign import Raised, Returned
from workbench.journal.events import agent_of
from workbench.workflow.effects import Effect

Outcome: TypeAlias = "Returned[Any] | Raised"


@dataclass(frozen=True, slots=True)
class Body:
    """What a scope is driven as: a way to start it, and how its result is decoded."""

    start: Callable[[], Coroutine[Any, Any, Any]]
    decode: Callable[[Any], Any] | None = None


@dataclass(slots=True, eq=False)
class Strand:
    """One coroutine at one path."""

    path: str
    coroutine: Coroutine[Any, Any, Any]
    owner: Group | Parked | None
    """Who is told how it ended; None for the run's own coroutine."""
    cleanup: bool = False
    """Everything it still asks for is cleanup after a cancellation."""
    ordinal: int = 0
    waits: Parked | Group | None = None
    pending: Outcome | None = None
    """What it will be resumed with; set while it stands in the ready queue."""
    started: bool = False
    number: int = 0
    """Its place among the paths of its group."""
    cancelling: str = ""
    """Why it is being ended, or empty."""
    told: bool = False
    """It has seen its `Cancelled`; what it asks for from now on is cleanup."""
    ended: bool = False
    held: Outcome | None = None
    """How it ended, while its generators are being closed."""
    generators: list[AsyncGeneratorType[Any, Any]] = field(
        default_factory=list[AsyncGeneratorType[Any, Any]]
    )
    closing: list[AsyncGeneratorType[Any, Any]] = field(
        default_factory=list[AsyncGeneratorType[Any, Any]]
    )
    """Generators that are being closed, or were."""
    streams: list[Group] = field(default_factory=list["Group"])
    """Streams it has opened and not closed."""


@dataclass(slots=True, eq=False)
class Parked:
    """An effect that a strand waits for."""

    key: str
    fingerprint: str
    effect: Effect[Any]
    arguments: bytes
    """The requested arguments, encoded: the copy that performing works on."""
    strand: Strand
    cleanup: bool
    stopping: str = ""
    """Why it is being cancelled, or empty."""
    child: Strand | None = None
    """For a scope whose start row was fed: the strand that drives it."""
    body: Body | None = None
    ended: Outcome | None = None
    """For a scope whose strand has ended: how, until the end row is fed."""
    skipped: bool = False
    """A scope whose end row is already recorded; it is recalled and not driven."""

    @property
    def words(self) -> str:
        """As a person knows it: ``bash_command of coder``."""
        name, agent = self.effect.name or self.effect.kind, agent_of(self.key)
        if self.effect.kind == "call":
            name = name.rpartition(".")[2]
        return f"{name} of {agent}" if agent else name


@dataclass(slots=True, eq=False)
class Group:
    """Several strands running beside each other for one that waits."""

    path: str
    mode: str
    """``together``, ``race``, ``within`` or ``stream``."""
    waiter: Strand
    children: list[Strand]
    running: int
    results: list[Outcome | None]
    first: Outcome | None = None
    """The outcome that decides: first failure (together), first return (race), first end."""
    failures: list[BaseException] = field(default_factory=list[BaseException])
    ready: deque[int] = field(default_factory=deque[int])
    """For a stream: children that have ended and were not handed out yet."""
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Perform:
    """Take this effect through the gate."""

    parked: Parked


@dataclass(frozen=True, slots=True)
class Stop:
    """End this effect, it is no longer wanted; its outcome is still waited for."""

    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """Record how the body of this scope ended."""

    parked: Parked
    outcome: Outcome


Request: TypeAlias = "Perform | Stop | End"


def living(strand: Strand) -> Iterator[Strand]:
    """A strand and everything that runs for it, children first."""
    waits = strand.waits
    if isinstance(waits, Group):
        for child in waits.children:
            yield from living(child)
    elif waits is not None and waits.child is not None:
        yield from living(waits.child)
    for group in strand.streams:
        if group is not waits:
            for child in group.children:
                yield from living(child)
    if not strand.ended:
        yield strand


def innermost(coroutine: Any) -> FrameType | None:
    """The frame in which a suspended coroutine stands, following what it awaits; not plumbing."""
    frame: FrameType | None = None
    while coroutine is not None:
        found = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)
        if found is None:
            break
        if not _is_ours(found.f_code.co_filename):
            frame = found
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    return frame


def standing(strand: Strand) -> FrameType | None:
    """Where a person would say a strand stands: its frame, or that of whoever runs it."""
    frame = innermost(strand.coroutine)
    while frame is None and strand.owner is not None:
        owner = strand.owner
        strand = owner.waiter if isinstance(owner, Group) else owner.strand
        frame = innermost(strand.coroutine)
    return frame


_PLUMBING = (
    "workflow/effects.py",
    "workflow/verbs.py",
    "journal/awaited.py",
    "agent/turn.py",
    "agent/planning.py",
    "agent/verifying.py",
)


@lru_cache(maxsize=1024)
def _is_ours(file: str) -> bool:
    """Whether a frame is the plumbing of awaiting, which is nobody's place to look at."""
    return file.replace("\\", "/").endswith(_PLUMBING) or is_asyncio(file)


def is_asyncio(file: str) -> bool:
    """Whether a source file is asyncio's own."""
    return "/asyncio/" in file.replace("\\", "/")
