"""Answer what waits when there is no screen: from the keyboard, or by the headless rules.

Headless, a permission nobody gave is denied, and the agent hears it. Anything else that only a
person can say (a question, a doubt, a plan) suspends its run, which can be resumed where somebody
is; which of them it was decides the exit code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from workbench.bench import Workbench
from workbench.errors import Denied, InDoubt, InputError, LimitReached, TooLate, UnknownName
from workbench.journal.events import Event
from workbench.permission.egress import is_free_egress
from workbench.permission.policy import remedy
from workbench.run.waiting import Answer, Waiting
from workbench.run.world import Live

Ask: TypeAlias = Callable[[Waiting], Awaitable[Answer | None]]
"""Puts a question to a person; None when the person gave no answer."""


class LeftAlone(Exception):
    """The person did not answer but wants the program to stop: what waits is withdrawn by that."""


_NOBODY = "nobody is there to answer; a script would say: approve {tool}"


def _unanswered(waiting: Waiting) -> str:
    """Why nobody's answer is a no, and what a script would have said beforehand."""
    call = waiting.call
    if call is not None and is_free_egress(call.facts):
        return f"{waiting.rule}; {remedy(call)}"
    return _NOBODY.format(tool=waiting.tool)


class Answering:
    """Answers one workbench's inbox, one thing at a time, oldest first."""

    def __init__(
        self,
        bench: Workbench,
        ask: Ask | None = None,
        notice: Callable[[str], None] = print,
        interrupt: Callable[[], None] = lambda: None,
    ) -> None:
        self.exit_code = 0
        """Of the runs suspended because nobody could answer; 0 while there are none."""
        self.questions: dict[str, Waiting] = {}
        """What nobody could answer, by id."""
        self._bench, self._ask, self._notice = bench, ask, notice
        self._interrupt = interrupt
        self._asking: tuple[str, asyncio.Task[Answer | None]] | None = None
        """What is being asked of the person right now."""
        self._ids: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Answering:
        self._unsubscribe = self._bench.subscribe(self._told)
        for waiting in self._bench.waiting:
            self._ids.put_nowait(waiting.id)
        self._task = asyncio.get_running_loop().create_task(self._answer_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unsubscribe()
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])

    def _told(self, event: Event | Live) -> None:
        if not isinstance(event, Live) or event.kind != "waiting":
            return
        if event.data["what"] == "asked":
            self._ids.put_nowait(event.data["id"])
        elif self._asking is not None and self._asking[0] == event.data["id"]:
            # Answered elsewhere, or no longer wanted: the prompt goes away by itself.
            self._asking[1].cancel()

    async def _answer_all(self) -> None:
        while True:
            wanted = await self._ids.get()
            # It may have been answered or withdrawn while another was asked about.
            for waiting in [w for w in self._bench.waiting if w.id == wanted]:
                await self._one(waiting)

    async def _one(self, waiting: Waiting) -> None:
        answer = None
        if self._ask is not None:
            self._asking = waiting.id, asyncio.ensure_future(self._ask(waiting))
            try:
                (ended,) = (await asyncio.wait({self._asking[1]}))[0]
                if ended.cancelled():
                    return
                answer = ended.result()
            except LeftAlone:
                self._interrupt()
                return
            finally:
                self._asking[1].cancel()
                self._asking = None
        if answer is None and waiting.kind == "permission":
            why = _unanswered(waiting) if self._ask is None else "no answer"
            answer = Answer("deny", by="headless", reason=why)
        if answer is None:
            self._suspend(waiting)
            return
        try:
            await self._bench.answer(waiting.id, answer)
            if answer.by == "headless":
                self._notice(f"denied: {waiting.agent} {waiting.text}")
        except InputError as error:
            self._notice(str(error))
            self._ids.put_nowait(waiting.id)
        except (TooLate, UnknownName) as error:
            self._notice(f"{waiting.text}: {error.message}")

    def _suspend(self, waiting: Waiting) -> None:
        codes = {"in_doubt": InDoubt.exit_code, "budget": LimitReached.exit_code}
        self.exit_code = max(self.exit_code, codes.get(waiting.kind, Denied.exit_code))
        # What the run's other paths wait for is withdrawn with it, and has to be known as well.
        for one in self._bench.world.inbox.of(waiting.run_id):
            if one.kind != "permission" and one.id not in self.questions:
                self.questions[one.id] = one
                self._notice(f"nobody is there to answer: {one.text}")
        self._bench.live(waiting.run_id).interrupt("immediate", by="headless", reason=waiting.kind)
