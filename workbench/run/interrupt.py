"""Interrupts: what holds a run back, as one small state machine, and what each order means.

An order may come from a key, a signal, a deadline, a program, another process or the closing of
the workbench, at any moment and any number of times. `NEXT` says what it changes; what is not in
the table changes nothing, leaves no row and is no error.

    state        means                                       pause    go_on    graceful    immediate
    running      effects start                               paused   .        suspending  stopping
    paused       nothing new starts; what runs finishes      .        running  suspending  stopping
    suspending   as paused, and rests when nothing runs      .        .        .           stopping
    stopping     what runs is being stopped; then it rests   .        .        .           .

Cancelling the run is possible in every state, once: it goes on, so that cleanup can happen. Pausing
survives nothing: a run that was killed while it was paused runs when it is resumed.

An order reaches every descendant: scopes are in the run, and a run that was started from within
one of its calls (a line of a script, a tool's function) gets the order too; nothing rests before
its descendants do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from workbench.errors import UsageError
from workbench.workflow.effects import SCOPES

if TYPE_CHECKING:
    from workbench.journal.strands import Parked
    from workbench.run.run import Run
    from workbench.run.step import Step

State: TypeAlias = Literal["running", "paused", "suspending", "stopping"]
What: TypeAlias = Literal["pause", "go_on", "graceful", "immediate", "cancel"]

NEXT: Final[dict[State, dict[What, State]]] = {
    "running": {"pause": "paused", "graceful": "suspending", "immediate": "stopping"},
    "paused": {"go_on": "running", "graceful": "suspending", "immediate": "stopping"},
    "suspending": {"immediate": "stopping"},
    "stopping": {},
}

OWNER: ContextVar[Step | None] = ContextVar("OWNER", default=None)
"""The step that is being performed: a run started meanwhile belongs to it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants of a run."""

    what: What
    by: str = "user"
    reason: str = ""
    key: str = ""
    """The one call that is to be cancelled; empty for the whole run."""
    patience_s: float | None = None
    """A graceful stop with patience becomes an immediate one after so long, and says so."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run is doing about its orders, for whoever looks."""

    state: State
    running: tuple[str, ...]
    """The effects that are being performed, in words."""
    held: tuple[str, ...]
    """What is ready to start and held back, in words."""


class Hold:
    """Whether a run may start things, and what it does about its orders."""

    def __init__(self, run: Run) -> None:
        self.state: State = "running"
        self.suspended_by = Order("graceful")
        """The order that made it rest."""
        self.is_cancelled = False
        """The run was cancelled, now or before it was resumed."""
        self._run = run
        self._held: dict[str, Parked] = {}
        self._cancelling = False
        """Cancelled, and the row that says so has not reached the workflow."""
        self._children: dict[Run, Step] = {}
        self._go: asyncio.Event | None = None
        """Set when a pause ends."""
        self._timer: asyncio.TimerHandle | None = None
        self._told_of_pause = False

    # -- questions -------------------------------------------------------------------------------

    @property
    def is_suspending(self) -> bool:
        """Whether the run is on its way to rest."""
        return self.state in {"suspending", "stopping"}

    @property
    def is_holding(self) -> bool:
        """Whether something is ready that may not start."""
        return bool(self._held)

    @property
    def may_rest(self) -> bool:
        """Whether nothing is left that the run has to wait for before it rests."""
        return self.is_suspending and not self._run.steps and not self._children

    @property
    def may_end(self) -> bool:
        """Whether a workflow that has ended is the end of the run: its descendants end first."""
        return not (self.is_cancelled and self._children)

    def standing(self) -> Standing:
        """What runs and what is held back."""
        below = [child.hold.standing() for child in self._children]
        owners = set(self._children.values())
        steps = [step for step in self._run.steps.values() if step not in owners]
        running = [str(step) for step in steps if step.begun]
        held = [parked.words for parked in self._held.values()]
        if self.state == "paused":
            held += [str(step) for step in steps if not step.begun]
        return Standing(
            self.state,
            (*running, *(words for one in below for words in one.running)),
            (*held, *(words for one in below for words in one.held)),
        )

    # -- orders ----------------------------------------------------------------------------------

    def order(self, order: Order) -> bool:
        """Take an order; whether it changed anything.

        Raises:
            UsageError: the one call that is to be cancelled is no call.
        """
        if self._run.is_over:
            # Its last row may wait for room, and whoever ends the run does not.
            self._run.rest_without_room()
            return False
        if order.what == "cancel":
            changed = self._cancel_call(order) if order.key else self._cancel(order)
        else:
            changed = self._move(order)
        if not order.key:
            for child in [*self._children]:
                changed |= child.hold.order(order)
        self._run.settle()
        return changed

    def _move(self, order: Order) -> bool:
        following = NEXT[self.state].get(order.what)
        if following is None:
            self._bound(order)
            return False
        self.state = following
        self._run.time.held()
        match order.what:
            case "pause":
                self._go, self._told_of_pause = asyncio.Event(), False
                self._record("run.paused", order)
            case "go_on":
                self._record("run.continued", order)
                self._release()
            case _:
                self._suspend(order)
        return True

    def _suspend(self, order: Order) -> None:
        self.suspended_by = order
        self._record("interrupt.asked", order, how=order.what)
        at_once = order.what == "immediate"
        for step in list(self._run.steps.values()):
            if at_once or not step.begun:
                step.stop("")
        self._after(None if at_once else self._run.world.graceful_s, self._say_what_runs)
        self._bound(order)

    def _bound(self, order: Order) -> None:
        if self.state == "suspending" and order.patience_s is not None:
            self._after(order.patience_s, lambda: self._lose_patience(order))

    def _cancel(self, order: Order) -> bool:
        if self.is_cancelled:
            return False
        self.is_cancelled = self._cancelling = True
        self.state = "running"
        self._run.time.held()
        self._after(None)
        given_up = self._run.given_up
        self._record("run.cancelled", order, **({"error": given_up} if given_up else {}))
        return True

    def _cancel_call(self, order: Order) -> bool:
        parked = self._run.drive.parked.get(order.key)
        if parked is None:
            return False
        if parked.effect.kind in SCOPES:
            raise UsageError(
                f"{order.key} is no single call",
                hint="Cancel one of the calls below it, or the run",
            )
        step = self._run.steps.get(order.key)
        if step is not None and not step.closed:
            step.extra |= {"by": order.by, **({"why": order.reason} if order.reason else {})}
        return self.stop(order.key, "call")

    def _record(self, kind: str, order: Order, **more: Any) -> None:
        self._run.rows.append(kind, "", {"by": order.by, "reason": order.reason, **more})

    def give_in(self) -> None:
        """Nothing can be recorded any more: stop everything, without another row."""
        self.state = "stopping"
        self._after(None)
        for step in list(self._run.steps.values()):
            step.stop("")

    # -- what is held back -----------------------------------------------------------------------

    def keeps(self, parked: Parked) -> bool:
        """Hold an effect back if nothing may start now; whether it was."""
        if self.state == "running" and not self._cancelling:
            return False
        self._held[parked.key] = parked
        asyncio.get_running_loop().call_soon(self._say_what_is_held)
        return True

    async def passes(self) -> None:
        """Wait while the run is paused: for an effect that is at the gate already."""
        while self.state == "paused" and self._go is not None:
            asyncio.get_running_loop().call_soon(self._say_what_is_held)
            await self._go.wait()

    def stop(self, key: str, reason: str) -> bool:
        """End a call that is no longer wanted, held or under way; whether there was one."""
        for child, owner in [*self._children.items()]:
            if owner.key == key:
                child.hold.order(Order("cancel", by="run", reason=f"its call ended: {reason}"))
        held = self._held.pop(key, None)
        if held is not None:
            self._run.never_started(held, reason)
            return True
        step = self._run.steps.get(key)
        return step is not None and step.stop(reason)

    def delivered_cancel(self) -> None:
        """The workflow knows that the run is cancelled: what it wants now is cleanup."""
        self._cancelling = False
        self._release()

    def _release(self) -> None:
        if self.state != "running":
            return
        if self._go is not None:
            self._go.set()
            self._go = None
        held, self._held = self._held, {}
        for parked in held.values():
            self._run.perform(parked)

    # -- descendants -----------------------------------------------------------------------------

    def adopt(self, child: Run, owner: Step) -> None:
        """Take in a run that a step of this one has started: it gets every order from now on."""
        if child is self._run or child in self._children:
            return
        self._children[child] = owner
        child.on_end(lambda: self._rested(child))
        if self.state == "paused":
            child.hold.order(Order("pause", by="run"))
        elif self.is_suspending:
            child.hold.order(self.suspended_by)

    def _rested(self, child: Run) -> None:
        self._children.pop(child, None)
        self._run.settle()

    # -- time ------------------------------------------------------------------------------------

    def end(self) -> None:
        """The run is over: no timer is needed any more."""
        self._after(None)

    def _after(self, seconds: float | None, act: Callable[[], object] = lambda: None) -> None:
        """Do something later instead of what was to be done later; None for nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, act)

    def _say_what_runs(self) -> None:
        running = self.standing().running
        if running and self.state == "suspending":
            after = f"{self._run.world.graceful_s:g} s"
            self._run.notice(
                f"still running after {after}: {_listed(running)}; interrupt again to stop at once"
            )

    def _lose_patience(self, order: Order) -> None:
        running = self.standing().running
        if running:
            after = f"{order.patience_s:g} s"
            self._run.notice(f"still running after {after}, stopped now: {_listed(running)}")
        self.order(Order("immediate", order.by, order.reason))

    def _say_what_is_held(self) -> None:
        standing = self.standing()
        if self.state != "paused" or self._told_of_pause or standing.running:
            return
        self._told_of_pause = True
        self._run.notice(f"paused; held back: {_listed(standing.held) or 'nothing'}")


def _listed(names: Iterable[str]) -> str:
    """At most five of them, those that are the same counted."""
    counted = Counter(names)
    words = [f"{many} × {name}" if many > 1 else name for name, many in counted.items()]
    more = f" and {len(words) - 5} more" if len(words) > 5 else ""
    return ", ".join(words[:5]) + more
