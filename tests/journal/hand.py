"""A shell worked by hand: a test says how each effect ends, and no loop is anywhere."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from workbench.errors import Cancelled, describe
from workbench.foreign import Raised, Returned
from workbench.journal.drive import Drive
from workbench.journal.events import Event
from workbench.journal.replay import Replayed, replay
from workbench.journal.strands import Body, End, Outcome, Parked, Perform, Request, Stop
from workbench.values import loads
from workbench.workflow.effects import Effect


def step(name: str, **arguments: Any) -> Effect[Any]:
    """An effect that a test answers by its name."""
    return Effect("tool", name, arguments)


def no_scope(effect: Effect[Any], data: Mapping[str, Any]) -> Body:
    raise AssertionError(f"nobody expected a scope: {effect}, {data}")


class Hand:
    """A drive, the rows it was fed, and what it asked for meanwhile."""

    def __init__(
        self, workflow: Coroutine[Any, Any, Any], resolve: Any = no_scope, name: str = "main"
    ) -> None:
        self.rows: list[Event] = []
        self.asked: list[str] = []
        """Every key that was to be performed, in order."""
        self.stopped: list[tuple[str, str]] = []
        self.drive = Drive(name, workflow, resolve)

    def begin(self) -> Hand:
        self._take(self.drive.start())
        return self

    def again(self, workflow: Coroutine[Any, Any, Any], resolve: Any = no_scope) -> Hand:
        """Another drive over these rows: what a resumed process has."""
        other = Hand(workflow, resolve, self.drive.root.path)
        other.replay(self.rows)
        return other

    def replay(self, rows: Sequence[Event]) -> Replayed:
        self.rows = list(rows)
        found = replay(self.drive, rows)
        self._take(self.drive.outstanding())
        return found

    @property
    def waits_for(self) -> list[str]:
        """Names of what is parked and may go on."""
        return [p.effect.name for p in self.drive.parked.values() if not p.stopping]

    def finish(self, name: str, result: Any = None) -> None:
        self.answer(name, "step.finished", result=result)

    def fail(self, name: str, message: str = "no luck", code: str = "tool") -> None:
        error: dict[str, Any] = {"code": code, "type": "ToolError", "message": message}
        self.answer(name, "step.failed", error=error)

    def cancelled(self, name: str) -> None:
        self.answer(name, "step.cancelled", reason="call", end="confirmed")

    def open(self, name: str) -> None:
        """Write a scope's start row."""
        parked = self._parked(name)
        self.answer(
            name, "step.started", scope=True, arguments=loads(parked.arguments), effect="follow"
        )

    def answer(self, name: str, kind: str, **data: Any) -> None:
        parked = self._parked(name)
        self.add(parked.key, kind, fingerprint=parked.fingerprint, **data)

    def add(self, key: str, kind: str, **data: Any) -> None:
        row = Event("r", len(self.rows) + 1, 0.0, kind, key, data)
        self.rows.append(row)
        self._take(self.drive.feed(row))

    @property
    def result(self) -> Any:
        """What the workflow returned; raises what it raised."""
        outcome = self.drive.outcome
        assert outcome is not None, f"it still waits for {self.waits_for}"
        if isinstance(outcome, Raised):
            raise outcome.error
        return outcome.value

    def _parked(self, name: str) -> Parked:
        found = [p for p in self.drive.parked.values() if name in {p.effect.name, p.key}]
        assert found, f"nothing waits for {name!r}, only {self.waits_for}"
        return found[0]

    def _take(self, requests: Sequence[Request]) -> None:
        for request in requests:
            match request:
                case Perform(parked):
                    self.asked.append(parked.key)
                case Stop(key, reason):
                    self.stopped.append((key, reason))
                case End(parked, outcome):
                    self._end(parked, outcome)

    def _end(self, parked: Parked, outcome: Outcome) -> None:
        data: dict[str, Any] = {"fingerprint": parked.fingerprint}
        if isinstance(outcome, Returned):
            self.add(parked.key, "step.finished", **data, result=outcome.value)
        elif isinstance(outcome.error, Cancelled):
            self.add(parked.key, "step.cancelled", **data, reason=outcome.error.reason)
        else:
            self.add(parked.key, "step.failed", **data, error=describe(outcome.error))
