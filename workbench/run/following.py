"""Following: the runs of other processes, shown live here, and what is asked of their owners.

A follower reads the same log: when somebody has committed, the new rows of what is followed are
told like those of an own run. What is no row (streamed text, progress, a pure call beginning) is
not there for it. While nothing is followed, nothing is looked at.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from workbench.agent.tool import Tool
from workbench.errors import TooLate, UsageError
from workbench.foreign import Raised, attempt
from workbench.journal.events import Event, agents_of
from workbench.journal.requests import ASKS, ENDS, PATIENT, Owner, Request, RequestKind
from workbench.permission.call import Call
from workbench.permission.danger import Danger, grade
from workbench.run.permit import action_digest
from workbench.run.ports import Keeper, News, Shared
from workbench.run.waiting import Waiting, said_of
from workbench.run.world import Live, World

TICK_S = 0.08
"""How often it is looked whether anybody has committed, while something is driven elsewhere."""
REST_S = 1.0
"""The same while everything that is followed rests."""
PATIENCE_S = 3.0
"""How long to wait until an owner has taken a request up before that is said."""
_PAGE = 1000
_END = 2**62
_MOST_RUNS = 200
"""The newest so many are looked through for what waits."""


@dataclass(slots=True)
class Followed:
    """One run of another process."""

    run_id: str
    seq: int
    """Its newest row that was told."""
    driver: Owner | None = None
    is_driver_known: bool = False
    is_behind: bool = True
    """Whether there may be rows that nobody has committed since the last look."""
    pending: dict[str, Event] = field(default_factory=dict[str, Event])
    """What waits for a person: the rows that ask, by their id."""

    def take(self, row: Event) -> None:
        """Note what a row changes."""
        self.seq = row.seq
        if row.kind in ASKS:
            self.pending[row.data["id"]] = row
        elif row.kind in ENDS:
            self.pending.pop(row.data["id"], None)
        elif row.kind in {"run.finished", "run.suspended"}:
            self.pending.clear()


@dataclass(frozen=True, slots=True)
class Before:
    """Who drove a run before this process took it up."""

    driver: Owner | None = None
    """Who held it at that moment."""
    left_by: str = ""
    """Who was given it last."""
    requests: tuple[str, ...] = ()
    """What it was asked for and has not taken up."""
    ordered: bool = False

    @staticmethod
    def of(shared: Shared, run_id: str, *, ordered: bool) -> Before:
        """Look, before claiming the run."""
        waiting = [one.id for one in shared.open_requests() if one.run_id == run_id]
        return Before(shared.driver(run_id), shared.left_by(run_id), tuple(waiting), ordered)

    def left(self, rows: Sequence[Event]) -> str:
        """How it came to be free, in a sentence; empty when its driver had let it go."""
        if self.driver is not None:
            silent = "" if self.ordered else f", silent for {self.driver.silent_s:.0f} s,"
            return f"taken over from {self.driver.name}{silent} by this process"
        if not self.left_by or rows[-1].kind in {"run.suspended", "run.finished"}:
            return ""
        return f"its driver, {self.left_by}, is gone; this process drives it now"


NOBODY = Before()
"""Of a run that is new."""


@dataclass(frozen=True, slots=True)
class _News:
    run: Followed
    rows: list[Event]
    driver: Owner | None


class Following:
    """What one session follows. Lives on the core's loop."""

    def __init__(self, keeper: Keeper, publish: Callable[[Event | Live], None]) -> None:
        self.runs: dict[str, Followed] = {}
        self._keeper, self._publish = keeper, publish
        self._task: asyncio.Task[None] | None = None

    async def follow(self, run_id: str, *, after: int = 0) -> Followed:
        """Tell a run's own rows after one of them, then each as it is committed.

        Args:
            run_id: the whole id.
            after: the newest row that is known already.
        """
        if run_id not in self.runs:
            followed = Followed(run_id, after)
            if self._keeper.last_seq(run_id) == after and is_over(self._keeper.run(run_id).status):
                return followed
            followed.pending = await asyncio.to_thread(self._pending, run_id, after)
            self.runs[run_id] = followed
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())
            self._task.add_done_callback(self._ended)
        return self.runs[run_id]

    def waiting(self, run_id: str = "") -> list[Waiting]:
        """What waits for a person in one run, or in all that other processes drive.

        Reads the log; for the runs that are followed it is known.
        """
        shared, keeper = self._keeper.shared, self._keeper
        names = [run_id] if run_id else [row.run_id for row in keeper.runs(limit=_MOST_RUNS)]
        found: list[Waiting] = []
        for name in names:
            driver = shared.driver(name)
            if not run_id and (driver is None or driver.pid == os.getpid()):
                continue
            followed = self.runs.get(name)
            rows = followed.pending if followed else self._pending(name, _END)
            found += [waiting_in(row) for row in rows.values()]
        return found

    async def follow_instead(self, run_id: str) -> None:
        """Follow a run that was taken over: from its start, whatever was shown of it since."""
        self._publish(Live("fenced", run_id, "", {}))
        await self.follow(run_id, after=self._keeper.last_seq(run_id))

    def rows(self, run_id: str, kinds: Collection[str]) -> list[Event]:
        """The committed rows of some kinds of a run."""
        return list(self._keeper.rows(run_id, kinds=kinds))

    def leave(self, run_id: str) -> None:
        """Follow a run no longer."""
        self.runs.pop(run_id, None)

    @property
    def is_looking(self) -> bool:
        """Whether it is looked round at all."""
        return self._task is not None

    async def close(self) -> None:
        """Follow nothing any more."""
        self.runs.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _ended(self, _task: object) -> None:
        self._task = None

    def _pending(self, run_id: str, upto: int) -> dict[str, Event]:
        found = Followed(run_id, 0)
        kinds = {*ASKS, *ENDS, "run.finished", "run.suspended", "run.resumed"}
        for row in self._keeper.rows(run_id, upto=upto, kinds=kinds):
            if row.kind == "run.resumed":
                found.pending.clear()  # whatever still waits is asked again
            elif row.run_id == run_id:
                found.take(row)
        return found.pending

    # -- looking ---------------------------------------------------------------------------------

    async def _watch(self) -> None:
        watch = await asyncio.to_thread(self._keeper.shared.watch)
        try:
            while self.runs:
                found = await asyncio.to_thread(self._look, watch, list(self.runs.values()))
                for news in found:
                    self._tell(news)
                is_driven = any(run.driver is not None for run in self.runs.values())
                if not any(run.is_behind for run in self.runs.values()):
                    await asyncio.sleep(TICK_S if is_driven else REST_S)
        finally:
            await asyncio.to_thread(watch.close)

    def _look(self, watch: News, runs: list[Followed]) -> list[_News]:
        """What is new of each; in a thread of its own, because a read may wait."""
        keeper = self._keeper
        # Asked before the rows are read: who has let go has written all of his.
        drivers = [keeper.shared.driver(run.run_id) for run in runs]
        committed = watch.has_news()
        news: list[_News] = []
        for run, driver in zip(runs, drivers, strict=True):
            wanted = committed or run.is_behind
            rows = keeper.rows(run.run_id, after=run.seq) if wanted else iter(())
            own = (row for row in rows if row.run_id == run.run_id)
            news.append(_News(run, list(islice(own, _PAGE)), driver))
        return news

    def _tell(self, news: _News) -> None:
        run = news.run
        if self.runs.get(run.run_id) is not run:
            return  # it was left meanwhile
        for row in news.rows:
            run.take(row)
            self._publish(row)
        run.is_behind = len(news.rows) == _PAGE
        if not run.is_behind:
            self._tell_driver(run, news.driver)
        if news.rows and news.rows[-1].kind == "run.finished":
            self.leave(run.run_id)

    def _tell_driver(self, run: Followed, driver: Owner | None) -> None:
        before, known = run.driver, run.is_driver_known
        run.driver, run.is_driver_known = driver, True
        if known and _pid(before) == _pid(driver):
            return
        data: dict[str, Any] = {"driver": driver.name if driver is not None else ""}
        data["before"] = before.name if before is not None else ""
        self._publish(Live("driver", run.run_id, "", data))

    # -- asking ----------------------------------------------------------------------------------

    async def ask(self, run_id: str, kind: RequestKind, data: Mapping[str, Any]) -> Request:
        """Ask a run's owner for something, and wait a little for what becomes of it.

        Returns:
            The request as it stands then: with no outcome while the owner has not taken it up.

        Raises:
            UsageError: nobody drives the run, and this makes no sense for one that rests.
        """
        shared, status = self._keeper.shared, self._keeper.run(run_id).status
        if is_over(status):
            raise UsageError(f"run {run_id} has ended ({status})")
        if await asyncio.to_thread(shared.driver, run_id) is None and kind not in PATIENT:
            raise UsageError(
                f"run {run_id} rests: nobody drives it",
                hint=f"Go on with it: kaizen-tui resume {run_id}",
            )
        name = secrets.token_hex(8)
        request = Request(name, run_id, kind, dict(data), requester(), time.time())
        await asyncio.to_thread(shared.ask, request)
        return await self.outcome(request)

    async def outcome(self, request: Request, patience_s: float = PATIENCE_S) -> Request:
        """What has become of a request, waiting a little for it."""
        shared, loop = self._keeper.shared, asyncio.get_running_loop()
        deadline = loop.time() + patience_s
        while True:
            driver = await asyncio.to_thread(shared.driver, request.run_id)
            found = await asyncio.to_thread(shared.request, request.id) or request
            if found.outcome:
                return found
            rests = driver is None and (request.kind in PATIENT or self._is_over(request.run_id))
            if rests or loop.time() >= deadline:
                return await self._unheard(found, driver)
            await asyncio.sleep(TICK_S / 4)

    def said(self, request: Request) -> str:
        """Nothing for a request that was carried out; a sentence for one that still waits.

        Raises:
            TooLate, UsageError: it was answered before, or refused; in its owner's words.
        """
        match request.outcome:
            case "taken":
                return ""
            case "late":
                raise TooLate(request.told)
            case "refused":
                raise UsageError(request.told)
            case _:
                return self._open_words(request)

    def _open_words(self, request: Request) -> str:
        driver = self._keeper.shared.driver(request.run_id)
        if driver is None:
            return f"nobody drives run {request.run_id}: it waits until somebody resumes it"
        stopped = ", which is stopped," if driver.is_stopped else ""
        return f"{driver.name}{stopped} has not taken it up yet"

    def _is_over(self, run_id: str) -> bool:
        return is_over(self._keeper.run(run_id).status)

    async def _unheard(self, request: Request, driver: Owner | None) -> Request:
        """Take a request back that nobody will take up; the others go on waiting."""
        shared, status = self._keeper.shared, self._keeper.run(request.run_id).status
        if driver is not None or (request.kind in PATIENT and not is_over(status)):
            return request
        why = f"run {request.run_id} is {status}"
        await asyncio.to_thread(shared.settle, [(request.id, "refused", why)])
        return await asyncio.to_thread(shared.request, request.id) or request


def waiting_in(row: Event) -> Waiting:
    """What an ``approval.asked`` or ``question.asked`` row says that waits."""
    data = row.data
    asked = row.kind == "approval.asked"
    tool = str(data.get("tool", ""))
    danger = str(data.get("danger", ""))
    return Waiting(
        id=data["id"],
        kind="permission" if asked else data.get("asked_as", "question"),
        run_id=row.run_id,
        key=row.key,
        agent=str(data.get("agent", "")),
        text=said_of(tool, data.get("arguments") or {}) if asked else str(data.get("text", "")),
        asked_at=row.at,
        tool=tool,
        arguments=data.get("arguments") or {},
        danger=Danger[danger] if danger in Danger.__members__ else None,
        why=str(data.get("why", "")),
        rule=str(data.get("rule", "")),
        expires_at=data.get("expires_at"),
        choices=("allow", "deny") if asked else tuple(data.get("choices") or ()),
        selected=str(data.get("selected", "")),
        digest=str(data.get("digest", "")),
    )


def completed(world: World, waiting: Waiting) -> Waiting:
    """With what is no part of the log and can be found out here: facts, call, the change it makes.

    Nothing is added when this process knows another tool by that name. May take a while.
    """
    tool = world.tools.get(waiting.tool)
    if waiting.kind != "permission" or tool is None:
        return waiting
    if action_digest(tool.digest, dict(waiting.arguments)) != waiting.digest:
        return waiting
    found = attempt(_found_out, world, tool, waiting)
    return waiting if isinstance(found, Raised) else found.value


def _found_out(world: World, tool: Tool, waiting: Waiting) -> Waiting:
    arguments = dict(waiting.arguments)
    facts = world.toolbox.facts(tool, arguments)
    call = Call(
        tool=tool.name,
        agents=tuple(agents_of(waiting.key)),
        arguments=arguments,
        digest=waiting.digest,
        run_id=waiting.run_id,
        facts=facts,
        danger=waiting.danger or grade(facts),
        key=waiting.key,
    )
    preview = world.toolbox.preview(tool, arguments)
    return replace(waiting, facts=facts, call=call, preview=preview)


def is_over(status: str) -> bool:
    """Whether a run of this status has ended for good."""
    return status not in {"running", "suspended"}


def _pid(owner: Owner | None) -> int | None:
    return None if owner is None else owner.pid


def requester() -> str:
    """This user and this process: ``kim@4243``."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return f"{re.sub('[^A-Za-z0-9._-]', '_', name)}@{os.getpid()}"
