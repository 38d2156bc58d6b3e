"""What waits for a person: permissions, questions, doubts and limits, in one inbox.

Every kind of waiting is one `Waiting` value; a front shows it and gives an `Answer`. The first
answer counts. Nothing here decides anything: what an answer means is up to whoever asked.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from workbench.errors import ApprovalStale, TooLate, UnknownName
from workbench.journal.requests import who
from workbench.permission.bound import Bound
from workbench.permission.call import Call
from workbench.permission.danger import Danger, Facts
from workbench.permission.doubting import UNSAID
from workbench.plain import one_line
from workbench.run.evidence import Evidence

_REMEMBERED = 256
_MOST_TEXT, _LONG = 200, 60
_LATE_S = 2.0
"""Nobody could have answered a question whose time ended so long ago without being noticed."""

WaitingKind: TypeAlias = Literal[
    "permission", "question", "in_doubt", "budget", "plan", "interrupt"
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that a person is asked."""

    id: str
    """``RUN:KEY/approval#N``: the same again when the run is resumed."""
    kind: WaitingKind
    run_id: str
    key: str
    agent: str
    text: str
    """One line: what is asked."""
    asked_at: float
    tool: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    danger: Danger | None = None
    facts: Facts | None = None
    why: str = ""
    """Why the agent wants it, in its own words."""
    rule: str = ""
    """The rule or mode that caused the question."""
    preview: str = ""
    """A diff of what would be written."""
    expires_at: float | None = None
    """When it will be denied by itself; only permissions have this."""
    choices: tuple[str, ...] = ()
    selected: str = ""
    """The choice a script's rule would make; a person still answers."""
    digest: str = ""
    """Of the exact action; an approval is good for this and nothing else."""
    bound: Bound | None = field(default=None, repr=False)
    """Of a permission asked here: all that an approval of it is bound to."""
    check: Callable[[Any], object] | None = field(default=None, repr=False)
    """Refuses an answer that is none, by raising; without it an answer is one of the choices."""
    check_edit: Callable[[Mapping[str, Any]], object] | None = field(default=None, repr=False)
    """Of a plan: refuses an edited one that is none, by raising."""
    call: Call | None = field(default=None, repr=False)
    """What the policy decides on, to decide it again when mode or rules change."""
    evidence: Evidence | None = None
    """Of a doubt: what is known about the attempt."""
    presumed: Any = None
    """Of a doubt: what "done" comes back with when nobody says another result."""

    def asked_data(self) -> dict[str, Any]:
        """The data of the row that says it is asked; permissions have their own."""
        data: dict[str, Any] = {"id": self.id, "text": self.text, "choices": list(self.choices)}
        data["asked_as"] = self.kind
        if self.kind == "plan":
            data |= {"arguments": dict(self.arguments), "agent": self.agent}
            data |= {"selected": self.selected} if self.selected else {}
        if self.evidence is not None:
            data |= {"tool": self.tool, "arguments": dict(self.arguments), "agent": self.agent}
            data |= {"rule": self.rule, "selected": self.selected}
            data["evidence"] = self.evidence.to_json()
        return data

    def to_json(self) -> dict[str, Any]:
        """As a headless result says it of what nobody answered."""
        return {"run_id": self.run_id, "key": self.key, "agent": self.agent, **self.asked_data()}


Scope: TypeAlias = Literal["call", "agent", "run", "session", "workspace"]
SCOPES: tuple[Scope, ...] = ("call", "agent", "run", "session", "workspace")
"""How far an answer reaches."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person, or a rule a person wrote, said."""

    verdict: Literal["allow", "deny"] = "allow"
    by: str = "user"
    reason: str = ""
    scope: Scope = "call"
    arguments: Mapping[str, Any] | None = None
    """Edited arguments: they are validated and decided again."""
    answer: Any = None
    """For questions and doubts: the choice, or the text."""
    result: Any = UNSAID
    """For a doubt that is answered with done: what the call came back with."""


def typed_result(text: str) -> Any:
    """What a person typed as a result: JSON if it is, else text; `UNSAID` when it is nothing."""
    if not text.strip():
        return UNSAID
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text


def said_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """A call on one line, at most 200 characters: what is long comes last, or hides the rest."""
    words = [one_line(str(value)) for value in arguments.values()]
    return " ".join([tool, *sorted(words, key=lambda word: len(word) > _LONG)])[:_MOST_TEXT]


class Inbox:
    """Everything that waits in one workbench. Lives on the core's loop."""

    def __init__(self, changed: Callable[[Waiting, str], None]) -> None:
        self.waiting: dict[str, Waiting] = {}
        self._futures: dict[str, asyncio.Future[Answer]] = {}
        self._answered: dict[str, Answer] = {}
        """The newest answers, for who comes too late."""
        self._renewed: dict[str, ApprovalStale] = {}
        """What was asked anew under another id, and why."""
        self._counts: dict[str, tuple[float, asyncio.TimerHandle]] = {}
        """The seconds that each has, and what ends them."""
        self._changed = changed

    async def ask(self, waiting: Waiting, limit_s: float | None = None) -> Answer:
        """Wait for an answer; cancelling the wait withdraws the question.

        Raises:
            TimeoutError: nobody answered in the time that there was.
            ApprovalStale: it is not the question any more that was asked.
        """
        future = asyncio.get_running_loop().create_future()
        self.waiting[waiting.id] = waiting
        self._futures[waiting.id] = future
        if limit_s is not None:
            self._count(waiting.id, limit_s)
        self._changed(waiting, "asked")
        try:
            return await future
        finally:
            del self.waiting[waiting.id], self._futures[waiting.id]
            if waiting.id in self._counts:
                self._counts.pop(waiting.id)[1].cancel()
            gone = future.cancelled() or waiting.id in self._renewed
            self._changed(waiting, "withdrawn" if gone else "answered")

    def count_afresh(self) -> None:
        """Give everything that counts down its whole time again: nobody was there to answer."""
        for waiting_id, (limit_s, handle) in [*self._counts.items()]:
            handle.cancel()
            self._count(waiting_id, limit_s)
            ends_at = time.time() + limit_s
            self.waiting[waiting_id] = replace(self.waiting[waiting_id], expires_at=ends_at)

    def _count(self, waiting_id: str, limit_s: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + limit_s
        self._counts[waiting_id] = limit_s, loop.call_at(due, self._is_over, waiting_id, due)

    def _is_over(self, waiting_id: str, due: float) -> None:
        if asyncio.get_running_loop().time() > due + _LATE_S:
            self.count_afresh()  # the process was stopped meanwhile
        elif not self._futures[waiting_id].done():
            self._futures[waiting_id].set_exception(TimeoutError())

    @property
    def unanswered(self) -> list[Waiting]:
        """What nobody has answered yet; an answer takes a turn of the loop to be taken up."""
        return [w for w in self.waiting.values() if not self._futures[w.id].done()]

    def answer(self, waiting_id: str, answer: Answer) -> None:
        """Answer.

        Raises:
            TooLate: it was answered already; says by whom.
            ApprovalStale: it was asked anew since, under another id.
            UnknownName: nothing with this id waits, or the answer is no choice.
            WorkbenchError: what the question's own check says; it still waits then.
        """
        future = self._futures.get(waiting_id)
        if future is None or future.done():
            raise self.gone(waiting_id)
        waiting = self.waiting[waiting_id]
        if waiting.check is not None:
            waiting.check(answer.answer)
            chooses = False
        else:
            chooses = waiting.kind != "permission" or answer.answer is not None
        if waiting.check_edit is not None and answer.arguments is not None:
            waiting.check_edit(answer.arguments)
        if chooses and waiting.choices and answer.answer not in waiting.choices:
            raise UnknownName("choice", str(answer.answer), waiting.choices)
        future.set_result(answer)
        self._answered[waiting_id] = answer
        if len(self._answered) > _REMEMBERED:
            del self._answered[next(iter(self._answered))]

    def renew(self, waiting_id: str, why: ApprovalStale) -> None:
        """Have what waits asked anew: an answer to this question counts no more."""
        self._futures[waiting_id].set_exception(why)
        self._renewed[waiting_id] = why
        if len(self._renewed) > _REMEMBERED:
            del self._renewed[next(iter(self._renewed))]

    def gone(self, waiting_id: str) -> TooLate | UnknownName | ApprovalStale:
        """Why something does not wait: who has answered it, or that there is no such thing."""
        if waiting_id in self._renewed:
            return ApprovalStale(f"{self._renewed[waiting_id].message}: it is asked anew")
        answer = self._answered.get(waiting_id)
        if answer is None:
            return UnknownName("waiting request", waiting_id, [w.id for w in self.unanswered])
        said = answer.verdict if answer.answer is None else answer.answer
        return TooLate(f"answered already by {who(answer.by)} ({said})")

    def of(self, run_id: str) -> list[Waiting]:
        """What one run waits for, oldest first."""
        return [w for w in self.waiting.values() if w.run_id == run_id]
