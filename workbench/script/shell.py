"""The sub-commands of the shell that need a workbench: open it, do one thing, close it.

`workbench.cli` parses and hands over here, so that ``--help`` loads none of this.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from signal import SIGPIPE
from typing import Any

from workbench.bench import Workbench
from workbench.config import load
from workbench.config.folders import shipped
from workbench.errors import (
    ConfigError,
    Diverged,
    StoreError,
    StoreNewer,
    UsageError,
)
from workbench.journal.overlay import check_names
from workbench.plain import plain
from workbench.run.looped import end
from workbench.script.command_line import Asked
from workbench.script.diverged import diverged_lines
from workbench.script.ended import exit_code_of
from workbench.script.headless import Front
from workbench.script.language import Line, parse_script
from workbench.script.output import Streams
from workbench.script.run_script import recorded_script, resumable
from workbench.script.session import SCRIPT, Session
from workbench.script.signals import Signals

_MOST_BYTES = 1_000_000
TOUR = "tour.kz"


def script(asked: Asked, file: str) -> int:
    """``--script FILE``: run a file of commands, ``-`` for standard input."""
    if file == "-":
        text, name = sys.stdin.read(_MOST_BYTES), "-"
        if asked.resume:
            raise UsageError("a script from standard input cannot be resumed by its name")
    else:
        path = Path(file)
        text, name = _read(path), str(path.resolve())
    return _script(asked, text, name)


def tour(asked: Asked) -> int:
    """The tour as text."""
    path = shipped("examples") / TOUR
    return _script(asked, _read(path), str(path))


def _script(asked: Asked, text: str, name: str) -> int:
    parse_script(text, name)
    words = ["kaizen-tui", *asked.argv, *([] if asked.resume else ["--resume"])]

    async def job(front: Front) -> int:
        going_on = resumable(front.bench, name) if asked.resume else ""
        return await front.script(text, name, shlex.join(words), resume=going_on)

    return opened(asked, job)


def command(asked: Asked, name: str, words: Sequence[str]) -> int:
    """``run``, ``ask``, ``fork``: one command that ends in a run."""
    line = shell_line(name, words)
    if line.named.get("preview") is True:
        return look(asked, name, words)

    async def job(front: Front) -> int:
        if name == "fork" and (forked := _forked_script(front.bench, line)):
            return await _go_on(front, forked)
        return await front.command(line)

    return opened(asked, job, shows_lines=False)


def _forked_script(bench: Workbench, line: Line) -> str:
    """The fork of a script's run, which goes on as a script; empty when the run is no script's."""
    source, at = Session(bench).place(line.words[0] if line.words else "")
    if bench.store.run(source).pattern != SCRIPT:
        return ""
    changes: dict[str, Any] = {k: v for k, v in line.named.items() if k != "preview"}
    check_names(changes)
    return bench.branches.branch(source, at, **changes)


async def _go_on(front: Front, run_id: str, *, take_over: bool = False) -> int:
    """Go on with a script's run."""
    name, text = recorded_script(front.bench, run_id)
    again = f"kaizen-tui resume {run_id}"
    return await front.script(text, name, again, resume=run_id, take_over=take_over)


def resume(asked: Asked, run: str, *, take_over: bool = False) -> int:
    """Go on with a run; a script's run goes on as a script."""

    async def job(front: Front) -> int:
        row = front.bench.store.run(run)
        if row.pattern != SCRIPT:
            return await front.command(Line("resume", (row.run_id,), {"take_over": take_over}))
        return await _go_on(front, row.run_id, take_over=take_over)

    return opened(asked, job)


def follow(asked: Asked, run: str) -> int:
    """Show a run that another process drives, row by row."""

    async def job(front: Front) -> int:
        return await front.follow(run)

    return opened(asked, job, checked=False)


def look(asked: Asked, name: str, words: Sequence[str], *, checked: bool = False) -> int:
    """``runs``, ``show``, ``export``, ``patterns`` …: one command that only says something."""
    line = shell_line(name, words)

    async def job(front: Front) -> int:
        return await front.look(line)

    return opened(asked, job, checked=checked)


def check(asked: Asked, run: str) -> int:
    """Whether a run fits the code of now; the database is only read."""

    async def job(front: Front) -> int:
        return await front.look(Line("check", (run,)))

    return opened(asked, job, whole=True, readonly=True)


def inspect(asked: Asked, name: str, words: Sequence[str]) -> int:
    """``audit``: a command that only says something, on a database that is only read."""
    line = shell_line(name, words)

    async def job(front: Front) -> int:
        return await front.look(line)

    return opened(asked, job, checked=False, readonly=True)


def line_mode(asked: Asked) -> int:
    """``--line``: a prompt instead of a screen."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--line needs a terminal", hint="Without one: kaizen-tui --script FILE")
    from workbench.script.line import prompt  # noqa: PLC0415 - prompt-toolkit, only here

    async def job(front: Front) -> int:
        return await prompt(front)

    return opened(asked, job)


def opened(
    asked: Asked,
    job: Callable[[Front], Awaitable[int]],
    *,
    shows_lines: bool = True,
    checked: bool = True,
    whole: bool = False,
    readonly: bool = False,
) -> int:
    """Do a job on an open workbench.

    Args:
        asked: what the command line said.
        job: gives the exit code.
        shows_lines: whether what a line says is wanted before the result.
        checked: refuse a folder that is not trusted.
        whole: say all there is to say of a run that does not fit.
        readonly: open the database to look at it only.
    """
    folder = asked.workspace
    if checked:
        config = asked.settings(folder)
    else:
        config = load(asked.config, flags=asked.flags, workspace=folder)
    streams = Streams(asked.form, asked.out, asked.err, shows_lines=shows_lines)

    async def main(signals: Signals, *, readonly: bool = readonly) -> int:
        streams.when_lost = lambda: signals.take(SIGPIPE)
        async with Workbench.open(workspace=folder, config=config, readonly=readonly) as bench:
            try:
                return await job(Front(bench, streams, signals, _keyboard(asked)))
            finally:
                signals.closing()

    try:
        return _looped(main, streams.notice)
    except Diverged as error:
        streams.failed(error, diverged_lines(error, whole=whole))
        return exit_code_of(error)
    except StoreError as error:
        if checked or not (isinstance(error, StoreNewer) or error.data.get("can_be_read")):
            raise
        asked.err.write(plain(f"{error.message}: it is only looked at") + "\n")
        return _looped(partial(main, readonly=True), streams.notice)


def _looped(main: Callable[[Signals], Awaitable[int]], notice: Callable[[str], None]) -> int:
    """Run a front on a loop of its own, signals heeded all the while; the exit code."""
    signals = Signals(notice)

    async def heeding() -> int:
        with signals:
            return await main(signals)

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(heeding())
    except asyncio.CancelledError:
        if not signals.caught:
            raise
        return 128 + signals.caught
    finally:
        end(loop)


def _keyboard(asked: Asked) -> Any:
    """Whoever can be asked: the person at the terminal, or nobody."""
    if not asked.confirm:
        return None
    if not (sys.stdin.isatty() and asked.err.isatty()):
        raise UsageError("--confirm needs a terminal to ask at")
    from workbench.script.line import ask_person  # noqa: PLC0415 - prompt-toolkit, only here

    return ask_person


def shell_line(name: str, words: Sequence[str]) -> Line:
    """A line of words that a shell has split already: ``key=value`` pairs are read as in a line."""
    found: list[str] = []
    named: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.replace(".", "_").replace("-", "_").isidentifier():
            named[key] = _json(value)
        else:
            found.append(word)
    return Line(name, tuple(found), named)


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (json.JSONDecodeError, RecursionError):
        return value


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES} bytes, too large for a script")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text") from error
