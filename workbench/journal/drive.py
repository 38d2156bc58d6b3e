"""The drive: a run's coroutines as one synchronous state machine, fed with rows.

The model. A run is a tree of *strands* (coroutines). A strand runs until it awaits; what it
awaits is parked under a key and returned as a request. Nothing is performed here: whoever holds
the drive performs requests, writes one row for each outcome and feeds the rows back in the order
in which they were written, one at a time.

Rules of this file.
1. Between two rows nothing happens, and what a row causes depends on the rows before it and on
   nothing else: no clock, no loop, no I/O, no iteration over sets.
2. So feeding recorded rows (replay) and feeding fresh ones (live) are the same act. Who won a
   race, which failure came first and what a cancelled strand saw follow from row order.
3. A row that nobody waits for, or that answers something other than what is asked now, is a
   divergence. It is raised before anything of that row has had an effect.
4. A cancelled effect still gets exactly one row. Its strand sees `Cancelled` whatever the row
   says; the row keeps what really happened. Children are joined before their parent goes on.
5. A scope (``ask``, ``follow``) is opened by its start row, driven as a strand of its own, and
   answered by its end row, which is a row like any other.

Suspension is not in here: `suspend` throws the coroutines away, and a new drive over the same
rows stands where this one stood. What this cannot do: keep a workflow from reading the clock or
from iterating over a set. The fingerprint of what it asks for next catches most of that.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

from workbench.errors import Cancelled, Diverged, StepFailed
from workbench.foreign import Raised, Returned, attempt
from workbench.journal import groups
from workbench.journal.awaited import (
    branch,
    check_runtime_error,
    close_generators,
    close_now,
    foreign,
    leave,
    refuse,
)
from workbench.journal.events import Event, fingerprint, segment
from workbench.journal.limits import FAN_OUT
from workbench.journal.strands import (
    Body,
    End,
    Group,
    Outcome,
    Parked,
    Perform,
    Request,
    Stop,
    Strand,
    innermost,
    living,
    standing,
)
from workbench.values import dumps
from workbench.workflow.effects import Effect, Join, StreamStep

Resolve = Callable[[Effect[Any], Mapping[str, Any]], Body]
"""Finds a scope's body from the effect and the data of its start row."""


class Drive:
    """The strands of one run. ``start`` once, then ``feed`` rows until ``outcome`` is set."""

    def __init__(
        self,
        name: str,
        coroutine: Coroutine[Any, Any, Any],
        resolve: Resolve,
        fan_out: int = FAN_OUT,
    ) -> None:
        self.parked: dict[str, Parked] = {}
        """What is waited for, by key, in the order in which it was asked."""
        self.outcome: Outcome | None = None
        """How the run's own coroutine ended."""
        self.root = Strand(name, coroutine, owner=None)
        self._resolve = resolve
        self._fan_out = fan_out
        """Fixed for a run and what is forked from it: what a workflow saw must follow again."""
        self._ready: deque[Strand] = deque()
        self._requests: list[Request] = []

    # -- what the outside does ------------------------------------------------------------------

    def start(self) -> list[Request]:
        """Run to the first awaits."""
        self._resume(self.root, Returned(None))
        return self._settle()

    def feed(self, row: Event) -> list[Request]:
        """Let one row have its effect. Raises `Diverged` when it fits nothing that is asked."""
        if row.kind == "run.cancelled":
            self._cancel(self.root, "run")
            return self._settle()
        parked = self._expected(row)
        if row.kind == "step.started":
            self._open_scope(parked, row)
        else:
            del self.parked[row.key]
            self._answer(parked, row)
        return self._settle()

    def outstanding(self) -> list[Request]:
        """What must be done about everything parked: for after a replay."""
        requests: list[Request] = []
        for parked in self.parked.values():
            if parked.ended is not None:
                requests.append(End(parked, parked.ended))
            elif parked.child is None:
                requests.append(Perform(parked))
        return requests

    def suspend(self) -> None:
        """Throw the coroutines away. An effect awaited in ``finally`` sees GeneratorExit too."""
        for strand in list(living(self.root)):
            strand.ended = True
            close_now(strand.coroutine, strand.generators)
        self.parked.clear()

    def where(self) -> dict[str, tuple[str, int]]:
        """File and line at which each parked effect is awaited, by key."""
        found: dict[str, tuple[str, int]] = {}
        for key, parked in self.parked.items():
            frame = standing(parked.strand)
            if frame is not None:
                found[key] = (frame.f_code.co_filename, frame.f_lineno)
        return found

    # -- rows ------------------------------------------------------------------------------------

    def _expected(self, row: Event) -> Parked:
        parked = self.parked.get(row.key)
        if parked is None:
            raise Diverged(f"the log has {row.key!r} next, and nothing asks for it", why="unasked")
        if row.data.get("fingerprint") != parked.fingerprint:
            raise Diverged(
                f"at {row.key!r} the log answers another request than the one made now", why="other"
            )
        return parked

    def _open_scope(self, parked: Parked, row: Event) -> None:
        parked.body = self._resolve(parked.effect, row.data)
        if parked.skipped or parked.child is not None:
            return
        if parked.stopping:
            self._scope_ended(parked, Raised(Cancelled("scope")))
            return
        parked.child = Strand(parked.key, parked.body.start(), parked, cleanup=parked.cleanup)
        self._make_ready(parked.child, Returned(None))

    def _answer(self, parked: Parked, row: Event) -> None:
        strand = parked.strand
        strand.waits = None
        if parked.stopping:
            self._make_ready(strand, Raised(Cancelled(parked.stopping)))
        elif row.kind == "step.finished":
            self._make_ready(strand, self._decoded(parked, row))
        elif row.kind == "step.cancelled":
            self._make_ready(strand, Raised(Cancelled("call")))
        else:
            self._make_ready(strand, Raised(StepFailed(row.data["error"], key=row.key)))

    def _decoded(self, parked: Parked, row: Event) -> Outcome:
        result = row.data.get("result")
        decode = parked.effect.decode
        if parked.body is not None:
            decode = parked.body.decode
        return attempt(decode, result) if decode else Returned(result)

    # -- strands ---------------------------------------------------------------------------------

    def _make_ready(self, strand: Strand, outcome: Outcome) -> None:
        """Let a strand go on; one that is being ended goes on with its `Cancelled`, once."""
        strand.waits = None
        if strand.pending is None:
            self._ready.append(strand)
        if strand.cancelling and not strand.told:
            outcome = Raised(Cancelled(strand.cancelling))
        strand.pending = outcome

    def _settle(self) -> list[Request]:
        """Run everything that can run, first ready first, and hand out what was asked."""
        while self._ready:
            strand = self._ready.popleft()
            outcome, strand.pending = strand.pending, None
            if outcome is not None and not strand.ended:
                self._resume(strand, outcome)
        requests, self._requests = self._requests, []
        return requests

    def _resume(self, strand: Strand, outcome: Outcome) -> None:
        """Run one strand until it waits for something that is not there yet, or ends."""
        following: Outcome | None = outcome
        while following is not None:
            asked = self._step(strand, following)
            following = self._wait(strand, asked) if isinstance(asked, Returned) else None
            if isinstance(asked, Raised):
                self._stopped(strand, asked.error)

    def _step(self, strand: Strand, outcome: Outcome) -> Outcome:
        strand.started = True
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=cast("Any", strand.generators.append), finalizer=leave)
        try:
            if isinstance(outcome, Returned):
                return attempt(strand.coroutine.send, outcome.value)
            if strand.cancelling:
                strand.told = strand.cleanup = True
            return attempt(strand.coroutine.throw, outcome.error)
        except Cancelled as error:
            return Raised(error)
        finally:
            sys.set_asyncgen_hooks(*hooks)

    def _wait(self, strand: Strand, asked: Returned[Any]) -> Outcome | None:
        """Park what a strand asked for; an outcome when it can go on at once."""
        wanted = asked.value
        if isinstance(wanted, Effect):
            return self._park(strand, cast("Effect[Any]", wanted))
        if isinstance(wanted, Join):
            return self._split(strand, wanted.mode, wanted.branches)
        if isinstance(wanted, StreamStep):
            return self._stream(strand, wanted)
        return Raised(foreign(wanted, innermost(strand.coroutine)))

    def _park(self, strand: Strand, effect: Effect[Any]) -> Outcome | None:
        encoded = attempt(dumps, effect.arguments)
        if isinstance(encoded, Raised):
            return encoded
        key = f"{strand.path}/{segment(strand.ordinal, effect.kind, effect.name)}"
        strand.ordinal += 1
        print_now = fingerprint(effect.kind, effect.name, encoded.value)
        parked = Parked(key, print_now, effect, encoded.value, strand, strand.cleanup)
        self.parked[key] = strand.waits = parked
        self._requests.append(Perform(parked))
        return None

    def _stopped(self, strand: Strand, error: BaseException) -> None:
        """A coroutine has returned or raised: close its generators, then tell its owner."""
        outcome = Returned(error.value) if isinstance(error, StopIteration) else None
        outcome = outcome or Raised(check_runtime_error(error))
        if strand.held is not None and not (
            isinstance(strand.held, Returned) and isinstance(outcome, Raised)
        ):
            outcome = strand.held
        left = [g for g in strand.generators if g.ag_frame and g not in strand.closing]
        if left:
            strand.closing += left
            strand.held = outcome
            strand.coroutine = close_generators(left)
            self._resume(strand, Returned(None))
        else:
            self._ended(strand, outcome)

    def _ended(self, strand: Strand, outcome: Outcome) -> None:
        strand.ended = True
        owner = strand.owner
        if owner is None:
            self.outcome = outcome
        elif isinstance(owner, Parked):
            self._scope_ended(owner, outcome)
        else:
            self._child_ended(owner, strand, outcome)

    def _scope_ended(self, parked: Parked, outcome: Outcome) -> None:
        parked.ended = outcome
        self._requests.append(End(parked, outcome))

    # -- groups ----------------------------------------------------------------------------------

    def _split(self, strand: Strand, mode: str, branches: tuple[Any, ...]) -> Outcome | None:
        if not branches:
            return groups.empty(mode)
        if len(branches) > self._fan_out:
            return self._too_wide(strand, mode, branches)
        group = self._grouped(strand, mode, branches)
        strand.waits = group
        return None

    def _too_wide(self, strand: Strand, mode: str, branches: tuple[Any, ...]) -> Outcome:
        refuse(branches)
        return Raised(groups.too_wide(mode, len(branches), self._fan_out, strand))

    def _grouped(self, strand: Strand, mode: str, branches: tuple[Any, ...]) -> Group:
        path = f"{strand.path}/{segment(strand.ordinal, mode, '')}"
        strand.ordinal += 1
        group = Group(path, mode, strand, [], len(branches), [None] * len(branches))
        for number, awaitable in enumerate(branches):
            child = Strand(f"{path}/{number}", branch(awaitable), group, strand.cleanup)
            child.number = number
            group.children.append(child)
            self._make_ready(child, Returned(None))
        return group

    def _child_ended(self, group: Group, child: Strand, outcome: Outcome) -> None:
        if groups.note(group, child, outcome):
            for other in group.children:
                self._cancel(other, group.mode)
        if group.mode == "stream":
            self._hand_out(group)
        elif group.running == 0:
            self._make_ready(group.waiter, groups.verdict(group))

    def _stream(self, strand: Strand, asked: StreamStep) -> Outcome | None:
        if asked.step == "open":
            if len(asked.stream.branches) > self._fan_out:
                return self._too_wide(strand, "as_they_finish", asked.stream.branches)
            group = self._grouped(strand, "stream", asked.stream.branches)
            asked.stream.group = group
            strand.streams.append(group)
            return Returned(None)
        group: Group = asked.stream.group
        strand.waits, group.waiter = group, strand
        if asked.step == "close":
            strand.streams.remove(group)
            group.closing = True
            for child in group.children:
                self._cancel(child, "scope")
        self._hand_out(group)
        return None

    def _hand_out(self, group: Group) -> None:
        """Give the waiting strand what a stream has for it, if there is anything."""
        if group.waiter.waits is not group:
            return
        outcome = groups.next_of(group)
        if outcome is not None:
            self._make_ready(group.waiter, outcome)

    # -- cancellation ----------------------------------------------------------------------------

    def _cancel(self, strand: Strand, reason: str) -> None:
        """End a strand: it sees `Cancelled` once everything it waits for has ended."""
        if strand.ended or strand.cancelling or strand.held is not None:
            return
        strand.cancelling = reason
        waits = strand.waits
        if not strand.started:
            strand.pending = None
            strand.coroutine.close()
            self._ended(strand, Raised(Cancelled(reason)))
        elif waits is None:
            strand.pending = Raised(Cancelled(reason))
        elif isinstance(waits, Parked):
            self._cancel_parked(waits, reason)
        elif waits.mode == "stream" and not waits.closing:
            self._make_ready(strand, Raised(Cancelled(reason)))
        else:
            for child in waits.children:
                self._cancel(child, "scope")

    def _cancel_parked(self, parked: Parked, reason: str) -> None:
        parked.stopping = reason
        if parked.child is not None:
            self._cancel(parked.child, "scope")
        else:
            self._requests.append(Stop(parked.key, reason))
