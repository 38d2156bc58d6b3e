"""One call of a client: a run that it waits for, from the beginning to the answer.

The client hears how far the run is, its person is asked what only a person can say, and a request
that is cancelled interrupts its run and waits until that rests. On protocols without a way back to
the client the answer is "I need an answer first": the run waits on, and the client comes again
with the handle that it was given.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from workbench.bench import Workbench
from workbench.errors import InDoubt, LimitReached, TooLate, UnknownName, UsageError, WorkbenchError
from workbench.journal.events import Event
from workbench.mcp_server.questions import is_too_long, question_text, read_answer
from workbench.permission.policy import remedy
from workbench.permission.roles import Caller
from workbench.plain import one_line
from workbench.run.header import RunOutcome
from workbench.run.interrupt import Order
from workbench.run.run import Run
from workbench.run.waiting import Answer, Waiting
from workbench.run.world import Live
from workbench.script.rows import line_of

MOST_CALLS: Final = 64
"""Runs that are waited for at a time."""
HELD_S: Final = 600.0
"""How long a run waits for a client that was told to come again."""
JOIN_S: Final = 20.0
"""The longest it is waited until an interrupted run rests; the core bounds itself to less."""

_CODES: Final[Mapping[str, str]] = {"in_doubt": InDoubt.code, "budget": LimitReached.code}

Ask = Callable[[Waiting, str], Awaitable[tuple[str, Mapping[str, Any] | None]]]
"""Puts a question to the client's person: what they did (accept, decline, cancel) and said."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who waits for a call, and how they can be reached meanwhile."""

    caller: Caller
    tell: Callable[[int, str], Awaitable[None]]
    """Says how far it is: a number that grows, and words."""
    ask: Ask | None = None
    """None when there is no way back to the client before the answer."""
    can_be_asked: bool = False
    """Whether its person may be asked at all, now or by coming again."""


@dataclass(slots=True)
class Call:
    """A run that is waited for."""

    run: Run
    caller: Caller
    purpose: Any
    """What it was called for: only the same call may come again for it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    words: str = ""
    """The newest that is to be told."""
    told: int = 0
    """How often it was told anything."""
    asking: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, "asyncio.Task[None]"])
    """Questions that are with the client's person now, by id."""
    why: str = ""
    """Why the run was made to rest, when it was."""
    code: str = ""
    """What it lacks then, by the code of the error."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The run has ended, or rests."""

    outcome: RunOutcome
    why: str
    """Why it was made to rest here, or empty."""
    code: str
    """What of a person's it lacks: ``in_doubt``, ``limit``, or empty."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The call goes on when the client has come again with answers."""

    handle: str
    questions: Mapping[str, Waiting]


class Calls:
    """The calls of one server. Lives on the core's loop."""

    def __init__(self, bench: Workbench, *, waits: bool) -> None:
        """Begin with none.

        Args:
            bench: where runs are.
            waits: whether a permission that no client can be asked for waits for somebody in
                another process, instead of being denied at once.
        """
        self._bench, self._waits = bench, waits
        self._open: dict[str, Call] = {}
        """By run."""
        self._held: dict[str, tuple[Call, asyncio.TimerHandle]] = {}
        """Calls whose client was told to come again, by handle."""
        bench.subscribe(self._told)

    async def attend(self, run: Run, client: Client, purpose: Any) -> Ended | Needed:
        """Wait for a run on behalf of a client."""
        return await self._attend(Call(run, client.caller, purpose), client)

    def check_room(self) -> None:
        """Refuse a call when there are too many. Raises WorkbenchError."""
        if len(self._open) + len(self._held) >= MOST_CALLS:
            raise WorkbenchError(
                f"{MOST_CALLS} calls are under way, and there are no more at a time",
                hint="Try again when some have ended",
            )

    async def come_again(
        self,
        handle: str,
        answers: Mapping[str, tuple[str, Mapping[str, Any] | None]],
        client: Client,
        purpose: Any,
    ) -> Ended | Needed:
        """Go on with a call whose client has answers now. Raises UsageError."""
        held = self._held.get(handle)
        if held is None or held[0].caller != client.caller or held[0].purpose != purpose:
            raise UsageError(
                "this is no answer to a question that is open",
                hint="If its run rests, resume it: the tool resume_run",
            )
        call, timer = self._held.pop(handle)
        timer.cancel()
        for waiting in self._bench.world.inbox.of(call.run.run_id):
            if waiting.id in answers:
                self._answer(call, waiting, *answers[waiting.id])
        return await self._attend(call, client)

    # -- waiting ---------------------------------------------------------------------------------

    async def _attend(self, call: Call, client: Client) -> Ended | Needed:
        if call.run.run_id in self._open:
            raise UsageError(f"another call waits for run {call.run.run_id} already")
        self._open[call.run.run_id] = call
        is_attended = False
        try:
            came = await self._watch(call, client)
            is_attended = True
        finally:
            for task in call.asking.values():
                task.cancel()
            del self._open[call.run.run_id]
            if not is_attended:
                with anyio.CancelScope(shield=True):
                    await self._stop(call, "the client cancelled its request, or has gone")
        return came

    async def _watch(self, call: Call, client: Client) -> Ended | Needed:
        ended = asyncio.ensure_future(call.run.finished())
        try:
            while not ended.done():
                call.news.clear()
                needed = self._see_to_questions(call, client)
                if needed is not None:
                    return needed
                if call.words:
                    words, call.words = call.words, ""
                    call.told += 1
                    await client.tell(call.told, words)
                    continue
                news = asyncio.ensure_future(call.news.wait())
                try:
                    await asyncio.wait({ended, news}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    news.cancel()
            return Ended(ended.result(), call.why, call.code)
        finally:
            ended.cancel()

    def _told(self, event: Event | Live) -> None:
        call = self._open.get(event.run_id)
        if call is None:
            return
        if isinstance(event, Event):
            call.words = line_of(event)
        elif event.kind == "waiting" and event.data["what"] != "asked":
            task = call.asking.get(event.data["id"])
            if task is not None:
                task.cancel()  # answered elsewhere, or not wanted any more
        elif event.kind in {"notice", "progress"}:
            call.words = one_line(str(event.data.get("text", "")))[-160:]
        call.news.set()

    # -- questions -------------------------------------------------------------------------------

    def _see_to_questions(self, call: Call, client: Client) -> Needed | None:
        """Answer, ask, or leave what waits; what the client has to come again for."""
        again: dict[str, Waiting] = {}
        for waiting in self._bench.world.inbox.unanswered:
            if waiting.run_id != call.run.run_id or waiting.id in call.asking:
                continue
            text = question_text(waiting)
            if not client.can_be_asked or is_too_long(text):
                self._nobody(call, waiting, is_long=client.can_be_asked)
            elif client.ask is None:
                again[waiting.id] = waiting
            else:
                task = asyncio.ensure_future(self._ask(call, waiting, text, client.ask))
                call.asking[waiting.id] = task
        return self._hold(call, again) if again else None

    async def _ask(self, call: Call, waiting: Waiting, text: str, ask: Ask) -> None:
        try:
            action, content = await ask(waiting, text)
        except WorkbenchError:
            action, content = "cancel", None  # it cannot be asked after all
        finally:
            call.asking.pop(waiting.id, None)
        self._answer(call, waiting, action, content)

    def _answer(
        self, call: Call, waiting: Waiting, action: str, content: Mapping[str, Any] | None
    ) -> None:
        answer = read_answer(waiting, action, content, call.caller.by)
        try:
            if answer is None:
                raise UsageError("nobody answered")
            self._bench.world.inbox.answer(waiting.id, answer)
        except TooLate:
            pass  # somebody else was quicker, and theirs counts
        except WorkbenchError as error:
            if waiting.id in self._bench.world.inbox.waiting:
                self._rest(call, f"{waiting.text}: {error.message}", waiting)
        call.news.set()

    def _nobody(self, call: Call, waiting: Waiting, *, is_long: bool) -> None:
        """No client can be asked this: it waits for others, is denied, or the run rests."""
        if self._waits:
            return
        if waiting.kind != "permission":
            self._rest(call, f"only a person can say: {one_line(waiting.text)}", waiting)
            return
        how = "start the server with --wait and answer it in another kaizen-tui"
        rule = remedy(waiting.call) if waiting.call is not None else "nobody is there to ask"
        told = "it is too long to be shown to the client's person" if is_long else rule
        with suppress(TooLate, UnknownName):
            answer = Answer("deny", by=call.caller.by, reason=f"{told}; or {how}")
            self._bench.world.inbox.answer(waiting.id, answer)

    def _hold(self, call: Call, questions: Mapping[str, Waiting]) -> Needed:
        handle = secrets.token_urlsafe(24)
        loop = asyncio.get_running_loop()
        self._held[handle] = call, loop.call_later(HELD_S, self._forget, handle)
        return Needed(handle, questions)

    def _forget(self, handle: str) -> None:
        call = self._held.pop(handle)[0]
        self._rest(call, "the client did not come again with an answer")

    # -- stopping --------------------------------------------------------------------------------

    def _rest(self, call: Call, why: str, lacks: Waiting | None = None) -> None:
        call.why = why
        call.code = _CODES.get(lacks.kind, "") if lacks is not None else ""
        call.run.interrupt("immediate", by=call.caller.by, reason=why)

    async def _stop(self, call: Call, why: str) -> None:
        self._rest(call, why)
        with suppress(TimeoutError):
            await asyncio.wait_for(call.run.finished(), JOIN_S)

    async def stop_all(self, order: Order) -> None:
        """End every run, those included that a client would come again for."""
        for _, timer in self._held.values():
            timer.cancel()
        self._held.clear()
        self._bench.stop(order)
        await self._bench.rested()
