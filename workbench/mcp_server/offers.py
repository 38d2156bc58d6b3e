"""What a client is offered: agents, patterns and what there is to do with runs, as tools.

Each is a signature with a name: the inputs are the tool's input schema, the outputs its structured
output, and both are read by the same code that reads an agent's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from workbench.agent.agent import Agent
from workbench.agent.annotations import kind_of
from workbench.agent.fields import REQUIRED, Field
from workbench.agent.kinds import NONE, OBJECT, Kind, ListOf, OneOf, either
from workbench.agent.signature import Signature
from workbench.errors import SignatureError, UnknownName
from workbench.mcp_server.run_tools import RUN_TOOLS
from workbench.permission.roles import MAY, Action, Caller
from workbench.plain import plain
from workbench.workflow.pattern import Pattern

Sort: TypeAlias = Literal["ask", "follow", "run"]
"""An agent · a pattern · something about runs."""

_MOST_WORDS: Final = 2_000
_UNNAMED: Final = frozenset({"ask", "use", "script", "restore-files"})
"""The workbench's own patterns: agents are tools themselves, and tools are for agents to use."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One tool."""

    name: str
    sort: Sort
    subject: str
    """The agent's, pattern's or run tool's own name."""
    signature: Signature
    description: str
    action: Action
    """What a caller must be allowed."""

    def is_for(self, caller: Caller) -> bool:
        """Whether a caller sees it.

        Who may start runs answers for them as a person, when the client asks: a model that can
        call tools must not be able to approve by calling one.
        """
        if self.action == "answer" and "start" in MAY[caller.role]:
            return False
        return caller.may(self.action, is_own=True)


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that is offered, by name."""

    by_name: Mapping[str, Offer]

    @staticmethod
    def of(agents: Mapping[str, Agent], patterns: Mapping[str, Pattern[..., Any]]) -> Offers:
        """What agents and patterns there are make, and the tools about runs."""
        found = [*_run_offers(), *map(_agent_offer, agents.values())]
        known = OneOf(tuple(sorted(agents)))
        found += [
            offer
            for name, pattern in patterns.items()
            if name not in _UNNAMED and (offer := _pattern_offer(pattern, known)) is not None
        ]
        return Offers({offer.name: offer for offer in _apart(found)})

    def for_(self, caller: Caller) -> list[Offer]:
        """What a caller is shown."""
        return [offer for offer in self.by_name.values() if offer.is_for(caller)]

    def find(self, name: str, caller: Caller) -> Offer:
        """One by its name. Raises UnknownName with the nearest, Denied for another role."""
        offer = self.by_name.get(name)
        if offer is None:
            raise UnknownName("tool", name, [offer.name for offer in self.for_(caller)])
        if not offer.is_for(caller):
            caller.check(offer.action, is_own=True)
            raise UnknownName("tool", name, [offer.name for offer in self.for_(caller)])
        return offer


def _run_offers() -> Iterator[Offer]:
    for name, (action, signature) in RUN_TOOLS.items():
        yield Offer(name, "run", name, signature, signature.instructions, action)


def _agent_offer(agent: Agent) -> Offer:
    about = "\n\n".join(t for t in (agent.signature.instructions, agent.instructions) if t)
    text = f"Ask the agent {agent.name}. {about}".strip()
    return Offer(f"ask_{agent.name}", "ask", agent.name, agent.signature, text, "start")


def _pattern_offer(pattern: Pattern[..., Any], agents: OneOf) -> Offer | None:
    """A pattern as a tool; None where JSON cannot say what it takes."""
    try:
        inputs = tuple(_inputs(pattern, agents))
        output = Field("result", _result(pattern))
        signature = Signature(inputs, (output,), name=pattern.name)
    except SignatureError:
        return None
    text = f"Follow the pattern {pattern.name}. {pattern.doc}".strip()
    return Offer(f"follow_{pattern.name}", "follow", pattern.name, signature, text, "start")


def _inputs(pattern: Pattern[..., Any], agents: OneOf) -> Iterator[Field]:
    hints = _hints(pattern)
    for parameter in pattern.parameters:
        default = REQUIRED if parameter.is_required else parameter.default
        try:
            kind = _kind(hints.get(parameter.name, Any), agents)
            yield Field(parameter.name, kind, parameter.doc, default)
        except SignatureError:
            if parameter.is_required:
                raise  # else it keeps its default


def _hints(pattern: Pattern[..., Any]) -> dict[str, Any]:
    try:
        found = inspect.signature(pattern.function, eval_str=True)
    except (NameError, TypeError, AttributeError) as error:
        raise SignatureError(f"pattern {pattern.name!r}: {error}") from None
    for parameter in found.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise SignatureError(f"pattern {pattern.name!r} takes more than names can give")
    hints = {p.name: p.annotation for p in found.parameters.values()}
    hints["return"] = found.return_annotation
    return {name: hint for name, hint in hints.items() if hint is not inspect.Signature.empty}


def _result(pattern: Pattern[..., Any]) -> Kind:
    try:
        return kind_of(_hints(pattern).get("return", Any))
    except SignatureError:
        return either(OBJECT, NONE)  # whatever it is, its row is JSON


def _kind(annotation: Any, agents: OneOf) -> Kind:
    """What an annotation takes, agents being given by name. Raises SignatureError."""
    if not _names_agents(annotation):
        return kind_of(annotation)
    if not agents.values:
        raise SignatureError("there is no agent that could be named")
    if annotation is Agent:
        return agents
    inner = [arg for arg in get_args(annotation) if arg is not Ellipsis]
    origin = get_origin(annotation)
    if _is_union(origin):
        return either(*(_kind(arg, agents) for arg in inner))
    if isinstance(origin, type) and len(inner) == 1 and not issubclass(origin, Mapping):
        return ListOf(_kind(inner[0], agents))
    raise SignatureError("agents can be named alone or in a list")


def _names_agents(annotation: Any) -> bool:
    if annotation is Agent:
        return True
    return any(_names_agents(arg) for arg in get_args(annotation))


def _is_union(origin: Any) -> bool:
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def _apart(offers: Iterable[Offer]) -> Iterator[Offer]:
    """With names that clients take, each once."""
    taken = set[str]()
    for offer in offers:
        base = re.sub(r"[^A-Za-z0-9_-]", "_", offer.name)[:60]
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        text = plain(offer.description)[:_MOST_WORDS]
        yield Offer(name, offer.sort, offer.subject, offer.signature, text, offer.action)


def schemas(offer: Offer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The input and output schema of a tool."""
    return offer.signature.input_schema(), offer.signature.output_schema()
