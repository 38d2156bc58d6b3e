"""Run a script: a workflow whose effects are its lines.

So a script has a log like any run, and what was done is not done again when it is resumed. Two
things are beside the log and are made anew from it: what lines settled for the session (model,
rules, agents: they are done again) and which runs they started (their ids are in the rows).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any, cast

from workbench.bench import Workbench
from workbench.errors import Diverged, StepFailed, UsageError, WorkbenchError
from workbench.journal.divergence import Asked, Divergence, Recorded
from workbench.journal.events import Event
from workbench.journal.limits import MEASURES
from workbench.run.interrupt import OWNER
from workbench.run.run import Run
from workbench.script.commands import find
from workbench.script.ended import Ended, RunEnded, from_store
from workbench.script.execute import perform
from workbench.script.language import Line, parse_script
from workbench.script.output import Silent, Sink
from workbench.script.session import SCRIPT, Session, Suspended
from workbench.values import Json
from workbench.workflow.effects import Effect, Repeat
from workbench.workflow.pattern import pattern

_NO_LIMITS: dict[str, Any] = dict.fromkeys(MEASURES)
"""A script's lines contain runs, which have limits of their own."""
_STARTING = ("run", "ask", "fork", "resume")


@pattern(name=SCRIPT)
async def play(name: str, lines: list[dict[str, Any]]) -> Any:
    """A script: one line after the other, until one fails.

    Args:
        name: the script's file.
        lines: of each line its ``text`` and its ``number`` in the file.
    """
    del name
    result: Any = None
    for line, after in zip(lines, [*lines[1:], None], strict=True):
        try:
            told = await _effect(line)
        except StepFailed:
            if not _is_claimed_about(line, after):
                raise
            continue
        if _command(line) in _STARTING:
            result = told.get("result")
    if any(str(line["text"]).endswith(" &") for line in lines):
        # What goes on in the background belongs to the script and ends with it.
        await _effect({"text": "wait", "number": 0})
    return result


def _effect(line: dict[str, Any]) -> Effect[Any]:
    return Effect("line", _command(line), line, repeat=Repeat.KEYED)


def _command(line: dict[str, Any]) -> str:
    return str(line["text"]).partition(" ")[0]


def _is_claimed_about(line: dict[str, Any], after: dict[str, Any] | None) -> bool:
    """Whether a line's run may fail, because the next line says how it ends."""
    if after is None or _command(line) not in {*_STARTING, "wait"}:
        return False
    return _command(after) == "expect" and any(
        word.startswith(("outcome", "error")) for word in str(after["text"]).split(" ")
    )


class Playing:
    """One script being run on a workbench."""

    def __init__(self, bench: Workbench, lines: list[Line], name: str, sink: Sink) -> None:
        self.session = Session(bench, rule_scope="script")
        self._bench, self._lines, self._name, self._sink = bench, lines, name, sink
        self._run: Run | None = None
        self.rested: Ended | None = None
        """The run at whose used-up limit the script rests."""

    @property
    def length(self) -> int:
        """The number of its commands."""
        return len(self._lines)

    async def play(self, *, resume: str = "") -> Ended:
        """Run it to its end, or until it is suspended; ``resume`` names a run to go on with."""
        for line in self._lines:
            find(line.name).bind(line)
        # The pattern is ours alone: a list of patterns does not offer it.
        self._bench.perform_with("line", self._perform)
        try:
            self._run = await (self._resumed(resume) if resume else self._started())
            await self._run.finished()
        finally:
            self._take_rules_back()
        self._bench.store.catch_up()
        return from_store(self._bench.store, self._run.run_id)

    async def _started(self) -> Run:
        given: dict[str, Any] = {"name": self._name, "lines": self._texts()}
        return await self._bench.start(play, given, title=f"script {self._name}", limits=_NO_LIMITS)

    def _texts(self) -> list[dict[str, Any]]:
        return [{"text": str(line), "number": line.place.line} for line in self._lines]

    async def _perform(self, effect: Effect[Any], _key: str, idempotency: str) -> Json:
        number, text = effect.arguments["number"], effect.arguments["text"]
        (line,) = parse_script(text, self._name)
        self._sink.begun(line)
        try:
            output = await perform(self.session, line, idempotency)
        except Suspended as rests:
            if (ended := rests.ended) is not None and ended.outcome == "out_of_budget":
                if self._is_claimed_about(number):
                    raise RunEnded(ended) from None
                self.rested = ended
            # The line is not over: the script rests with the run it waits for.
            assert self._run is not None
            if self.rested is not None and self.rested.error is not None:
                self._run.at_limit.recall(self.rested.error)
            self._run.interrupt("graceful", by="script")
            line_step = OWNER.get()
            assert line_step is not None
            line_step.stop("")
            return await asyncio.Future()  # until that has ended this line, which leaves it open
        except WorkbenchError as error:
            error.message = f"{self._name}:{number}: {error.message}" if number else error.message
            raise
        self._sink.done(line, output)
        return None if find(line.name).is_looking else output.data

    def _is_claimed_about(self, number: int) -> bool:
        """Whether the line after this one says how its run ends: then it has ended here."""
        texts = [*self._texts(), None]
        for line, after in pairwise(texts):
            if line is not None and line["number"] == number:
                return _is_claimed_about(line, after)
        return False

    def _take_rules_back(self) -> None:
        for rule in (*self._bench.policy.rules, *self._bench.world.doubts):
            if rule.scope == "script":
                self._bench.remove_rule(rule.id, by="script")

    # -- going on --------------------------------------------------------------------------------

    async def _resumed(self, run_id: str) -> Run:
        # Of a fork too: what its parents' lines settled holds for it as well.
        rows = list(self._bench.store.rows(run_id))
        self._check_unchanged(run_id, rows[0].data["arguments"]["lines"])
        for line, done in _done(rows):
            await self._restore(line, done)
        return await self._bench.resume(run_id, what=play, take_over=self.session.take_over)

    def _check_unchanged(self, run_id: str, recorded: list[dict[str, Any]]) -> None:
        for old, new in zip_longest(recorded, self._texts()):
            if old is None or new is None or old["text"] != new["text"]:
                raise _changed(self._name, run_id, old, new)

    async def _restore(self, line: Line, done: dict[str, Any]) -> None:
        """Have a recorded line its effect on the session, without doing it again."""
        command = find(line.name)
        call = command.bind(line)
        if command.is_setting:
            await command.perform(self.session, call)
            return
        self.session.recall(call, done)
        if line.background:
            run_id = self.session.find()
            if self._bench.store.run(run_id).rests:
                self.session.background[run_id] = await self.session.resume(run_id)


def _changed(
    name: str, run_id: str, old: dict[str, Any] | None, new: dict[str, Any] | None
) -> Diverged:
    """That a script's file is not what its run began with; the run has its own copy of it."""
    number = (new or old or {})["number"]
    if old is None:
        what = f"{name}:{number} is a line that run {run_id} did not begin with"
    else:
        what = f"{name}:{number} was {'changed' if new else 'taken away'} after run {run_id} began"
    then, now = (
        Asked("", "line", "", {"text": one["text"]}, f"{Path(name).name}:{one['number']}")
        if one
        else None
        for one in (old, new)
    )
    recorded = Recorded(1, "run.started", then, is_exact=True) if then else None
    report = Divergence("other", 1, 1, 0, recorded, (now,) if now else ())
    choices = [
        ("resume", "go on with the script as it was", f"kaizen-tui resume {run_id}"),
        ("look", "look at it", f"kaizen-tui show {run_id}"),
        ("drop", "give it up; its rows stay", f"kaizen-tui drop {run_id}"),
    ]
    error = Diverged(
        what,
        report=report.to_json(),
        run_id=run_id,
        choices=[{"choice": one, "does": does, "command": say} for one, does, say in choices],
    )
    error.hint = f"Go on with it as it was: kaizen-tui resume {run_id}"
    return error


def _done(rows: list[Event]) -> Iterator[tuple[Line, dict[str, Any]]]:
    """The lines that have an outcome, each with what it left behind."""
    texts = {
        row.key: str(row.data["arguments"]["text"])
        for row in rows
        if row.kind == "step.started" and row.data.get("effect") == "line"
    }
    for row in rows:
        if row.key not in texts or row.kind not in {"step.finished", "step.failed"}:
            continue
        error = cast("dict[str, Any]", row.data.get("error") or {})
        found: Any = row.data.get("result") or error.get("data")
        (line,) = parse_script(texts[row.key], "")
        yield line, found if isinstance(found, dict) else {}


def resumable(bench: Workbench, name: str) -> str:
    """The newest run of a script. Raises UsageError when there is none, or it has ended."""
    title = f"script {name}"
    bench.store.catch_up()
    for row in bench.store.runs(limit=10_000, search=title):
        if row.pattern != SCRIPT or row.title != title:
            continue
        if not row.rests:
            raise UsageError(
                f"{name} has nothing to resume: run {row.run_id} ended ({row.status})",
                hint="Run it without --resume",
            )
        return row.run_id
    raise UsageError(f"{name} was never run here", hint="Run it without --resume")


def recorded_script(bench: Workbench, run_id: str) -> tuple[str, str]:
    """Name and text of the script that a run is, as it was when it began."""
    first = next(iter(bench.store.rows(run_id, kinds={"run.started"})))
    given = first.data["arguments"]
    return given["name"], "\n".join(line["text"] for line in given["lines"])


def runs_of(bench: Workbench, run_id: str) -> list[str]:
    """The runs that a script's lines started, in order."""
    found: list[str] = []
    rows = [row for row in bench.store.rows(run_id) if row.run_id == run_id]
    for _, done in _done(rows):
        child = done.get("run_id")
        if isinstance(child, str) and child and child not in found:
            found.append(child)
    return found


async def run_script(
    bench: Workbench, text: str, name: str, output: Sink | None = None, *, resume: bool = False
) -> int:
    """Run a script on an open workbench.

    Args:
        bench: where it runs.
        text: the whole script.
        name: its file, for messages and to find its run again.
        output: who is told what the lines say.
        resume: go on with its newest run, which was interrupted or killed.

    Returns:
        The exit code of the headless contract.
    """
    lines = parse_script(text, name)
    going_on = resumable(bench, name) if resume else ""
    ended = await Playing(bench, lines, name, output or Silent()).play(resume=going_on)
    return ended.exit_code
