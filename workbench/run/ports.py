"""What the core needs from the edges, as protocols: a log, models, tools, an engine, the files.

The core never imports an edge; `workbench.bench` hands these in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from workbench.agent.tool import Tool
from workbench.errors import Fenced, StoreFull
from workbench.journal.events import Event
from workbench.journal.files import FileChange, Tree
from workbench.journal.ledger import Dues, Within
from workbench.journal.places import Reader
from workbench.journal.requests import Outcome, Owner, Request
from workbench.permission.danger import Facts
from workbench.redaction import Redaction
from workbench.run.evidence import Findings

Done: TypeAlias = Callable[[BaseException | None], None]
OnQuestion: TypeAlias = "Callable[[str, str, Mapping[str, Any]], Awaitable[dict[str, Any] | None]]"


class Log(Protocol):
    """Where rows go. Order of calls is order of rows; nothing here blocks."""

    def append(
        self, events: Sequence[Event], done: Done | None = None, within: Within = ()
    ) -> None:
        """Queue rows; ``done`` is told, from any thread, once they are safe or cannot be.

        With ``within`` the one event is an intent that has to fit below these limits; where it
        does not, `workbench.journal.ledger.refused` stands in its place and ``done`` gets the
        LimitReached.
        """
        ...

    def dues(self, day: str) -> Dues:
        """What was used and is reserved on a day (UTC), over all runs."""
        ...

    def owner(self, run_id: str) -> int | None:
        """The process that drives a run now, or None."""
        ...

    def flush(self) -> None:
        """Wait until every queued row is safe."""
        ...

    def catch_up(self) -> None:
        """Wait until every queued row can be read; one that finds no room waits without us."""
        ...

    def rows(self, run_id: str) -> Iterator[Event]:
        """A run's rows in order, those it shares with its parents included."""
        ...


class RunRecord(Protocol):
    """What the log's keeper knows of a run without reading its rows."""

    @property
    def run_id(self) -> str:
        """Its whole id."""
        ...

    @property
    def title(self) -> str:
        """What lists call it."""
        ...

    @property
    def status(self) -> str:
        """``running suspended returned failed cancelled out_of_budget``."""
        ...

    @property
    def rests(self) -> bool:
        """Whether it has not ended, so that it can be gone on with."""
        ...


class Woken(Protocol):
    """What other processes wake this one with."""

    @property
    def descriptor(self) -> int:
        """Readable once it was rung."""
        ...

    def hush(self) -> None:
        """Take in what was rung."""
        ...


class News(Protocol):
    """Says whether anybody has committed since it was last asked."""

    def has_news(self) -> bool:
        """Whether there is anything new."""
        ...

    def close(self) -> None:
        """Ask no longer."""
        ...


class Shared(Protocol):
    """What the processes on one log have with each other. From any thread; may block briefly."""

    @property
    def bell(self) -> Woken | None:
        """What wakes this process; None before it has claimed anything, or where there is none."""
        ...

    def driver(self, run_id: str) -> Owner | None:
        """The process that drives a run now."""
        ...

    def left_by(self, run_id: str) -> str:
        """The process that was given the run last, by name, or empty."""
        ...

    def beat(self) -> list[Fenced]:
        """Give a sign of life; says which runs others have taken over."""
        ...

    def is_surely_ours(self, run_id: str) -> bool:
        """Whether a claimed run was found to be ours a moment ago. From memory."""
        ...

    def confirm(self, run_id: str, done: Done) -> None:
        """Find it out; ``done`` is told, from any thread."""
        ...

    def ask(self, request: Request) -> None:
        """Add a request and wake the run's owner."""
        ...

    def open_requests(self) -> list[Request]:
        """What waits to be taken up, oldest first."""
        ...

    def request(self, request_id: str) -> Request | None:
        """One request, with what became of it."""
        ...

    def settle(self, settled: Sequence[tuple[str, Outcome, str]]) -> None:
        """Say what became of requests, after the rows that were appended before."""
        ...

    def watch(self) -> News:
        """Whether there is anything new, for whoever follows."""
        ...


class Audit(Protocol):
    """Where decisions about more than one run are entered; those of a run are by their rows."""

    def enter(self, kind: str, data: Mapping[str, Any]) -> None:
        """Enter one; durable when this returns."""
        ...


class Keeper(Reader, Log, Protocol):
    """A log that can be asked about its runs, and that says who may drive one."""

    @property
    def shared(self) -> Shared:
        """What there is between processes."""
        ...

    def run(self, run_id_or_prefix: str) -> RunRecord:
        """One run, by its id or the beginning of it. Raises UnknownName, UsageError."""
        ...

    def runs(self, *, limit: int = 100) -> Sequence[RunRecord]:
        """The newest runs."""
        ...

    @property
    def audit(self) -> Audit:
        """Every decision that matters."""
        ...

    def claim(self, run_id: str, *, take_over: bool = False) -> int:
        """Become the one who drives a run; its epoch. Raises RunOwned."""
        ...

    def release(self, run_id: str) -> None:
        """Let a run go. Raises StoreFull while rows of it wait for room: then it is kept."""
        ...

    def changed_since(self, run_id: str, seq: int) -> list[Event]:
        """The ``file.changed`` rows of all runs that were committed after a row, in order."""
        ...

    def watch_room(self, told: Callable[[StoreFull | None], None]) -> None:
        """Have ``told`` called, from any thread, when nothing can be recorded and when it can."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a tool call: what ties the deed, and what is kept of it, to its intent."""

    run_id: str
    key: str
    """The effect's path."""
    idempotency_key: str
    on_progress: Callable[[str], None]
    """Told text while a command prints; live only."""
    redaction: Redaction
    """What must not be kept of that."""
    turn: HeldTurn | None = None
    """The turn in the working copy that it is made in."""
    on_question: OnQuestion | None = None
    """Asks a person what an MCP server wants to know: ``(server, message, schema)``; None comes
    back for a no."""


class Standing(Protocol):
    """What stands at a path."""

    @property
    def kind(self) -> Literal["nothing", "file", "large", "folder", "link", "special", "outside"]:
        """``outside`` is what a link leads to, or what no tool may look at."""
        ...

    @property
    def mode(self) -> int | None:
        """As the system has it; None for nothing."""
        ...

    @property
    def name(self) -> str | None:
        """Of its content, if that could be read."""
        ...

    def is_(self, name: str | None) -> bool:
        """Whether it is what a name of a content means; None means nothing."""
        ...


class ToolBox(Protocol):
    """What tools can do in one place."""

    def at(self, workspace: str) -> ToolBox:
        """The same tools in the folder a run works in; empty for the workbench's own."""
        ...

    async def ready(self, tool: Tool) -> None:
        """Find out, beside the loop, whatever takes long and `facts` will need of the place."""
        ...

    def profile(self, tool: Tool) -> str:
        """What confines a call of this tool: level and back end of its sandbox."""
        ...

    def facts(self, tool: Tool, arguments: dict[str, Any]) -> Facts:
        """Look at the world as far as this call is concerned."""
        ...

    async def prepare(self, tool: Tool, arguments: dict[str, Any]) -> Any:
        """What a later probe will need, as a value for the intent row; None for most tools."""
        ...

    async def perform(
        self, tool: Tool, arguments: dict[str, Any], decided: Facts, attempt: Attempt
    ) -> Any:
        """Do it, after checking that the facts still hold."""
        ...

    async def find_out(
        self, tool: Tool, arguments: dict[str, Any], prepared: Any, attempt: Attempt
    ) -> Findings:
        """Look, in bounded time, at what became of an attempt whose end is unknown."""
        ...

    def forget(self, run_id: str, key: str) -> None:
        """Let go of what was kept of a call's attempts: its outcome is recorded."""
        ...

    def look(self, path: str) -> Standing:
        """What stands at a path of the folder now."""
        ...

    def happened(self, tool: Tool, prepared: Any) -> list[dict[str, Any]]:
        """Of the changes to files that an intent announced, those that are found done."""
        ...

    def preview(self, tool: Tool, arguments: dict[str, Any]) -> str:
        """What a person should see before answering: a diff, or nothing."""
        ...


class HeldTurn(Protocol):
    """A turn in a working copy, while it is held."""

    def within(self) -> AbstractContextManager[None]:
        """What runs in here may write in the same folder without a turn of its own."""
        ...

    def check(self) -> None:
        """Look whether it still is. Raises Fenced when the run was given to another process."""
        ...

    def note(self, temporary: str) -> None:
        """Say which temporary file is about to be made."""
        ...


class WorkingCopies(Protocol):
    """The folders that runs work in: one writer at a time, and what they held."""

    def turn(
        self, folder: str, who: Mapping[str, Any], told: Callable[[Mapping[str, Any]], None]
    ) -> AbstractAsyncContextManager[HeldTurn]:
        """Be the only one who writes in a folder; ``told`` hears whom this waits for."""
        ...

    def holder(self, folder: str) -> Mapping[str, Any] | None:
        """Who writes in a folder now."""
        ...

    def head(self, folder: str) -> str:
        """Which branch the user has checked out there; empty without a repository."""
        ...

    async def outlook(self, folder: str) -> str:
        """Why there would be no snapshot of a folder; empty when there would be one."""
        ...

    async def snapshot(self, folder: str) -> dict[str, Any]:
        """Record a folder: ``tree files left_out duration_s``, or ``none``, a sentence.

        Raises SnapshotFailed when it should have been possible.
        """
        ...

    async def changes(self, folder: str, before: str, after: str) -> list[FileChange]:
        """What differs between two snapshots of a folder."""
        ...

    async def since(self, folder: str, tree: str) -> list[FileChange]:
        """What of a folder differs now from a snapshot of it. Raises SnapshotFailed."""
        ...

    def read(self, name: str) -> bytes:
        """A content by its name. Raises StoreDamaged."""
        ...

    def keep(self, content: bytes) -> str:
        """Keep a content durably; its name."""
        ...

    def same(self, one: str | None, other: str | None) -> bool:
        """Whether two names mean the same content."""
        ...

    def missing(self, names: Collection[str]) -> set[str]:
        """Those of some contents that are not there any more."""
        ...

    async def own(self, run_id: str, folder: str, tree: Tree) -> Path:
        """Make a fork its own copy of a folder's files; where it is. Raises SnapshotFailed."""
        ...

    def discard(self, run_id: str) -> None:
        """Take a fork's own copy away, if it has one."""
        ...


class Workers(Protocol):
    """Where plain Python functions are run."""

    async def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Run a function: async ones here, sync ones beside the loop."""
        ...
