"""Answers from an earlier run's rows: any run is a cassette.

A request is found by who asks and by the head of its conversation, which names everything said so
far. Asked the same thing again, it gets the next recorded answer. What was never asked is an error,
not a guess.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from workbench.agent.conversation import (
    Conversation,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.errors import ModelError, ModelUnreachable
from workbench.journal.events import Event, agent_of
from workbench.models.failures import failed
from workbench.values import digest, dumps

Heading: TypeAlias = tuple[str, str]
"""Who asked, and the head of the conversation (or the digest of the inputs, where no head is)."""


@dataclass(slots=True)
class RecordedModel:
    """One run's answers, given out in their order."""

    run_id: str
    answers: dict[Heading, deque[ModelReply | ModelError]] = field(
        default_factory=lambda: defaultdict[Heading, deque[ModelReply | ModelError]](deque)
    )
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """How many answers each agent has, also after they were given."""

    @staticmethod
    def of(run_id: str, rows: Iterable[Event]) -> RecordedModel:
        """The recording in a run's rows (those of its parents before the cut included)."""
        model = RecordedModel(run_id)
        asked: dict[str, Heading | None] = {}
        for row in rows:
            if row.data.get("effect") != "model":
                continue
            if row.kind == "step.started":
                asked[row.key] = _heading(row)
            elif row.kind in ("step.finished", "step.failed") and (by := asked.get(row.key)):
                model._keep(by, row)
        return model

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """The answer that was given to this then.

        Raises:
            ModelError: this was never asked, or failed then too.
        """
        head = Conversation().add(*request.entries).head
        for heading in ((request.agent, head), (request.agent, _inputs_head(request.inputs))):
            if self.answers.get(heading):
                answer = self.answers[heading].popleft()
                if isinstance(answer, ModelError):
                    raise answer
                on_delta(answer.text)
                return answer
        raise self._missing(request, head)

    async def models(self) -> list[ModelInfo]:
        """The recording itself."""
        name = f"recorded:{self.run_id}"
        return [ModelInfo(name, ("chat", "tools"), None, None, (0.0, 0.0))]

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _keep(self, heading: Heading, row: Event) -> None:
        if row.kind == "step.failed":
            answer: ModelReply | ModelError = _failure(row.data.get("error") or {})
        else:
            answer = read_reply(row.data.get("result") or {})
        self.counts[heading[0]] = self.counts.get(heading[0], 0) + 1
        self.answers[heading].append(answer)

    def _missing(self, request: ModelRequest, head: str) -> ModelError:
        recorded = self.counts.get(request.agent)
        last = request.entries[-1].text if request.entries else ""
        what = f"{request.agent or 'no agent'} after {len(request.entries)} entries"
        agents = ", ".join(sorted(self.counts)) or "nobody"
        return failed(
            f"the recording of run {self.run_id} has no answer for {what}: {last[:120]!r}",
            "unrecorded",
            hint=f"It has {recorded} of this agent, to other conversations or already given"
            if recorded
            else f"It has answers of {agents}",
            agent=request.agent,
            head=head,
        )


def read_reply(result: Mapping[str, Any]) -> ModelReply:
    """The reply a model step's row holds."""
    usage: Mapping[str, Any] = result.get("usage") or {}
    calls = tuple(
        ToolCall(str(call["name"]), dict(call.get("arguments") or {}))
        for call in result.get("calls") or ()
    )
    return ModelReply(
        str(result.get("text") or ""),
        calls,
        Usage(int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0), 0.0),
        str(result.get("model") or ""),
        result.get("finish") or ("tools" if calls else "stop"),
        str(result.get("thinking") or ""),
    )


def _heading(row: Event) -> Heading | None:
    arguments: Mapping[str, Any] = row.data.get("arguments") or {}
    agent = str(arguments.get("agent") or row.data.get("agent") or agent_of(row.key))
    if head := arguments.get("head"):
        return agent, str(head)
    if "inputs" in arguments:
        return agent, _inputs_head(arguments["inputs"])
    return None


def _inputs_head(inputs: Mapping[str, Any]) -> str:
    return "inputs:" + digest(dumps(dict(inputs)), 12)


def _failure(error: Mapping[str, Any]) -> ModelError:
    """The same failure; trying again would be refused as unrecorded."""
    kind = ModelUnreachable if error.get("code") == "model_unreachable" else ModelError
    then: Mapping[str, Any] = error.get("data") or {}
    failure = kind(str(error.get("message") or "failed then"))
    failure.data = {**then, "retry": False}
    return failure
