"""The headless fronts: a script, or one command, from open workbench to exit code."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from signal import SIGINT, SIGPIPE
from typing import Any

from workbench.bench import Workbench
from workbench.journal.events import Event
from workbench.run.header import Tally
from workbench.run.waiting import Answer, Waiting
from workbench.run.world import Live
from workbench.script.answering import Answering, Ask
from workbench.script.ended import Ended, RunEnded, from_store
from workbench.script.execute import perform
from workbench.script.language import Line, parse_script
from workbench.script.output import Streams
from workbench.script.run_script import Playing, runs_of
from workbench.script.session import Session, Suspended
from workbench.script.signals import Signals
from workbench.script.watching import watch


@dataclass(slots=True)
class Front:
    """One headless opening of the workbench."""

    bench: Workbench
    streams: Streams
    signals: Signals
    ask: Ask | None = None
    """Puts questions to a person at the keyboard; None answers by the headless rules."""

    async def script(
        self, text: str, name: str, again: str, *, resume: str = "", take_over: bool = False
    ) -> int:
        """Run a script, or go on with its run ``resume``; the exit code.

        Args:
            text: the script.
            name: its file.
            again: the command line that goes on with it, should it be interrupted.
            resume: the run to go on with, or empty.
            take_over: go on with it although a living process drives it.
        """
        playing = Playing(self.bench, parse_script(text, name), name, self.streams)
        playing.session.take_over = take_over
        with self.signals.interrupting(self.bench):
            async with self.attended() as answering:
                with self.streams.progress(playing.length):
                    ended = await playing.play(resume=resume)
        children = [from_store(self.bench.store, one) for one in runs_of(self.bench, ended.run_id)]
        children += [playing.rested] if playing.rested is not None else []
        return self._finish(ended, children or [ended], again, answering)

    async def command(self, line: Line) -> int:
        """Do one command that ends in a run; the exit code."""
        session = Session(self.bench)
        with self.signals.interrupting(self.bench):
            async with self.attended() as answering:
                # How the run ended is in its rows; what did not get as far as a run is raised.
                with suppress(RunEnded, Suspended), self.streams.progress():
                    self.streams.done(line, await perform(session, line))
        ended = session.ended(session.find())
        again = f"kaizen-tui resume {ended.run_id}"
        return self._finish(ended, [ended], again, answering)

    async def look(self, line: Line) -> int:
        """Do one command that only says something; the exit code."""
        self.streams.data(await perform(self.session(), line))
        return 0

    def session(self, *, leaves: bool = True) -> Session:
        """A session that shows followed rows; a signal ends that, and the program if it leaves."""
        streams = self.streams
        return Session(
            self.bench,
            moving=streams.moving,
            fetching=streams.fetching,
            rows=streams.followed,
            heed=partial(self.signals.heeded, leaves=leaves),
            notice=streams.notice,
        )

    async def follow(self, run_id: str) -> int:
        """Show a run that another process drives until it ends or rests; the exit code."""
        session = self.session()
        run_id = session.find(run_id)
        saw_it_all = await watch(session, run_id)
        ended = session.ended(run_id)
        rests = ended.outcome in {"suspended", "running"}
        again = f"kaizen-tui {'resume' if saw_it_all else 'follow'} {run_id}" if rests else ""
        self.streams.result(ended.to_json() | {"resume": again})
        return ended.exit_code if saw_it_all else 128 + self.signals.caught

    def attended(self) -> _Attended:
        """Have rows shown and questions answered while this is entered."""
        return _Attended(self)

    def _finish(
        self,
        ended: Ended,
        runs: list[Ended],
        again: str,
        answering: Answering,
    ) -> int:
        self.signals.closing()
        rests = ended.rests
        told = ended.to_json() | {
            "usage": _total(runs),
            "denied": [one for run in runs for one in run.denied],
            "resume": again if rests else "",
            "questions": [one.to_json() for one in answering.questions.values()] if rests else [],
        }
        if ended.message:
            self.streams.notice(ended.message)
        self.streams.result(told)
        if not rests:
            return 128 + SIGPIPE if self.streams.is_lost else ended.exit_code
        self.streams.notice(f"run {ended.run_id} rests; go on with it: {again}")
        if self.signals.caught:
            return 128 + self.signals.caught
        return answering.exit_code or ended.exit_code


class _Attended:
    """Rows go to the output and questions get answers while this is entered."""

    def __init__(self, front: Front) -> None:
        self._streams = front.streams
        self._bench = front.bench
        self._person = front.ask
        ask = self._asked if front.ask else None
        self._answering = Answering(
            front.bench, ask, front.streams.notice, lambda: front.signals.take(SIGINT)
        )
        self._unsubscribe: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Answering:
        self._bench.watchdog.alarm = self._streams.notice
        for notice in self._bench.notices:
            self._streams.notice(notice)
        if self._person is not None and self._bench.budgets.on_limit == "rest":
            self._bench.budgets.on_limit = "ask"
        self._unsubscribe = self._bench.subscribe(self._told)
        return await self._answering.__aenter__()

    async def __aexit__(self, *raised: object) -> None:
        self._unsubscribe()
        await self._answering.__aexit__(*raised)

    async def _asked(self, waiting: Waiting) -> Answer | None:
        assert self._person is not None
        with self._streams.hidden():
            return await self._person(waiting)

    def _told(self, event: Event | Live) -> None:
        if isinstance(event, Event):
            self._streams.row(event)
        elif event.kind in {"notice", "room"}:
            self._streams.notice(str(event.data["text"]))


def _total(runs: list[Ended]) -> dict[str, Any]:
    """What several runs used together."""
    total = Tally().to_json()
    for run in runs:
        for name, value in run.usage.items():
            if name == "agents":
                _add_agents(total["agents"], value)
            else:
                total[name] += value
    return total


def _add_agents(total: dict[str, dict[str, float]], more: dict[str, dict[str, float]]) -> None:
    for agent, used in more.items():
        own = total.setdefault(agent, {})
        for name, value in used.items():
            own[name] = own.get(name, 0) + value
