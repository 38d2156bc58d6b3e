"""Where a headless front says things: stdout for what was asked for, stderr for all else.

stdout has one of three forms, and the last thing on it is always the result: run id, outcome,
usage, what was denied, the result and the command that resumes. Text passes the sanitiser; JSON
is written in ASCII, which needs none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol, TextIO, TypeAlias

from workbench.errors import Diverged, describe
from workbench.journal.events import Event
from workbench.plain import one_line, plain
from workbench.script.amounts import shown
from workbench.script.command import Output
from workbench.script.export import Moved
from workbench.script.language import Line
from workbench.script.questions import question_lines
from workbench.script.rows import brief, data_of, line_of
from workbench.script.session import result_lines
from workbench.values import copied

if TYPE_CHECKING:
    from workbench.script.progress import Bar

Form: TypeAlias = Literal["text", "json", "jsonl"]
FORMS: tuple[Form, ...] = ("text", "json", "jsonl")


class Sink(Protocol):
    """Who is told what a script says while it goes on."""

    def begun(self, line: Line) -> None:
        """A line begins."""
        ...

    def done(self, line: Line, output: Output) -> None:
        """A line is done."""
        ...

    def notice(self, text: str) -> None:
        """Something else a person should know."""
        ...


class Silent:
    """Tells nobody."""

    def begun(self, line: Line) -> None:
        """Nothing."""

    def done(self, line: Line, output: Output) -> None:
        """Nothing."""

    def notice(self, text: str) -> None:
        """Nothing."""


def tenths(title: str, notice: Callable[[str], None]) -> Moved:
    """Says each tenth that is done, once."""
    told = -1

    def moved(done: int, total: int) -> None:
        nonlocal told
        tenth = done * 10 // total if total else -1
        if tenth > told:
            told = tenth
            notice(f"{title}: {tenth * 10} % of {shown(total)}")

    return moved


class Streams:
    """The two streams of a headless front."""

    def __init__(self, form: Form, out: TextIO, err: TextIO, *, shows_lines: bool = True) -> None:
        self.form = form
        self._out, self._err = out, err
        self._shows_lines = shows_lines
        """Whether what a line says is wanted before the result."""
        self._bar: Bar | None = None
        self._lost: set[int] = set()
        """Which of the two nobody reads any more."""
        self.when_lost: Callable[[], None] = lambda: None
        """Told once when nobody reads what was asked for."""

    @property
    def is_lost(self) -> bool:
        """Whether nobody reads what was asked for any more."""
        return id(self._out) in self._lost

    @contextmanager
    def progress(self, total: int | None = None) -> Generator[None]:
        """Show a bar on stderr while this lasts, if that is a terminal."""
        if not self._err.isatty():
            yield
            return
        from workbench.script.progress import Bar  # noqa: PLC0415 - rich, on a terminal only

        self._bar = Bar(self._err, total)
        self._bar.start()
        try:
            yield
        finally:
            with suppress(OSError):
                self._bar.stop()
            self._bar = None

    @contextmanager
    def moving(self, title: str) -> Generator[Moved]:
        """Show a bar on stderr for something whose length is known, if that is a terminal."""
        if not self._err.isatty():
            yield lambda _done, _total: None
            return
        from workbench.script.progress import moving  # noqa: PLC0415 - rich, on a terminal only

        with moving(self._err, title) as moved:
            yield moved

    @contextmanager
    def fetching(self, title: str) -> Generator[Moved]:
        """Show on stderr how many bytes have come: a bar on a terminal, else each tenth."""
        if not self._err.isatty():
            yield tenths(title, self.notice)
            return
        from workbench.script.progress import moving  # noqa: PLC0415 - rich, on a terminal only

        with moving(self._err, title, in_bytes=True) as moved:
            yield moved

    def hidden(self) -> AbstractContextManager[None]:
        """The bar is down while somebody is asked."""
        return self._bar.hidden() if self._bar else nullcontext()

    def begun(self, line: Line) -> None:
        """Say on a terminal's stderr which line it is."""
        if self._shows_lines and self._err.isatty():
            self._write(self._err, f"> {one_line(str(line))[:200]}")

    def done(self, line: Line, output: Output) -> None:
        """What a line said."""
        if self._bar:
            self._bar.advance()
        if not self._shows_lines:
            return
        if self.form == "text":
            self.say(output.lines)
        elif self.form == "jsonl":
            self._json({"type": "line", "command": line.name, "data": output.data})

    def say(self, lines: Iterable[str]) -> None:
        """Text for people, on stdout."""
        for text in lines:
            self._write(self._out, plain(text))

    def data(self, output: Output) -> None:
        """All there is to say, in the form that was asked for."""
        if self.form == "text":
            self.say(output.lines)
        else:
            indent = 2 if self.form == "json" else None
            self._write(self._out, json.dumps(output.data, indent=indent))

    def row(self, row: Event) -> None:
        """A row of some run."""
        if self._bar:
            self._bar.told(row)
        if self.form == "jsonl":
            # A row fresh from its run may hold live values; `copied` is what the store keeps.
            self._json({"type": "row", **copied(data_of(row))})

    def followed(self, row: Event) -> None:
        """A row of a run that another process drives: the thing that was asked for."""
        if self.form == "text":
            self.say([line_of(row)])
        else:
            self.row(row)

    def notice(self, text: str) -> None:
        """To stderr."""
        self._write(self._err, plain(text))

    def result(self, told: Mapping[str, Any]) -> None:
        """The last thing."""
        if self.form == "jsonl":
            self._json({"type": "result", **told})
        elif self.form == "json":
            self._write(self._out, json.dumps(told, indent=2))
        else:
            for text in _summary(told, with_result=not self._shows_lines):
                self._write(self._out, plain(text))

    def failed(self, error: Diverged, lines: Sequence[str]) -> None:
        """That a run does not fit: for people on stderr, for programs on stdout as a result."""
        told = {"run_id": error.data.get("run_id", ""), "outcome": "diverged", "fits": False}
        told |= {"error": describe(error)}
        if self.form == "text":
            first, *rest = lines
            self.notice("\n".join([f"kaizen-tui: {first}", *rest]))
        else:
            self.result(told)

    def _json(self, value: Any) -> None:
        self._write(self._out, json.dumps(value))

    def _write(self, stream: TextIO, text: str) -> None:
        if id(stream) in self._lost:
            return
        try:
            with self.hidden():
                stream.write(f"{text}\n")
                stream.flush()
        except OSError as error:
            self._lose(stream)
            if not isinstance(error, BrokenPipeError):
                self.notice(f"the output cannot be written: {error.strerror}")

    def _lose(self, stream: TextIO) -> None:
        """A pipe was closed, or a terminal: a run must not fall over that it cannot be watched."""
        self._lost.add(id(stream))
        # What is still buffered would make Python complain at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if stream is self._out:
            self.when_lost()


def _summary(told: Mapping[str, Any], *, with_result: bool) -> list[str]:
    usage = told["usage"]
    tokens = usage["input_tokens"] + usage["output_tokens"]
    unknown = " and unknown prices" if usage["unpriced_calls"] else ""
    lines = result_lines(told["result"]) if with_result else []
    lines += ["--", f"run: {told['run_id']}", f"outcome: {told['outcome']}"]
    if told.get("error"):
        lines.append(f"error: {told['error']['message']}")
    cost = f"${usage['cost_usd']:.4f}{unknown}"
    lines.append(f"usage: {usage['steps']} steps, {tokens} tokens, {cost}")
    denied = [brief(f"{one['agent']} {one['name']}: {one['reason']}") for one in told["denied"]]
    lines.append(f"denied: {'; '.join(denied) or 'nothing'}")
    result = "none" if told["result"] is None else one_line(brief(told["result"]))
    lines.append(f"result: {result}")
    for question in told.get("questions", ()):
        lines += question_lines(question, _MOST_SHOWN)
    if any(question["asked_as"] == "in_doubt" for question in told.get("questions", ())):
        lines.append(f"  answer: resume with --confirm; beforehand: {_BEFOREHAND}")
    return [*lines, f"resume: {told['resume'] or 'nothing to resume'}"]


_MOST_SHOWN = 2_000
_BEFOREHAND = '--set \'doubts=[{"tool": …, "answer": …}]\', or doubt in a script'
