"""A bar on a terminal's stderr: how far a script is, what its runs do and have used.

It is taken down around everything else that is written or asked, so the terminal's text stays in
order. Nothing here is imported when stderr is no terminal.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from workbench.journal.events import Event, agent_of
from workbench.plain import one_line
from workbench.run.header import Tally, add_row
from workbench.script.export import Moved

_MOST = 60


@contextmanager
def moving(err: TextIO, title: str, *, in_bytes: bool = False) -> Generator[Moved]:
    """A bar for one thing of known length; safe to be told from another thread."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20))
    figures = (DownloadColumn(binary_units=True), TransferSpeedColumn()) if in_bytes else ()
    shown = (*columns, TaskProgressColumn(), *figures, TimeRemainingColumn())
    with Progress(*shown, console=Console(file=err), transient=True) as progress:
        task = progress.add_task(one_line(title)[:_MOST], total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


class Bar:
    """One bar; ``total`` is the number of a script's lines, or None for a single command."""

    def __init__(self, err: TextIO, total: int | None) -> None:
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
        columns += [BarColumn(bar_width=20)] + ([MofNCompleteColumn()] if total else [])
        console = Console(file=err)
        # Redirecting stdout would send the result to stderr.
        self._progress = Progress(
            *columns,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=5,
        )
        self._task = self._progress.add_task("", total=total)
        self._used = Tally()
        self._what = ""

    def start(self) -> None:
        """Put it up."""
        self._progress.start()

    def stop(self) -> None:
        """Take it down; nothing of it stays."""
        self._progress.stop()

    @contextmanager
    def hidden(self) -> Generator[None]:
        """Down while something else has the terminal."""
        is_up = self._progress.live.is_started
        if is_up:
            self._progress.stop()
        try:
            yield
        finally:
            if is_up:
                self._progress.start()

    def advance(self) -> None:
        """One line is done."""
        self._progress.advance(self._task)

    def told(self, row: Event) -> None:
        """A row was recorded."""
        add_row(self._used, row)
        if row.kind in {"step.started", "step.finished"}:
            name = row.data.get("name") or row.data.get("effect", "")
            self._what = f"{agent_of(row.key)} {name}".strip()
        tokens = self._used.input_tokens + self._used.output_tokens
        words = f"{self._used.steps} steps {tokens} tokens ${self._used.cost_usd:.4f}  {self._what}"
        self._progress.update(self._task, description=Text(one_line(words)[:_MOST]).plain)
