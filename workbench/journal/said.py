"""What a run's rows say, gathered for looking at it: conversations, steps, files, use.

One pass over the rows; nothing is judged here. A conversation is the one the agent had: inputs,
what was said to it, its replies, and the results of its calls in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from workbench.journal.events import OUTCOMES, Event, agent_of, parent_of
from workbench.journal.turns import call_keys, calls_of
from workbench.values import dumps
from workbench.workflow.effects import SCOPES


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of an agent's conversation."""

    role: str
    """``user``, ``assistant`` or ``tool``."""
    text: str
    name: str = ""
    """Of the tool that answers."""
    calls: tuple[tuple[str, Any], ...] = ()
    """Of an assistant's: each tool that is to be called, with its arguments."""


@dataclass(slots=True)
class Turn:
    """One turn of an agent."""

    key: str
    agent: str
    place: int
    """How many rows came before it."""
    entries: list[Message | None] = field(default_factory=list["Message | None"])
    steered: list[str] = field(default_factory=list[str])
    """What its last reply heard: the next request says it again."""

    @property
    def messages(self) -> list[Message]:
        """What was said; a call that has no result yet has left no message."""
        return [entry for entry in self.entries if entry is not None]


@dataclass(frozen=True, slots=True)
class Done:
    """One effect with its outcome."""

    key: str
    effect: str
    name: str
    arguments: Any
    state: str
    """``done failed denied cancelled``."""
    result: Any
    """What it brought, or why it did not."""


@dataclass(slots=True)
class Used:
    """What rows used."""

    steps: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0

    def add(self, row: Event) -> None:
        """Count a row."""
        effect = row.data.get("effect")
        if row.kind in OUTCOMES:
            self.steps += 1
            self.model_calls += effect == "model"
            self.tool_calls += effect == "tool"
        usage = row.data.get("usage")
        if isinstance(usage, Mapping) and effect not in SCOPES:
            found = cast("Mapping[str, Any]", usage)
            self.tokens += (found.get("input_tokens") or 0) + (found.get("output_tokens") or 0)
            self.cost_usd += found.get("cost_usd") or 0.0
            self.unpriced_calls += found.get("cost_usd") is None


@dataclass(slots=True)
class Said:
    """Everything that rows up to some place say."""

    turns: dict[str, Turn] = field(default_factory=dict[str, Turn])
    done: dict[str, Done] = field(default_factory=dict[str, Done])
    places: dict[str, int] = field(default_factory=dict[str, int])
    """For each effect with an outcome, how many rows came before that."""
    files: dict[str, tuple[Any, Any]] = field(default_factory=dict[str, "tuple[Any, Any]"])
    """For each file that was changed: what it was before the first change, and after the last."""
    used: Used = field(default_factory=Used)
    outcome: str = ""
    result: Any = None
    began_at: float = 0.0
    ended_at: float = 0.0


def said_in(rows: Iterable[Event]) -> Said:
    """Gather what rows say."""
    reading = _Reading()
    for row in rows:
        reading.take(row)
    return reading.said


class _Reading:
    """The pass: what is remembered of starts and calls until their outcomes come."""

    def __init__(self) -> None:
        self.said = Said()
        self._arguments: dict[str, Any] = {}
        self._slots: dict[str, tuple[Turn, int]] = {}
        """For the key of each call that was asked for: where its result stands."""
        self._place = 0

    def take(self, row: Event) -> None:
        said, kind = self.said, row.kind
        said.began_at = said.began_at or row.at
        said.ended_at = row.at
        said.used.add(row)
        if kind == "step.started":
            self._started(row)
        elif kind in OUTCOMES:
            self._ended(row)
        elif kind == "file.changed":
            path = str(row.data.get("path"))
            first, _ = said.files.get(path, (row.data.get("before"), None))
            said.files[path] = (first, row.data.get("after"))
        elif kind == "run.finished":
            said.outcome = str(row.data.get("outcome"))
            said.result = row.data.get("result", row.data.get("error"))
        elif kind in {"run.resumed", "run.started"}:
            said.outcome, said.result = "", None
        self._place += 1

    def _started(self, row: Event) -> None:
        data, key = row.data, row.key
        again = key in self._arguments
        self._arguments[key] = data.get("arguments")
        given = _mapping(data.get("arguments"))
        if data.get("effect") == "ask":
            turn = Turn(key, agent_of(key), self._place)
            turn.entries.append(Message("user", _inputs(given.get("inputs"))))
            self.said.turns[key] = turn
        elif data.get("effect") == "model" and not again:
            self._asked(self.said.turns.get(parent_of(key)), given)

    def _asked(self, turn: Turn | None, given: Mapping[str, Any]) -> None:
        """What a request says anew, but for what the turn heard with its last reply."""
        if turn is None:
            return
        for text in given.get("said") or ():
            if text in turn.steered:
                turn.steered.remove(text)
            else:
                turn.entries.append(Message("user", str(text)))

    def _ended(self, row: Event) -> None:
        data, key = row.data, row.key
        effect = str(data.get("effect") or "")
        state = row.kind.partition(".")[2].replace("finished", "done")
        result = _result(row)
        if effect == "model":
            self._replied(self.said.turns.get(parent_of(key)), row)
            return
        if (slot := self._slots.get(key)) is not None:
            turn, place = slot
            turn.entries[place] = Message("tool", _text(result), str(data.get("name") or ""))
        name = str(data.get("name") or "")
        arguments = self._arguments.get(key)
        self.said.done[key] = Done(key, effect, name, arguments, state, result)
        self.said.places[key] = self._place

    def _replied(self, turn: Turn | None, row: Event) -> None:
        if turn is None:
            return
        if row.kind != "step.finished":
            turn.entries.append(Message("assistant", f"{row.kind}: {_text(_result(row))}"))
            return
        result = _mapping(row.data.get("result"))
        turn.steered = [str(text) for text in result.get("steered") or ()]
        turn.entries += [Message("user", text, "steering") for text in turn.steered]
        calls = [(str(call.get("name")), call.get("arguments")) for call in calls_of(row)]
        turn.entries.append(Message("assistant", str(result.get("text") or ""), "", tuple(calls)))
        for key, (_, arguments) in zip(call_keys(row), calls, strict=True):
            self._slots[key] = (turn, len(turn.entries))
            self._arguments.setdefault(key, arguments)
            turn.entries.append(None)


def _result(row: Event) -> Any:
    data = row.data
    if row.kind == "step.finished":
        return data.get("result")
    error = _mapping(data.get("error"))
    return error.get("message") or data.get("reason") or ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _inputs(inputs: Any) -> str:
    return "\n".join(f"{name}: {_text(value)}" for name, value in _mapping(inputs).items())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()
