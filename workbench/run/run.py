"""One run: the shell around its drive.

It takes what the drive asks for through the gate, one asyncio task for each effect in flight,
writes a row for each outcome and feeds the rows back in order. It decides nothing about effects
(`workbench.run.gate`) and nothing about workflows (`workbench.journal.drive`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast

from workbench.errors import Cancelled, StepFailed, StoreFull, WorkbenchError, describe
from workbench.foreign import Raised, Returned
from workbench.journal.checkpoints import Taking, check_given_name
from workbench.journal.drive import Drive
from workbench.journal.events import Event
from workbench.journal.limits import Limits
from workbench.journal.replay import Replayed, Unfinished, replay
from workbench.journal.requests import Heard
from workbench.journal.strands import End, Outcome, Parked, Perform, Request, Stop
from workbench.permission.policy import Policy
from workbench.run import gate
from workbench.run.at_limit import AtLimit, change_limits
from workbench.run.budget import Budget
from workbench.run.ceilings import forget_turn
from workbench.run.header import Header, RunOutcome, add_row, outcome_data, valued
from workbench.run.interrupt import Hold, Order
from workbench.run.listeners import Listeners
from workbench.run.mail import Mail, deadlock, steering_box
from workbench.run.recall import recall
from workbench.run.rows import Rows
from workbench.run.scopes import Scopes
from workbench.run.step import Step
from workbench.run.timekeeper import Timekeeper
from workbench.run.unlooped import unlooped
from workbench.run.world import Acks, World
from workbench.workflow.effects import SCOPES

Status = Literal[
    "running", "paused", "suspended", "returned", "failed", "cancelled", "out_of_budget"
]


class Run:
    """A run that this process drives. Everything here happens on the core's loop."""

    def __init__(
        self, world: World, acks: Acks, header: Header, workflow: Coroutine[Any, Any, Any]
    ) -> None:
        self.world, self.header = world, header
        self.run_id = header.run_id
        self.toolbox = world.toolbox.at(header.workspace)
        self.hold = Hold(self)
        """Whether it may start things, and what it does about orders."""
        loop = asyncio.get_running_loop()
        self.mail = Mail(lambda: loop.call_soon(self.settle))
        self.budget = Budget(Limits.read(header.limits))
        self.at_limit = AtLimit(self)
        self.time = Timekeeper(self)
        self.memory: dict[str, Any] = {}
        """The ``run`` scope of `remember` and `recall`; follows forks because rows do."""
        self.scopes = Scopes(self)
        self.taking = Taking(world.checkpoints)
        self.usage = header.empty_usage()
        self.heard = Heard()
        self.steps: dict[str, Step] = {}
        """Effects in flight, by key."""
        self.rows = Rows(header.run_id, world, acks, self._deliver, self.cannot_record)
        self.rows.checkpoint_after = self.taking.after
        self.drive = Drive(header.pattern, workflow, self.scopes.resolve, self.budget.fan_out)
        self._left: dict[str, Unfinished] = {}
        """What is recorded of effects that have no outcome, by key."""
        self._finished: asyncio.Future[RunOutcome] = loop.create_future()
        self._ending = False
        self._policy = (world.policy, replace(world.policy, workspace=header.workspace))
        self._listeners = Listeners(world.log, header.run_id)
        self.error: BaseException | None = None
        self.given_up: dict[str, Any] | None = None
        """The error that ends the run, once somebody has given it up."""

    @property
    def policy(self) -> Policy:
        """The rules in force, their relative paths seen from where this run works."""
        rules = self.world.policy
        if rules.workspace == self.header.workspace or not self.header.workspace:
            return rules
        if self._policy[0] is not rules:
            self._policy = (rules, replace(rules, workspace=self.header.workspace))
        return self._policy[1]

    @property
    def status(self) -> Status:
        """``running`` until it has ended or rests, ``paused`` meanwhile, or how it ended."""
        if self._finished.done():
            return cast("Status", self._finished.result().outcome)
        return "paused" if self.hold.state == "paused" else "running"

    @property
    def is_over(self) -> bool:
        """Whether it has ended or rests, or its last row is being written."""
        return self._ending or self._finished.done()

    @property
    def folder(self) -> str:
        """The folder this run's tools work in."""
        return self.header.workspace or self.world.policy.workspace

    # -- beginning -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a new run."""
        self.rows.append("run.started", "", self.header.to_data())
        self.time.start()
        self.world.stir()
        self._take(unlooped(self.drive.start))
        self.settle()

    def replay(self, rows: Sequence[Event]) -> Replayed:
        """Come to where recorded rows end, with nothing begun. Raises Diverged."""
        for row in rows:
            recall(self, row)
        self.time.recall(rows)
        self.world.stir()
        found: Replayed = unlooped(replay, self.drive, rows, self.run_id)
        self.rows.seq = rows[-1].seq if rows else self.header.cut
        return found

    def resume(
        self,
        found: Replayed,
        told: Mapping[str, Any],
        *,
        by: str = "user",
        unwritten: Sequence[Event] = (),
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        """Go on from where a replay came to.

        Args:
            found: what it came to.
            told: what else the row of going on says.
            by: who wants it.
            unwritten: the last of its rows when they are not in the log yet: a fork's first rows.
            limits: ceilings that are others now.
        """
        if unwritten:
            self.world.log.append(unwritten)
            for row in unwritten:
                self.world.publish(row)
        self.rows.append("run.resumed", "", {"by": by, **told})
        if limits:
            change_limits(self, limits, "command line")
        self.time.start()
        # What a parent had in flight at the cut is asked for anew; only our own is in doubt.
        self._left = found.left_by(self.run_id)
        self._take(self.drive.outstanding())
        self.settle()

    def events(self) -> AsyncIterator[Event]:
        """Every row: those that are there, then each as it comes, until the run ends or rests."""
        return self._listeners.events()

    # -- what people and programs do -------------------------------------------------------------

    async def finished(self) -> RunOutcome:
        """Wait until the run has ended or was suspended."""
        return await asyncio.shield(self._finished)

    async def result(self) -> Any:
        """What the workflow returned; raises what it failed with."""
        outcome = await self.finished()
        if outcome.outcome == "returned":
            return self.drive_result(outcome)
        if self.error is not None:
            raise self.error
        raise WorkbenchError(
            f"run {self.run_id} is {outcome.outcome}",
            hint=f"Resume it with: kaizen-tui resume {self.run_id}",
        )

    def drive_result(self, outcome: RunOutcome) -> Any:
        """The result as the workflow returned it, types and all, while it is in memory."""
        ended = self.drive.outcome
        return ended.value if isinstance(ended, Returned) else outcome.result

    def steer(self, agent: str, text: str, by: str = "user") -> None:
        """Say something to an agent; it hears it with its next model call."""
        box = steering_box(agent)
        self.rows.append("message.sent", "", {"to": box, "text": text, "by": by})
        self.mail.put(box, text)

    def pause(self, by: str = "user") -> None:
        """Start nothing new until `go_on`; what runs finishes."""
        self.hold.order(Order("pause", by))

    def go_on(self, by: str = "user") -> None:
        """Take up what a pause held back."""
        self.hold.order(Order("go_on", by))

    def interrupt(
        self, how: Literal["graceful", "immediate"], by: str = "user", reason: str = ""
    ) -> None:
        """Suspend the run: gracefully lets running effects finish, immediately stops them."""
        self.hold.order(Order(how, by, reason))

    def cancel(self, key: str | None = None, reason: str = "", by: str = "user") -> bool:
        """End one call (its workflow sees `Cancelled`), or with no key the whole run.

        Returns:
            Whether there was anything to cancel: what has an outcome keeps it.
        """
        return self.hold.order(Order("cancel", by, reason, key or ""))

    def checkpoint(self, name: str, by: str = "user", at: int | None = None) -> Event:
        """Name the position the run is at, or an earlier row of it."""
        check_given_name(name)
        where = {} if at is None else {"at": at}
        return self.rows.append("checkpoint.taken", "", {"name": name, "by": by, **where})

    def give_up(self, error: WorkbenchError, by: str) -> None:
        """End the run with an error, whatever its workflow makes of being cancelled."""
        if not self.hold.is_cancelled:
            self.given_up = describe(error)
            self.hold.order(Order("cancel", by, error.message))

    # -- requests of the drive -------------------------------------------------------------------

    def _take(self, requests: Sequence[Request]) -> None:
        for request in requests:
            match request:
                case Perform(parked):
                    self.perform(parked)
                case Stop(key, reason):
                    self.hold.stop(key, reason)
                case End(parked, outcome):
                    self._end_scope(parked, outcome)

    def perform(self, parked: Parked) -> None:
        """Take an effect through the gate, unless it is held back or no longer wanted."""
        if parked.stopping:
            self.never_started(parked)
        elif not self.hold.keeps(parked):
            step = Step(self, parked, self._left.pop(parked.key, None))
            if self.world.room.full is None and self._done_now(step):
                return
            self.steps[parked.key] = step
            step.task = asyncio.get_running_loop().create_task(gate.take(step))
            step.task.add_done_callback(lambda _task: self._task_ended(step))
            self.time.look()

    def _done_now(self, step: Step) -> bool:
        """Whether it needed no task: a scope that opened, or an instant effect."""
        opened = step.parked.effect.kind in SCOPES and self.scopes.open_now(step)
        return opened or gate.take_now(step)

    def _task_ended(self, step: Step) -> None:
        if self.steps.get(step.key) is step:  # else it was left behind
            step.ended()
            self.step_ended(step)

    def step_ended(self, step: Step) -> None:
        """A step is over: with an outcome, or left open by a suspension."""
        del self.steps[step.key]
        self.time.look()
        if step.is_open:  # held, as the run is being suspended; cancelled meanwhile, it is closed
            self._left[step.key] = step.left_open
            self.perform(step.parked)
        self.settle()

    def never_started(self, parked: Parked, reason: str = "call") -> None:
        """Close an effect that is no longer wanted; one that was left open is flagged."""
        step = Step(self, parked, self._left.pop(parked.key, None))
        step.write_cancelled(parked.stopping or reason, "unknown" if step.prior else "never")

    def _end_scope(self, parked: Parked, outcome: Outcome) -> None:
        forget_turn(self.budget, parked.key)
        step = Step(self, parked)
        if isinstance(outcome, Raised) and isinstance(outcome.error, Cancelled):
            step.write_cancelled(outcome.error.reason, "confirmed")
        else:
            step.write(valued(outcome), safe=False)

    # -- rows coming back ------------------------------------------------------------------------

    def _deliver(self, row: Event) -> None:
        add_row(self.usage, row)
        self.world.publish(row)
        self._listeners.tell(row)
        self.world.hooks.tell(row, self.notice)
        step = self.steps.get(row.key)
        if step is not None:
            step.delivered(row)
        if row.is_fed and self.drive.outcome is None and not self._ending:
            self.world.stir()
            self._take(unlooped(self.drive.feed, row))
        if row.kind == "run.cancelled":
            self.hold.delivered_cancel()
        self.settle()

    def on_end(self, told: Callable[[], None]) -> None:
        """Have something called once it has ended or rests."""
        self._finished.add_done_callback(lambda _finished: told())

    def notice(self, text: str) -> None:
        """Say something that is no row."""
        gate.publish_live(self, "notice", "", {"text": text})

    def cannot_record(self, error: BaseException) -> None:
        """Rows cannot be written: nothing more may start, and what waits is told."""
        if self._finished.done():
            return
        self.error = error
        self.hold.give_in()
        self.notice(str(error))
        self._close("suspended", None, describe(error))

    # -- ending ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """After anything that happened: is the run over, at rest, or stuck?"""
        if self.is_over:
            return
        if self.drive.outcome is not None:
            if self.hold.may_end:
                self._end(self.drive.outcome)
        elif self.hold.may_rest:
            self._rest()
        elif self.mail.is_waited_for and not self.hold.is_holding and self.rows.is_quiet:
            self._break_deadlock()

    def _rest(self) -> None:
        self._ending = True
        self.drive.suspend()
        order = self.hold.suspended_by
        told: dict[str, Any] = {"by": order.by, "reason": order.reason or order.what}
        told["worked_s"] = self.time.stop()
        told |= self.at_limit.told()
        status = cast("Status", told.get("outcome", "suspended"))
        self._append_last("run.suspended", told, status, None, told.get("error"))

    def _break_deadlock(self) -> None:
        error = deadlock(self.drive, self.mail)
        if error is not None:
            for step in list(self.steps.values()):
                step.fail(error)

    def _end(self, outcome: Outcome) -> None:
        self._ending = True
        self.time.stop()
        told = Raised(StepFailed(self.given_up)) if self.given_up else valued(outcome)
        if isinstance(told, Raised):
            self.error = told.error
        data = outcome_data(told)
        status: Status = data["outcome"]
        self._append_last("run.finished", data, status, data.get("result"), data.get("error"))

    def _append_last(
        self, kind: str, data: dict[str, Any], status: Status, result: Any, error: Any
    ) -> None:
        async def last() -> None:
            recorded = self.rows.commit(kind, "", data)
            try:
                # Its end is worth waiting for; that it rests is not.
                rests = kind == "run.suspended"
                await (self.world.room.unless_full(recorded) if rests else recorded)
            except StoreFull:
                self.rest_without_room()
            except WorkbenchError:
                return
            else:
                self._close(status, result, error)

        self._last = asyncio.get_running_loop().create_task(last())

    def rest_without_room(self) -> None:
        """Whoever ends the run cannot wait until there is room for what it still has to record."""
        full = self.world.room.full
        if full is None or self._finished.done():
            return
        self.error = full
        self.notice(
            f"run {self.run_id} rests, and its last {self.rows.waiting} rows are not recorded yet"
        )
        self._close("suspended", None, describe(full))

    def _close(self, status: Status, result: Any, error: dict[str, Any] | None) -> None:
        self.hold.end()
        self.time.stop()
        self.rows.let_go()
        if not self._finished.done():
            rests, seq = self.drive.outcome is None, self.rows.seq
            told = RunOutcome(self.run_id, status, result, error, self.usage, seq, rests)
            self._finished.set_result(told)
        self._listeners.close()
