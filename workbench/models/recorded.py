"""Answers from an earlier run's rows: any run is a cassette.

A request is found by who asks, with which inputs, and by the head of its conversation, which names
everything said since. The ids of tool calls differ from run to run, so a conversation is compared
as it would have been with the ids of then. Asked the same again, the next recorded answer is given,
and after the last one the first: a tape may be played twice. What was never asked is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from workbench.agent.conversation import (
    Capabilities,
    Conversation,
    Entry,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.errors import ModelError, ModelUnreachable, Unrecorded
from workbench.journal.events import Event, parent_of
from workbench.values import digest, dumps


@dataclass(slots=True)
class Asked:
    """One model call of then."""

    head: str
    """Of the conversation, without the rendered inputs that begin it."""
    answer: ModelReply | ModelError | None = None
    steered: tuple[str, ...] = ()
    """What a person said just before it."""
    given: int = 0
    """How often it was played."""


@dataclass(slots=True)
class Turn:
    """One turn of an agent: its model calls in order."""

    agent: str = ""
    inputs: str | None = None
    """Digest of the inputs, or None when the rows do not hold them."""
    given: dict[str, Any] | None = None
    asks: dict[str, Asked] = field(default_factory=dict[str, Asked])

    def like(self, request: ModelRequest) -> Asked | None:
        """The call of this turn that a request repeats."""
        said = sum(entry.role == "assistant" for entry in request.entries)
        asks = list(self.asks.values())
        if said >= len(asks) or asks[said].answer is None:
            return None
        then = [ask.answer for ask in asks[:said]]
        head = head_then(request.entries[1:], then, asks[said].steered)
        return asks[said] if asks[said].head == head else None


@dataclass(slots=True)
class RecordedModel:
    """One run's answers."""

    run_id: str
    turns: list[Turn]

    @staticmethod
    def of(run_id: str, rows: Iterable[Event]) -> RecordedModel:
        """The recording in a run's rows (those of its parents before the cut included)."""
        turns: dict[str, Turn] = {}
        for row in rows:
            match row.kind, row.data.get("effect"):
                case "step.started", "ask":
                    turn = turns.setdefault(row.key, Turn())
                    turn.given = _inputs(row)
                    turn.inputs = None if turn.given is None else digest(dumps(turn.given), 12)
                case "step.started", "model":
                    turn = turns.setdefault(parent_of(row.key), Turn())
                    arguments: Mapping[str, Any] = row.data.get("arguments") or {}
                    turn.agent = str(arguments.get("agent") or "")
                    turn.asks[row.key] = Asked(str(arguments.get("head") or ""))
                case "step.finished" | "step.failed", "model":
                    _keep(turns.setdefault(parent_of(row.key), Turn()).asks.get(row.key), row)
                case _:
                    pass
        return RecordedModel(run_id, [turn for turn in turns.values() if turn.asks])

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The answer that was given to this then.

        Raises:
            Unrecorded: this was never asked; names what comes nearest.
            ModelError: it failed then too.
        """
        asked = self._find(request)
        if asked is None:
            raise self._missing(request)
        asked.given += 1
        if isinstance(asked.answer, ModelError):
            raise asked.answer
        assert asked.answer is not None
        on_delta(asked.answer.text)
        return asked.answer

    async def models(self) -> list[ModelInfo]:
        """The recording itself."""
        name = f"recorded:{self.run_id}"
        return [ModelInfo(name, ("chat", "tools"), None, None, (0.0, 0.0))]

    async def capabilities(self, name: str) -> Capabilities:
        """Whatever was asked then."""
        del name
        return Capabilities(None, True, True, True, True, True, True, embeddings=False, chat=True)

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _find(self, request: ModelRequest) -> Asked | None:
        inputs = digest(dumps(dict(request.inputs)), 12)
        turns = (turn for turn in self.turns if turn.agent == request.agent)
        alike = (turn.like(request) for turn in turns if turn.inputs in (None, inputs))
        return min((ask for ask in alike if ask), key=lambda ask: ask.given, default=None)

    def _missing(self, request: ModelRequest) -> Unrecorded:
        """The error that says what was asked, and what comes nearest to it."""
        own = [turn for turn in self.turns if turn.agent == request.agent]
        inputs = dict(request.inputs)
        last = request.entries[-1].text if request.entries else ""
        who = f"{request.agent or 'no agent'} after {len(request.entries)} entries"
        near = _nearest(own, inputs)
        return Unrecorded(
            f"the recording of run {self.run_id} has no answer for {who}: {last[:120]!r}",
            hint=self._hint(own, near, inputs),
            reason="unrecorded",
            retry=False,
            retry_after_s=None,
            agent=request.agent,
            asked=inputs,
            nearest=near.given if near is not None else None,
        )

    def _hint(self, own: list[Turn], near: Turn | None, inputs: Mapping[str, Any]) -> str:
        if not own:
            agents = ", ".join(sorted({turn.agent for turn in self.turns})) or "nobody"
            return f"It has turns of {agents}"
        if near is None:
            return f"Its {len(own)} turns of this agent went otherwise"
        if near.given == inputs:
            return "It was asked the same then, and the turn went on otherwise"
        return f"The nearest it was asked: {dumps(near.given).decode()[:200]}"


def _nearest(turns: Sequence[Turn], inputs: Mapping[str, Any]) -> Turn | None:
    """The turn whose inputs look most like these."""
    wanted = dumps(dict(inputs)).decode()[:_COMPARED]
    known = [turn for turn in turns if turn.given is not None]

    def likeness(turn: Turn) -> float:
        then = dumps(turn.given).decode()[:_COMPARED]
        return SequenceMatcher(None, then, wanted).ratio()

    return max(known, key=likeness, default=None)


_COMPARED = 500
"""Characters of inputs that are looked at for likeness."""


def head_then(
    entries: Sequence[Entry],
    answers: Sequence[ModelReply | ModelError | None],
    steered: Sequence[str],
) -> str | None:
    """The head these entries would have had with the call ids of ``answers``, or None."""
    heard = list(entries[len(entries) - len(steered) :]) if steered else []
    if [entry.text for entry in heard if entry.role == "user"] != list(steered):
        return None
    conversation, ids, spoken = Conversation(), dict[str, str](), iter(answers)
    for entry in entries[: len(entries) - len(heard)]:
        if entry.role == "assistant":
            answer = next(spoken, None)
            if not isinstance(answer, ModelReply) or len(answer.calls) != len(entry.calls):
                return None
            ids |= {now.id: old.id for now, old in zip(entry.calls, answer.calls, strict=True)}
        calls = tuple(replace(call, id=ids[call.id]) for call in entry.calls)
        call_id = ids.get(entry.call_id, entry.call_id)
        conversation = conversation.add(replace(entry, calls=calls, call_id=call_id))
    return conversation.head


def read_reply(result: Mapping[str, Any]) -> ModelReply:
    """The reply a model step's row holds, with the call ids of then."""
    calls = tuple(
        ToolCall(str(call["name"]), dict(call.get("arguments") or {}), str(call.get("id") or ""))
        for call in result.get("calls") or ()
    )
    return ModelReply(
        str(result.get("text") or ""),
        calls,
        Usage(),
        str(result.get("model") or ""),
        result.get("finish") or ("tools" if calls else "stop"),
        str(result.get("thinking") or ""),
    )


def _keep(asked: Asked | None, row: Event) -> None:
    if asked is None:
        return
    if row.kind == "step.failed":
        asked.answer = _failure(row.data.get("error") or {})
        return
    result: Mapping[str, Any] = row.data.get("result") or {}
    used: Mapping[str, Any] = row.data.get("usage") or {}
    tokens = (int(used.get("input_tokens") or 0), int(used.get("output_tokens") or 0))
    asked.answer = replace(read_reply(result), usage=Usage(*tokens, 0.0))
    asked.steered = tuple(result.get("steered") or ())


def _inputs(row: Event) -> dict[str, Any] | None:
    match row.data.get("arguments"):
        case {"inputs": {**inputs}}:
            return inputs
        case _:
            return None


def _failure(error: Mapping[str, Any]) -> ModelError:
    """The same failure; trying again would be refused as unrecorded."""
    kind = ModelUnreachable if error.get("code") == "model_unreachable" else ModelError
    then: Mapping[str, Any] = error.get("data") or {}
    failure = kind(str(error.get("message") or "failed then"))
    failure.data = {**then, "retry": False}
    return failure
