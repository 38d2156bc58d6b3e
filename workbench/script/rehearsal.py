"""A rehearsal: a pattern driven from its first await to its end with made-up replies.

Nothing is performed and nobody is asked: each effect is answered at once with a sample, in the
order in which it was asked for. What comes of it is the list of what the workflow asked for, which
must be the same whenever it is rehearsed; whatever makes it another one is something that no row
records.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from workbench.agent.agent import Agent
from workbench.agent.annotations import kind_of
from workbench.agent.fields import Field
from workbench.agent.schema import schema_of
from workbench.agent.signature import Signature
from workbench.errors import UnknownName, WorkbenchError
from workbench.foreign import Raised, attempt
from workbench.journal.divergence import Asked, asked_of, how_it_ended
from workbench.journal.drive import Drive
from workbench.journal.events import Event
from workbench.journal.strands import Body, End, Parked, Perform, Request, Stop
from workbench.models.samples import sample, sentence
from workbench.workflow.effects import Effect
from workbench.workflow.pattern import Parameter, Pattern

MOST: Final = 1000
"""Effects after which a rehearsal is broken off: a loop may never be content with samples."""

_SIGNATURE = re.compile(r"``([^`]*->[^`]*)``")


@dataclass(slots=True)
class Rehearsal:
    """What a workflow asked for, and how it ended."""

    asked: list[Asked] = field(default_factory=list[Asked])
    ended: str = ""
    """In words; empty when it was broken off."""
    failed: bool = False
    """It raised something that is not a workbench's error: the samples may not suit it."""


def rehearse(
    pattern: Pattern[..., Any],
    inputs: Mapping[str, Any],
    patterns: Mapping[str, Pattern[..., Any]],
    around: Callable[[Callable[[], list[Request]]], list[Request]] = lambda act: act(),
) -> Rehearsal:
    """Drive a pattern with samples.

    Args:
        pattern: what is driven.
        inputs: its arguments.
        patterns: others by name, for what it follows.
        around: called with each step of the drive, to watch it.
    """
    found, queue, seq = Rehearsal(), list[Request](), 0

    def resolve(effect: Effect[Any], data: Mapping[str, Any]) -> Body:
        return Body(lambda: _followed(effect, data, patterns))

    drive = Drive(pattern.name, pattern.function(**inputs), resolve)
    queue += around(drive.start)
    while queue and drive.outcome is None and len(found.asked) < MOST:
        request = queue.pop(0)
        if isinstance(request, Stop):
            continue
        seq += 1
        row = _answered(request, seq, found, drive)
        if row is not None:
            queue += around(lambda row=row: drive.feed(row))
    found.ended = how_it_ended(drive)
    error = drive.outcome.error if isinstance(drive.outcome, Raised) else None
    found.failed = error is not None and not isinstance(error, WorkbenchError)
    drive.suspend()
    return found


def _followed(
    effect: Effect[Any], data: Mapping[str, Any], patterns: Mapping[str, Pattern[..., Any]]
) -> Any:
    subject: Any = effect.subject
    if isinstance(subject, str):
        if subject not in patterns:
            raise UnknownName("pattern", subject, patterns)
        subject = patterns[subject]
    return subject(**data["inputs"])


def _answered(request: Request, seq: int, found: Rehearsal, drive: Drive) -> Event | None:
    """The row that answers a request; None when nobody waits for it any more."""
    parked = cast("Perform | End", request).parked
    if drive.parked.get(parked.key) is not parked:
        return None
    data: dict[str, Any] = {"fingerprint": parked.fingerprint}
    if isinstance(request, End):
        if isinstance(request.outcome, Raised):
            error = {"code": "error", "message": str(request.outcome.error)}
            return Event("", seq, 0.0, "step.failed", parked.key, {**data, "error": error})
        return _finished(parked, seq, request.outcome.value)
    if not parked.stopping:
        found.asked.append(asked_of(parked))
    if parked.stopping:
        return Event("", seq, 0.0, "step.cancelled", parked.key, data)
    if parked.effect.kind == "follow":
        inputs = parked.effect.arguments["inputs"]
        return Event("", seq, 0.0, "step.started", parked.key, {**data, "inputs": inputs})
    return _finished(parked, seq, _sample_of(parked.effect))


def _finished(parked: Parked, seq: int, result: Any) -> Event:
    data = {"fingerprint": parked.fingerprint, "result": result}
    return Event("", seq, 0.0, "step.finished", parked.key, data)


# -- samples ---------------------------------------------------------------------------------------


class Words(str):
    """A text that also has whatever a workflow looks for in it: parts, which are texts too."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Words:
        return Words(_looked_for(name))

    def __getitem__(self, key: Any) -> Any:
        return Words(key) if isinstance(key, str) else Words(super().__getitem__(key))


def _looked_for(name: str) -> str:
    """The name of an attribute that a workflow may mean; Python and encoders look for others."""
    if name.startswith(("_", "model_")):
        raise AttributeError(name)
    return name


class Reply(Mapping[str, Any]):
    """An agent's reply: its outputs as samples, and a text for any other name."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        self._outputs = dict(outputs)

    def __getattr__(self, name: str) -> Any:
        return self._outputs.get(_looked_for(name), Words(name))

    def __getitem__(self, key: str) -> Any:
        return self._outputs.get(key, Words(key))

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


def _sample_of(effect: Effect[Any]) -> Any:
    if effect.kind == "ask":
        return _reply(effect)
    if effect.kind == "question":
        return next(iter(effect.arguments["choices"]), "yes")
    return _SAMPLES.get(effect.kind, Words(effect.name or effect.kind))


_SAMPLES: Mapping[str, Any] = {
    "now": "2026-01-01T00:00:00+00:00",
    "random": 0.5,
    "discover": ["ann", "ben"],
    **dict.fromkeys(("send", "remember", "forget", "checkpoint", "sleep")),
}


def _reply(effect: Effect[Any]) -> Reply:
    agent, inputs = effect.subject, effect.arguments["inputs"]
    if not isinstance(agent, Agent):
        return Reply({})
    schema = agent.signature.output_schema()
    return Reply(agent.signature.read_outputs(sample(schema, inputs, agent.name)))


def sample_inputs(pattern: Pattern[..., Any]) -> dict[str, Any]:
    """Arguments for a pattern's required parameters, by their types and their docstring."""
    hints = attempt(_annotations, pattern)
    types = {} if isinstance(hints, Raised) else hints.value
    return {
        one.name: _input(one, types.get(one.name)) for one in pattern.parameters if one.is_required
    }


def _annotations(pattern: Pattern[..., Any]) -> dict[str, Any]:
    found = inspect.signature(pattern.function, eval_str=True).parameters
    return {name: one.annotation for name, one in found.items()}


def _input(parameter: Parameter, annotation: Any) -> Any:
    if "Agent" in parameter.type:
        return _agents(parameter)
    kind = attempt(kind_of, annotation)
    if isinstance(kind, Raised) or annotation is None:
        return sentence(parameter.name, {})
    schema = schema_of([Field(parameter.name, kind.value)])
    return sample(schema, {}, "")[parameter.name]


def _agents(parameter: Parameter) -> Any:
    """Two agents where several are wanted, one else, with the signature that the docstring says."""
    told = _SIGNATURE.search(" ".join(parameter.doc.split()))
    text = told[1] if told else "task: str -> text: str"
    signature = attempt(Signature.parse, text)
    shape = "task: str -> text: str" if isinstance(signature, Raised) else text
    many = (
        re.match(r"(dict|Mapping)\b", parameter.type),
        re.match(r"(list|tuple|Sequence|Iterable|Collection)\b", parameter.type),
    )
    two = {name: Agent(name, shape) for name in ("ann", "ben")}
    if many[0]:
        return two
    return list(two.values()) if many[1] else Agent(parameter.name, shape)
