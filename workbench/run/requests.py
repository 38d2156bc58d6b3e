"""Requests taken up: what other processes ask of this session's runs, done as a keyboard's are.

A request is carried out by the very functions that a person at this process reaches, with its
signature as ``by``; so it leaves the usual row. It is settled after that row, in the order of
commits, and one whose signature stands in the log already was carried out by an owner who died
before he could say so. Nobody looks round: a bell wakes this process, and a beat every
`BEAT_S` finds what a requester who died could not ring for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from typing import TYPE_CHECKING

from workbench.errors import Fenced, TooLate, WorkbenchError
from workbench.journal.events import OUTCOMES, Event
from workbench.journal.requests import BEAT_S, ENDS, PATIENT, Outcome, Request, signed
from workbench.run.carry_out import answered_by, carry_out
from workbench.run.ports import Shared
from workbench.run.world import Live

if TYPE_CHECKING:
    from workbench.run.run import Run
    from workbench.run.session import Session

_LATER: frozenset[str] = frozenset({"answer", "cancel"})
"""Kinds whose row is written a moment after they were carried out."""


class Requests:
    """The requests to the runs of one session. Lives on the core's loop."""

    def __init__(self, session: Session, shared: Shared) -> None:
        self._session, self._shared = session, shared
        self._known: dict[str, Request] = {}
        """Taken up and not settled."""
        self._due: dict[str, Request] = {}
        """Carried out, and their row is still to come; a part of the known."""
        self._held: dict[str, Request] = {}
        """Answers to what was asked before the run was taken up and is to be asked again."""
        self._settled: list[tuple[str, Outcome, str]] = []
        self._beating: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._stale: set[str] = set()
        """Requests that were made while their run rested."""
        self._is_deaf = False
        """The requests could not be looked at the last time."""
        self._heard = -1
        """The bell that the loop listens to."""
        session.subscribe(self.told)
        session.world.assured = self.assured

    def attend(self, waited: Collection[str] = ()) -> None:
        """Listen, now that a run is driven here.

        Args:
            waited: the requests that were open before this process took the run up.
        """
        self._stale.update(waited)
        loop = asyncio.get_running_loop()
        if self._beating is None:
            self._beating = loop.create_task(self._beat())
            self._beating.add_done_callback(self._rest)
        bell = self._shared.bell
        if bell is not None and self._heard < 0:
            self._heard = bell.descriptor
            loop.add_reader(bell.descriptor, self._rung)
        self.look_soon()

    async def close(self) -> None:
        """Listen no longer; what was carried out is settled first."""
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
        if self._looking is not None:
            await asyncio.wait([self._looking])
        if self._session.world.room.full is None:
            await self._settle()

    async def _beat(self) -> None:
        while any(run.status in {"running", "paused"} for run in self._session.runs.values()):
            await asyncio.sleep(BEAT_S)
            self.look_soon()

    def _rest(self, _beating: object) -> None:
        self._beating = None
        if self._heard >= 0:
            asyncio.get_running_loop().remove_reader(self._heard)
            self._heard = -1

    def _rung(self) -> None:
        bell = self._shared.bell
        if bell is not None:
            bell.hush()
            self.look_soon()

    def look_soon(self) -> None:
        """Have the requests looked at, once more if that is going on."""
        self._again = True
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        try:
            while self._again:
                self._again = False
                lost = await asyncio.to_thread(self._shared.beat)
                for fenced in lost:
                    self._lose(fenced)
                for request in await asyncio.to_thread(self._shared.open_requests):
                    if request.id not in self._known:
                        self._consider(request)
                await self._settle()
            self._is_deaf = False
        except WorkbenchError as error:
            # The next beat looks again; to be told once is enough.
            if not self._is_deaf:
                told = {"text": f"what other processes ask cannot be looked at: {error}"}
                self._session.world.publish(Live("notice", "", "", told))
            self._is_deaf = True
        finally:
            self._looking = None

    def _lose(self, fenced: Fenced) -> None:
        run = self._session.runs.get(fenced.data["run_id"])
        if run is not None:
            run.cannot_record(fenced)

    def _consider(self, request: Request) -> None:
        run = self._session.runs.get(request.run_id)
        if run is None:
            return
        if request.id in run.heard.signatures:
            self._say(request, "taken")
        elif request.id in self._stale and request.kind not in PATIENT:
            self._say(request, "refused", f"run {run.run_id} rested when it was asked")
        elif run.status in {"running", "paused"}:
            self._take(run, request)
        elif run.status != "suspended" or request.kind not in PATIENT:
            self._say(request, "refused", f"run {run.run_id} is {run.status}")

    def _take(self, run: Run, request: Request) -> None:
        """Carry a request out, or say why not."""
        self._known[request.id] = request
        if request.kind == "answer" and request.data.get("waiting") in run.heard.unanswered:
            self._held[str(request.data["waiting"])] = request
            return
        if request.kind in _LATER:
            self._due[request.id] = request
        try:
            carry_out(self._session, run, request, request.signature)
        except TooLate as error:
            self._say(request, "late", str(error))
        except WorkbenchError as error:
            self._say(request, "refused", str(error))
        else:
            if request.kind not in _LATER:
                self._say(request, "taken")

    def _say(self, request: Request, outcome: Outcome, told: str = "") -> None:
        self._known[request.id] = request
        self._due.pop(request.id, None)
        self._settled.append((request.id, outcome, told))

    async def _settle(self) -> None:
        settled, self._settled = self._settled, []
        if not settled:
            return
        try:
            await asyncio.to_thread(self._shared.settle, settled)
        except WorkbenchError:
            self._settled = settled + self._settled  # with the next beat
            raise
        for name, _, _ in settled:
            self._known.pop(name, None)
            self._stale.discard(name)

    # -- whose a run is --------------------------------------------------------------------------

    def assured(self, run_id: str) -> Awaitable[None] | None:
        """None while a run was found to be ours within `LEASE_S`, else what finds it out.

        Nobody takes over by himself before twice that, so what was begun on the strength of it
        was begun by the only owner; after a take-over on order it may be up to `LEASE_S` late.
        """
        return None if self._shared.is_surely_ours(run_id) else self._confirmed(run_id)

    async def _confirmed(self, run_id: str) -> None:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[BaseException | None] = loop.create_future()

        def done(error: BaseException | None) -> None:
            loop.call_soon_threadsafe(lambda: found.done() or found.set_result(error))

        self._shared.confirm(run_id, done)
        error = await found
        if error is not None:
            raise error

    # -- what the runs say -----------------------------------------------------------------------

    def told(self, event: Event | Live) -> None:
        """Something happened in a run of this session."""
        if isinstance(event, Live):
            if event.kind == "waiting" and event.data["what"] == "asked":
                self._asked(event)
        elif self._due or self._held:
            self._row(event)

    def _asked(self, event: Live) -> None:
        run = self._session.runs.get(event.run_id)
        if run is None:
            return
        run.heard.unanswered.discard(event.data["id"])
        held = self._held.pop(event.data["id"], None)
        if held is not None:
            # Once whoever asks has begun to wait.
            asyncio.get_running_loop().call_soon(self._take_held, run, held)

    def _take_held(self, run: Run, held: Request) -> None:
        self._take(run, held)
        self.look_soon()

    def _row(self, row: Event) -> None:
        request = self._due.get(signed(row.data.get("by")))
        if request is not None:
            self._say(request, "taken")
        elif row.kind in ENDS:
            self._answered(row)
        elif row.kind in OUTCOMES:
            self._call_ended(row)
        elif row.kind in {"run.finished", "run.suspended"}:
            self._ended(row)
        if self._settled:
            self.look_soon()

    def _answered(self, row: Event) -> None:
        """What a request was to answer has been answered otherwise."""
        for request in [r for r in self._due.values() if r.data.get("waiting") == row.data["id"]]:
            self._say(request, "late", answered_by(row))

    def _call_ended(self, row: Event) -> None:
        """A call that a request was to cancel has an outcome."""
        for request in [r for r in self._due.values() if r.data.get("key") == row.key]:
            if row.kind == "step.cancelled":
                self._say(request, "taken")
            else:
                self._say(request, "late", f"it had ended already ({row.kind[5:]})")

    def _ended(self, row: Event) -> None:
        of_it = [r for r in [*self._due.values(), *self._held.values()] if r.run_id == row.run_id]
        for request in of_it:
            self._due.pop(request.id, None)
            self._held.pop(str(request.data.get("waiting")), None)
            if row.kind == "run.suspended" and request.kind in PATIENT:
                self._known.pop(request.id, None)  # it waits for whoever resumes the run
            else:
                self._say(request, "refused", f"run {row.run_id} has ended")
