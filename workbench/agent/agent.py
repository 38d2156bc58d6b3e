"""Agents: a signature with a name, a model, tools and instructions. A value; it runs nothing.

What an agent does when asked is the turn, a workflow in `workbench.agent.turn`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from workbench.agent import grammar
from workbench.agent.docstrings import summary
from workbench.agent.fields import read_fields
from workbench.agent.handing import handed, pattern_tool
from workbench.agent.kinds import OBJECT, DictOf, Misfit
from workbench.agent.media import takes_media
from workbench.agent.plan import Planning
from workbench.agent.schema import schema_of
from workbench.agent.signature import Field, Signature, SignatureLike
from workbench.agent.tool import Tool
from workbench.errors import ConfigError, InputError, WorkbenchError, nearest
from workbench.values import copied
from workbench.workflow.pattern import Pattern

Style: TypeAlias = Literal["auto", "single", "chain", "plan", "verify"]
"""How a turn goes: by what the agent has, in one answer, with reasoning before it, by a plan whose
items are carried out, or by a plan and until the answer is verified."""

PLANNING_STYLES: Final = frozenset({"plan", "verify"})
_TAKEN: Final = "results"
"""An input that the last turn of a plan has itself."""
_TAKEN_OF_MEDIA: Final = frozenset({"task", "tools", "done", "failed", "left", "item", "criterion"})
"""Inputs that its other turns have, which are given media beside them, and all else as a text."""


@dataclass(frozen=True, slots=True)
class Example:
    """One worked case that the model is shown."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, init=False)
class Agent:
    """Who is asked: all that an answer depends on besides the inputs and the model's mood."""

    name: str
    signature: Signature
    instructions: str
    tools: tuple[Tool | str, ...]
    """Tools, or names of registered ones; agents and patterns among them are tools here."""
    model: str | None
    """``provider:name``; None for whatever the workbench uses by default."""
    fallback: tuple[str, ...]
    """Models that are asked, in order, when that one cannot answer; none, and settings decide."""
    style: Style
    max_rounds: int
    """The most model calls of one turn: an answer, or tool calls that lead to it."""
    options: Mapping[str, Any]
    """``temperature``, ``seed``, ``max_tokens``, ``think``: passed on as they are."""
    examples: tuple[Example, ...]
    planning: Planning
    """Of a style that plans: how it goes about it."""

    def __init__(  # noqa: PLR0913 - the front door's form; all but two are named
        self,
        name: str,
        signature: SignatureLike,
        *,
        instructions: str = "",
        tools: Iterable[Tool | str | Agent | Pattern[..., Any]] = (),
        model: str | Sequence[str] | None = None,
        style: Style = "auto",
        max_rounds: int = 12,
        options: Mapping[str, Any] | None = None,
        examples: Iterable[Example | Mapping[str, Any]] = (),
        fallback: Sequence[str] = (),
        planning: Planning | Mapping[str, Any] | None = None,
    ) -> None:
        """Check and keep the parts.

        Args:
            name: How rows and people call it.
            signature: A signature, or its text, class or typed function.
            instructions: What to do, beside what the signature itself says.
            tools: Tools, other agents and patterns, or names of registered ones. Calling an agent
                or a pattern hands it a sub-task: its inputs are the arguments.
            model: ``provider:name``, or several, each asked when those before it cannot answer;
                None for the default.
            style: ``chain`` asks for reasoning before the answer, ``single`` uses no tools;
                ``plan`` makes a plan and carries it out, ``verify`` also verifies the answer.
            max_rounds: The most model calls of one turn.
            options: What to set for the model.
            examples: Worked cases: `Example`, ``{"inputs": …, "outputs": …}``, or both sides'
                fields in one mapping.
            fallback: Models after ``model``, as if they stood in its list.
            planning: Of ``plan`` and ``verify``: ``approve``, ``rounds``, ``items``, ``at_once``,
                ``judge``, ``checks`` (see `workbench.agent.plan.Planning`).

        Raises:
            InputError: naming what does not fit.
            SignatureError: the signature does not parse.
        """
        whole = Signature.of(signature)
        first, *others = _models(name, model, fallback)
        parts: dict[str, Any] = {
            "name": name,
            "signature": whole,
            "instructions": instructions,
            "tools": _tools(name, tools),
            "model": first,
            "fallback": tuple(others),
            "style": style,
            "max_rounds": max_rounds,
            "options": _options(name, options or {}),
            "examples": tuple(_example(name, whole, i, e) for i, e in enumerate(examples, 1)),
            "planning": _planning(name, whole, style, planning),
        }
        _check(parts)
        for part, value in parts.items():
            object.__setattr__(self, part, value)

    @property
    def tool_names(self) -> tuple[str, ...]:
        """What its tools are called."""
        return tuple(t if isinstance(t, str) else t.name for t in self.tools)

    def definition(self) -> dict[str, Any]:
        """The agent as JSON, tools by name; `from_definition` reads it back."""
        planning = self.planning.definition() if self.style in PLANNING_STYLES else None
        return {
            "name": self.name,
            "signature": _written(self.signature),
            "instructions": self.instructions,
            "tools": [_defined(tool) for tool in self.tools],
            "model": [self.model, *self.fallback] if self.fallback else self.model,
            "style": self.style,
            "max_rounds": self.max_rounds,
            "options": copied(self.options),
            "examples": copied([{"inputs": e.inputs, "outputs": e.outputs} for e in self.examples]),
            **({"planning": planning} if planning else {}),
        }

    def model_dump(self, mode: str = "json") -> dict[str, Any]:
        """As a value inside arguments: how rows hold an agent that a pattern was given."""
        return {"$agent": self.definition()}

    @staticmethod
    def from_definition(
        definition: Mapping[str, Any], types: Mapping[str, Any] | None = None
    ) -> Agent:
        """Build an agent from JSON: a file's, or what `definition` gave.

        Args:
            definition: See `SETTINGS`; ``signature`` is text, or an object with text,
                instructions, name and types (JSON schemas).
            types: Python types that the signature's text names; they come before schemas.

        Raises:
            ConfigError: a key is unknown or has the wrong type; ``data["key"]`` has it.
            WorkbenchError: a part says something impossible.
        """
        found = _settings(SETTINGS, definition, "agent", definition.get("name"))
        signature = found.pop("signature")
        return Agent(signature=_signature(signature, types or {}, found["name"]), **found)


SETTINGS, _ = grammar.parse(
    'name: str, signature: str | dict, instructions: str = "", tools: list[str | dict] = [], '
    "model: str | list[str] | None = null, "
    'style: Literal["auto", "single", "chain", "plan", "verify"] = "auto", '
    "max_rounds: int = 12, options: dict = {}, examples: list[dict] = [], "
    "planning: dict = {} -> agent",
    {},
)
"""The keys of a definition."""

_SIGNATURE_SETTINGS, _ = grammar.parse(
    'text: str, instructions: str = "", name: str = "", types: dict = {} -> signature', {}
)


def _settings(
    fields: tuple[Field, ...], given: Mapping[str, Any], what: str, name: Any
) -> dict[str, Any]:
    try:
        return read_fields(fields, given)
    except Misfit as misfit:
        whose = f"{what} {name!r}" if isinstance(name, str) and name else f"the {what}"
        raise ConfigError(
            f"{whose}: key {misfit.place!r} {misfit.problem}",
            hint=misfit.hint,
            key=misfit.field,
            nearest=nearest(misfit.field, [f.name for f in fields]),
        ) from None


def _signature(written: str | dict[str, Any], types: Mapping[str, Any], agent: str) -> Signature:
    if isinstance(written, str):
        return Signature.parse(written, types)
    found = _settings(_SIGNATURE_SETTINGS, written, "signature of agent", agent)
    text, schemas = found.pop("text"), found.pop("types")
    return Signature.parse(text, {**schemas, **types}, **found)


def _written(signature: Signature) -> str | dict[str, Any]:
    """The signature as its text alone if that says everything."""
    schemas = {name: _type_schema(signature, name) for name in signature.types}
    beside = {"instructions": signature.instructions, "name": signature.name, "types": schemas}
    told = {key: value for key, value in beside.items() if value}
    return {"text": str(signature), **told} if told else str(signature)


def _type_schema(signature: Signature, name: str) -> dict[str, Any]:
    field = Field(name, grammar.parse_type(name, signature.types))
    whole = schema_of([field])
    schema = cast("dict[str, Any]", whole["properties"][name])
    return {**schema, "$defs": whole["$defs"]} if "$defs" in whole else schema


def _models(agent: str, model: str | Sequence[str] | None, fallback: Sequence[str]) -> list[Any]:
    """The first model, or None, and those after it."""
    found: list[Any] = [model or None] if model is None or isinstance(model, str) else [*model]
    found += fallback
    if found == [None]:
        return found
    if not found or not all(isinstance(one, str) and one for one in found):
        raise InputError(f"agent {agent!r}: models are names, not {found!r}", field="model")
    return list(dict.fromkeys(found))


def _options(agent: str, options: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return DictOf(OBJECT).read(options, "options")
    except Misfit as misfit:
        raise InputError(
            f"agent {agent!r}: {misfit.place} {misfit.problem}", field="options"
        ) from None


def _planning(
    agent: str, signature: Signature, style: str, given: Planning | Mapping[str, Any] | None
) -> Planning:
    if style not in PLANNING_STYLES:
        if given and given != Planning() and style in get_args(Style):
            raise InputError(
                f"agent {agent!r}: style {style!r} makes no plan, so planning says nothing",
                hint="Write style 'plan' or 'verify'",
                field="planning",
            )
        return Planning()
    for one in signature.inputs:
        if one.name == _TAKEN or (one.name in _TAKEN_OF_MEDIA and takes_media(one.type)):
            text = f"a plan needs the name {one.name!r} itself: call the input otherwise"
            raise InputError(f"agent {agent!r}: {text}", field="signature")
    try:
        return Planning.read(given or {}, style)
    except InputError as error:
        text = f"agent {agent!r}: {error.message}"
        raise InputError(text, hint=error.hint, **error.data) from None


def agent_tool(agent: Agent) -> Tool:
    """An agent as a tool. Raises InputError when no model could call its name."""
    told = agent.signature.instructions or agent.instructions
    return handed(agent.name, summary(told) or f"Ask {agent.name}.", agent.signature.inputs, agent)


def _defined(tool: Tool | str) -> Any:
    """A tool in a definition: its name, but whole if it is an agent."""
    if isinstance(tool, str):
        return tool
    return tool.scope.definition() if isinstance(tool.scope, Agent) else tool.name


def _as_tool(one: Any) -> Any:
    if isinstance(one, Mapping):
        one = Agent.from_definition(cast("Mapping[str, Any]", one))
    if isinstance(one, Agent):
        return agent_tool(one)
    return pattern_tool(cast("Pattern[..., Any]", one)) if isinstance(one, Pattern) else one


def _tools(agent: str, tools: Iterable[Any]) -> tuple[Tool | str, ...]:
    found = (tools,) if isinstance(tools, str) else tuple(_as_tool(one) for one in tools)
    names: set[str] = set()
    for one in found:
        if not isinstance(one, Tool | str):
            raise InputError(
                f"agent {agent!r}: {one!r} is not a tool",
                hint="Write @tool above the function" if callable(one) else "",
                field="tools",
            )
        name = one if isinstance(one, str) else one.name
        if name in names:
            raise InputError(f"agent {agent!r} has the tool {name!r} twice", field="tools")
        names.add(name)
    return found


def _example(
    agent: str, signature: Signature, number: int, given: Example | Mapping[str, Any]
) -> Example:
    """The example with both sides checked against the signature."""
    inputs, outputs = _sides(signature, given)
    try:
        return Example(signature.read_inputs(inputs), dict(signature.read_outputs(outputs)))
    except WorkbenchError as error:
        raise InputError(
            f"agent {agent!r}: example {number}: {error.message}", hint=error.hint, field="examples"
        ) from None


def _sides(
    signature: Signature, given: Example | Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if isinstance(given, Example):
        return given.inputs, given.outputs
    if set(given) == {"inputs", "outputs"}:
        return given["inputs"], given["outputs"]
    names = {field.name for field in signature.outputs}
    outputs = {name: value for name, value in given.items() if name in names}
    return {name: value for name, value in given.items() if name not in names}, outputs


def _check(parts: Mapping[str, Any]) -> None:
    name, style, rounds = parts["name"], parts["style"], parts["max_rounds"]
    if not isinstance(name, str) or not name.strip():
        raise InputError("an agent needs a name", field="name")
    if style not in get_args(Style):
        guess = nearest(str(style), cast("Sequence[str]", get_args(Style)))
        raise InputError(
            f"agent {name!r}: there is no style {style!r}",
            hint=f"Did you mean {guess!r}?"
            if guess
            else "Write auto, single, chain, plan or verify",
            field="style",
        )
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise InputError(
            f"agent {name!r}: max_rounds must be an int from 1, but is {rounds!r}",
            field="max_rounds",
        )
