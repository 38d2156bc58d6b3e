"""A session of commands: what one line leaves behind for the next.

It holds no behaviour: commands read and change it. A script, the line prompt and the screen's
command line each have one, over the same workbench.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from workbench.bench import Workbench
from workbench.errors import UnknownName, UsageError
from workbench.journal.events import Event
from workbench.run.run import Run
from workbench.script.command import Call, Output, said
from workbench.script.ended import Ended, RunEnded, from_outcome, from_store
from workbench.script.export import Moved
from workbench.values import digest

SCRIPT = "script"
"""The pattern of runs that are scripts."""


@contextmanager
def quietly(_title: str) -> Generator[Moved]:
    """Tell nobody how far something is."""
    yield lambda _done, _total: None


def _unheeded(_act: Callable[[], None]) -> AbstractContextManager[None]:
    return nullcontext()


class Suspended(Exception):
    """The run a line waits for was suspended, so the line is not over and not failed."""

    def __init__(self, ended: Ended | None = None) -> None:
        super().__init__()
        self.ended = ended
        """How the run rests, where that is known."""


@dataclass
class Session:
    """The state between commands."""

    bench: Workbench
    rule_scope: Literal["script", "session"] = "session"
    """What scope a rule has that names none: ``script`` where nobody types."""
    last: str = ""
    """The id of the run that commands mean when they name none."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    """Run ids by the name that ``as=`` gave them."""
    background: dict[str, Run] = field(default_factory=dict[str, Run])
    """Runs started with ``&`` that nobody has waited for."""
    scratch: Path | None = None
    """The folder that runs work in, when it is not the workspace."""
    limits: dict[str, Any] = field(default_factory=dict[str, Any])
    """Ceilings for runs to come, where they differ from the settings' own."""
    moving: Callable[[str], AbstractContextManager[Moved]] = quietly
    """Shows how far a long command is, by its title."""
    fetching: Callable[[str], AbstractContextManager[Moved]] = quietly
    """The same for something that comes over the network, in bytes."""
    take_over: bool = False
    """Going on with a run takes it from a process that lives, too."""
    rows: Callable[[Event], None] | None = None
    """Shows a row of a run that is followed; None where a screen does."""
    heed: Callable[[Callable[[], None]], AbstractContextManager[None]] = _unheeded
    """While this is entered a signal does what it is given, and nothing else."""
    notice: Callable[[str], None] = lambda _text: None
    """Says something beside what a line has to say."""

    @property
    def workspace(self) -> Path:
        """The folder that runs work in, and relative paths are seen from."""
        return self.scratch or self.bench.config.workspace

    def find(self, reference: str = "") -> str:
        """The id of a run: a name given with ``as=``, the beginning of an id, or the last one.

        That is the last of this session; ``last`` before it has one is the newest there is.
        """
        if reference in {"", "last"}:
            newest = self.bench.store.runs(limit=1) if reference and not self.last else ()
            found = self.last or next((row.run_id for row in newest), "")
            if not found:
                raise UsageError("there is no run yet", hint="Start one with: run PATTERN")
            return found
        if reference in self.names:
            return self.names[reference]
        if reference in self.bench.runs:
            return reference
        try:
            return self.bench.store.run(reference).run_id
        except UnknownName:
            known = {*self.names, *(row.run_id for row in self.bench.store.runs(limit=50))}
            raise UnknownName("run", reference, known) from None

    def place(self, reference: str) -> tuple[str, int | str | None]:
        """``RUN@PLACE``: a run and a row's number or a checkpoint's name, or None for its end."""
        run, at, place = reference.partition("@")
        if not at or not place:
            return self.find(run), None
        return self.find(run), place

    def live(self, reference: str = "") -> Run:
        """A run this process drives. Raises UsageError when it has ended."""
        run_id = self.find(reference)
        run = self.bench.runs.get(run_id)
        if run is None or run.status not in {"running", "paused"}:
            status = run.status if run else self.bench.store.run(run_id).status
            raise UsageError(
                f"run {run_id} is not running ({status})",
                hint="A line that ends in & leaves its run running",
            )
        return run

    def ended(self, run_id: str) -> Ended:
        """How a run ended, by its rows; ``running`` or ``suspended`` if it has not."""
        self.bench.store.catch_up()
        return from_store(self.bench.store, run_id)

    def start_id(self, call: Call) -> str:
        """The id of the run a line starts: the same when the line is done again."""
        return digest(call.key, 4)

    async def resume(self, run_id: str) -> Run:
        """Go on with a run."""
        return await self.bench.resume(run_id, take_over=self.take_over)

    async def begin(self, run_id: str, start: Callable[[str], Awaitable[Run]]) -> Run | Ended:
        """Start the run of a line, or find it when an earlier attempt of the line has.

        Args:
            run_id: what the run is called.
            start: starts it under this id.
        """
        try:
            known = self.bench.store.run(run_id)
        except UnknownName:
            return await start(run_id)
        if known.run_id != run_id:
            return await start(run_id)
        if known.rests:
            return await self.resume(run_id)
        return self.ended(run_id)

    def adopt(self, call: Call, run_id: str) -> None:
        """Make a run the one that later lines mean."""
        self.last = run_id
        if name := call.text("as"):
            self.names[name] = run_id

    async def finish(self, call: Call, run: Run | Ended) -> Output:
        """Wait for a line's run, unless the line says not to. Raises RunEnded, Suspended."""
        self.adopt(call, run.run_id)
        if isinstance(run, Ended):
            return conclude(run)
        if call.line.background:
            self.background[run.run_id] = run
            data = {"run_id": run.run_id, "outcome": "running"}
            return said(f"run {run.run_id} goes on in the background", data=data)
        return conclude(await self.wait_for(run))

    async def wait_for(self, run: Run) -> Ended:
        """Wait until a run ends. Raises Suspended if it rests instead."""
        outcome = await run.finished()
        self.background.pop(run.run_id, None)
        if outcome.rests:
            raise Suspended(from_outcome(outcome))
        return from_outcome(outcome)

    def recall(self, call: Call, data: Mapping[str, Any]) -> None:
        """Take up what a recorded line left behind, without doing it again."""
        run_id = data.get("run_id")
        if isinstance(run_id, str) and run_id:
            self.adopt(call, run_id)
        folder = data.get("workspace")
        if isinstance(folder, str) and folder:
            self.scratch = Path(folder)


def conclude(ended: Ended) -> Output:
    """What a line says of its run. Raises RunEnded when it did not return."""
    if ended.outcome != "returned":
        raise RunEnded(ended)
    return Output(tuple(result_lines(ended.result)), ended.to_json())


def result_lines(result: Any) -> list[str]:
    """A result for people: text as it is, a record's fields line by line."""
    if result is None:
        return []
    if isinstance(result, Mapping):
        return [f"{name}: {shown(value)}" for name, value in result.items()]  # type: ignore[misc]
    return [shown(result)]


def shown(value: Any) -> str:
    """A value on one line, text without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
