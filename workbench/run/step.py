"""A step: one effect on its way through the gate, until its one outcome row is written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workbench.errors import ApprovalStale, Denied, describe
from workbench.foreign import Raised
from workbench.journal.events import OUTCOMES, Event, agent_of
from workbench.journal.replay import Tried, Unfinished
from workbench.journal.strands import Outcome, Parked, standing
from workbench.run.binding import Permitted
from workbench.run.budget import Reservation
from workbench.run.reserve import marks, release, settle, start
from workbench.values import digest, dumps, loads

if TYPE_CHECKING:
    from workbench.agent.conversation import Usage
    from workbench.run.run import Run
    from workbench.workflow.effects import Repeat


_DENIALS = frozenset({Denied.code, ApprovalStale.code})


class Step:
    """What is known of one effect while it is being taken through the gate."""

    __slots__ = (
        "action", "arguments", "attempt", "begun", "begun_s", "closed", "extra", "in_doubt",
        "intended", "intent", "is_open", "key", "left", "overdue", "parked", "permitted", "prior",
        "reserved", "run", "stop_reason", "stoppable", "task", "usage",
    )  # fmt: skip

    def __init__(self, run: Run, parked: Parked, left: Unfinished | None = None) -> None:
        self.run, self.parked, self.key = run, parked, parked.key
        self.left = left or Unfinished(run.run_id)
        """What is recorded of it already, after a crash or a hard stop."""
        self.prior = self.left.tried.started if self.left.tried else None
        """The start row of an attempt whose end nobody knows."""
        self.arguments: dict[str, Any] = loads(parked.arguments)
        """As they will be performed: hooks and people may have changed them."""
        self.attempt = self.left.attempts + 1
        self.in_doubt = False
        """Nobody knows of an earlier attempt, and this one, if there is one, repeats it exactly."""
        self.action = ""
        """The digest of exactly what was permitted, once something was."""
        self.permitted = Permitted(self.left.approvals)
        """On what, and what an approval was bound to."""
        self.intended = False
        """The row that says this attempt begins is on its way to the log."""
        self.intent: Event | None = None
        """That row, once it is committed."""
        self.begun = False
        """Performing has started, so stopping it may leave something half done."""
        self.begun_s = 0.0
        self.stoppable = True
        """Whether ending its task really ends what it does; a thread goes on."""
        self.closed = False
        """Nothing more is written of it."""
        self.is_open = False
        """It was ended by a suspension: it has no outcome, and resuming takes it up again."""
        self.stop_reason: str | None = None
        self.task: asyncio.Task[None] | None = None
        self.overdue: asyncio.TimerHandle | None = None
        """Runs out when it does not end although it was stopped."""
        self.usage: Usage | None = None
        self.extra: dict[str, Any] = {}
        """More for the outcome row."""
        self.reserved = Reservation()

    @property
    def agent(self) -> str:
        """The agent this effect belongs to, or empty."""
        return agent_of(self.key)

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt, another in a fork."""
        recorded = self.prior.data.get("idempotency_key") if self.prior is not None else None
        return recorded or digest(f"{self.run.run_id}:{self.key}")

    @property
    def left_open(self) -> Unfinished:
        """What is recorded of it when it was ended by a suspension."""
        attempts = self.attempt if self.intended or self.begun else self.attempt - 1
        tried = self.left.tried
        if self.begun and self.intent is not None:
            tried = Tried(self.intent, before=tried)
        return replace(self.left, tried=tried, attempts=attempts)

    def stop(self, reason: str) -> bool:
        """End it: as a cancellation with a reason, or with none as a suspension; if it goes on.

        A cancellation stands: a suspension that comes while it is carried out does not undo it.
        """
        if self.closed or self.task is None or self.task.done():
            return False
        self.stop_reason = self.stop_reason or reason
        self.task.cancel()
        if self.overdue is None:
            loop = asyncio.get_running_loop()
            self.overdue = loop.call_later(self.run.world.stop_s, self._abandon)
        return True

    def _abandon(self) -> None:
        """Leave behind what does not end: whatever it still does is not recorded any more."""
        if self.task is None or self.task.done():
            return
        limit = self.run.world.stop_s
        self.run.notice(f"{self} did not stop within {limit:g} s; its end is unknown")
        self.stoppable = False
        self.write_stopped()
        self.run.step_ended(self)

    def ended(self) -> None:
        """Its task is over."""
        if self.overdue is not None:
            self.overdue.cancel()
        if self.task is not None and self.task.cancelled():
            self.write_stopped()  # it was ended before its first line

    def __str__(self) -> str:
        return self.parked.words

    async def intend(
        self, repeat: Repeat, check: Callable[[], None] = lambda: None, **more: Any
    ) -> None:
        """Have the intent in the log, then begin: from here on the world may have been touched.

        It waits for room, and again once the intent stands: an outcome has to fit as well.

        Args:
            repeat: the class, as performing it knows it.
            check: raises when it must not be done after all; asked after each long wait.
            more: for its row.
        """
        room = self.run.world.room
        await self.run.hold.passes()
        await room.wait_to_act()
        more = {**self.extra, **more, "repeat": repeat.value}
        more["digest"] = self.action or self.digest_of(self.arguments)
        more["idempotency_key"] = self.idempotency_key

        def made() -> dict[str, Any]:
            check()
            return {**self.start_data(), **more}

        await start(self, made, safe=True)
        await room.wait()
        check()
        self.begin()

    def digest_of(self, arguments: dict[str, Any]) -> str:
        """Names exactly this action, for what has no schema of its own."""
        effect = self.parked.effect
        return digest(dumps([effect.kind, effect.name, arguments]))

    def start_data(self) -> dict[str, Any]:
        """The data of this attempt's start row; a model call stands where its turn was asked."""
        data = self._identity()
        data["arguments"], data["attempt"] = self.arguments, self.attempt
        effect = self.parked.effect
        if effect.kind == "model":
            return data
        data["repeat"] = effect.repeat.value
        frame = standing(self.parked.strand)
        if frame is not None:
            data["line"] = f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
        return data

    async def assure(self) -> None:
        """Wait until it is sure that the run is ours: for what begins without an intent."""
        asking = self.run.world.assured(self.run.run_id)
        if asking is not None:
            await asking

    def delivered(self, row: Event) -> None:
        """A row of it stands in the log; after its outcome nothing is kept of what it printed."""
        if row.kind == "step.started":
            self.intent = row
        intent = self.intent or self.prior
        printed = intent is not None and intent.data.get("act") == "run"
        if printed and row.kind in OUTCOMES:
            self.run.toolbox.forget(self.run.run_id, self.key)

    def begin(self) -> None:
        """From here on the world may have been touched."""
        self.begun, self.begun_s = True, time.perf_counter()
        self.run.world.stir()

    def _identity(self) -> dict[str, Any]:
        """What every row of this effect says: a model is chosen at the gate, so it has no name."""
        effect = self.parked.effect
        data: dict[str, Any] = {"effect": effect.kind, "fingerprint": self.parked.fingerprint}
        if effect.kind != "model":
            data["name"] = effect.name
        return data

    def _data(self) -> dict[str, Any]:
        data = self._identity()
        if self.begun_s:
            data["duration_s"] = round(time.perf_counter() - self.begun_s, 6)
        if self.usage is not None:
            data["usage"] = {
                "input_tokens": self.usage.input_tokens,
                "output_tokens": self.usage.output_tokens,
                "cost_usd": self.usage.cost_usd,
            }
        data |= self.extra
        return data

    def write(self, outcome: Outcome, *, safe: bool = True) -> None:
        """Write the outcome row: finished, failed or denied."""
        self.closed = True
        data = self._data()
        if not isinstance(outcome, Raised):
            data["result"] = outcome.value
            kind = "step.finished"
        else:
            data["error"] = describe(outcome.error)
            if self.in_doubt and not self.begun:
                data["end"] = "unknown"  # it is not tried again, and nobody knows of the last time
            kind = "step.denied" if data["error"]["code"] in _DENIALS else "step.failed"
        self.end(kind, data, safe=safe)

    def end(self, kind: str, data: dict[str, Any], *, safe: bool) -> Event:
        """Write a row that ends this attempt, and settle what was reserved for it; the row."""
        data |= marks(self, data, is_outcome=kind != "attempt.ended")
        rows = self.run.rows
        # Before it is appended: a row may be delivered at once, and its workflow goes on.
        settle(self, Event(rows.run_id, rows.seq + 1, self.run.world.clock(), kind, self.key, data))
        return rows.append(kind, self.key, data, safe=safe)

    def write_cancelled(self, reason: str, end: str) -> None:
        """Write that the effect is no longer wanted, and how sure its end is."""
        self.closed = True
        data = {**self._data(), "reason": reason, "end": end}
        self.end("step.cancelled", data, safe=end != "never")

    def write_stopped(self) -> None:
        """Its task was ended from outside: a cancellation is an outcome, a suspension is none."""
        if self.closed:
            return
        end = "confirmed" if self.stoppable else "unknown"
        if not self.begun:
            # Not by this attempt; of one before it nobody knows.
            end = "never" if self.prior is None else "unknown"
        if self.stop_reason:
            self.write_cancelled(self.stop_reason, end)
            return
        self.closed = self.is_open = True
        if self.begun or self.intended:
            how = "never" if not self.begun else "stopped" if self.stoppable else "unknown"
            if how == "unknown":
                self.run.notice(f"{self} cannot be stopped and may go on; its end is unknown")
            data = {"attempt": self.attempt, "end": how, "effect": self.parked.effect.kind}
            self.end("attempt.ended", data, safe=True)
        else:
            release(self)

    def lose_sight(self) -> None:
        """Its attempt was begun, and nobody will say how it ended: what comes next is another."""
        assert self.intent is not None
        data = {"attempt": self.attempt, "end": "unknown", "effect": self.parked.effect.kind}
        ended = self.end("attempt.ended", data, safe=True)
        self.left = replace(self.left_open, tried=Tried(self.intent, ended, before=self.left.tried))
        self.prior, self.attempt = self.intent, self.attempt + 1
        self.intended = self.begun = False
        self.intent, self.begun_s = None, 0.0
        self.reserved = Reservation()

    def fail(self, error: BaseException) -> None:
        """End a step that waits with a failure of our own."""
        if not self.closed:
            self.write(Raised(error))
            if self.task is not None:
                self.task.cancel()
