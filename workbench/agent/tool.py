"""Tools: functions that an agent may call, as values with a JSON schema and a danger.

`@tool` makes one of a typed function; MCP servers and the built-in tools bring their schema with
them. Either way `Tool.read` lets through only arguments that fit, and tells the model which one
does not and what the nearest name is. A tool is not callable: what it does to the world goes
through the gate, by ``use(tool, ...)``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, overload

from workbench.agent.conversation import ToolSpec
from workbench.agent.docstrings import summary
from workbench.agent.fields import Field, read_fields
from workbench.agent.forms import parameters_of
from workbench.agent.kinds import OBJECT, Misfit, walk
from workbench.agent.named import Named
from workbench.agent.probe import Probe
from workbench.agent.schema import fit, schema_of
from workbench.errors import InputError, SignatureError, UnknownName
from workbench.permission.danger import Act, Danger
from workbench.values import copied, digest, dumps
from workbench.workflow.effects import Repeat
from workbench.workflow.keyed import check_keyed, key_parameter


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as everybody sees it: the model (`spec`), the gate, and whoever performs it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """A JSON schema of type object."""
    act: Act = "compute"
    """What kind of deed a call is."""
    repeat: Repeat = Repeat.UNSAFE
    """What another attempt would do when nobody knows how the first ended."""
    floor: Danger = Danger.MEDIUM
    """The least level that any call of it has."""
    function: Callable[..., Any] | None = None
    """Sync or async, called with what `read` returned; None for the built-in tools."""
    timeout_s: float = 60.0
    probe: Probe | None = None
    """Finds out whether a call has happened; a probeable tool with a function has one."""
    prepare: Callable[[dict[str, Any]], Any] | None = None
    """Called with the arguments before a call: a value that its probe will be given."""
    key_name: str = field(default="", init=False)
    """The function's parameter that takes the idempotency key, or empty."""
    fields: tuple[Field, ...] | None = field(default=None, compare=False, repr=False)
    """The parameters as kinds, where a function was read; None where only a schema is known."""
    scope: Any = field(default=None, repr=False)
    """The agent or pattern that a call is handed to (`workbench.agent.handing`), or None."""

    def __post_init__(self) -> None:
        if self.function is None:
            return
        what = f"tool {self.name!r}"
        name = check_keyed(self.function, self.repeat, what)
        object.__setattr__(self, "key_name", name)
        if self.repeat is Repeat.PROBEABLE and self.probe is None:
            raise SignatureError(
                f"{what} is probeable, and has no probe that could tell what became of a call",
                hint="Give it one (probe=function), or say repeat='unsafe'",
            )

    def read(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return a checked copy of the arguments as JSON values, defaults filled in.

        Raises:
            InputError: naming an unknown, missing or wrongly typed argument.
        """
        try:
            if not isinstance(arguments, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - a model's
                raise Misfit.wrong("", "an object", arguments)
            if self.fields is None:
                return fit(self._closed(), OBJECT.read(arguments, ""), "")
            return copied(read_fields(self.fields, arguments, "replied"))
        except Misfit as misfit:
            which = f"argument {misfit.place!r}" if misfit.place else "the arguments"
            raise InputError(
                f"tool {self.name!r}: {which} {misfit.problem}",
                hint=misfit.hint,
                tool=self.name,
                field=misfit.field,
                place=misfit.place,
                expected=misfit.expected,
                got=misfit.got,
            ) from None

    def _closed(self) -> dict[str, Any]:
        """The schema; one that lists properties and is silent about others takes no others.

        JSON Schema would let them pass, and the server would drop a misspelt argument unseen.
        """
        silent = "properties" in self.parameters and not self.parameters.keys() & {
            "additionalProperties",
            "patternProperties",
            "allOf",
            "anyOf",
            "oneOf",
            "$ref",
        }
        return {**self.parameters, "additionalProperties": False} if silent else self.parameters

    def spec(self) -> ToolSpec:
        """The tool as a model sees it."""
        return ToolSpec(self.name, self.description, self.parameters)

    @property
    def digest(self) -> str:
        """Names what a model sees of the tool: changes when its server words it anew."""
        return digest(dumps([self.name, self.description, self.parameters]))


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    act: Act = "compute",
    repeat: Repeat | str = "unsafe",
    danger: Danger | str = "MEDIUM",
    timeout_s: float = 60.0,
    probe: Probe | None = None,
    prepare: Callable[[dict[str, Any]], Any] | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(
    function: Callable[..., Any] | None = None, /, **settings: Any
) -> Tool | Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a typed function; its docstring tells the model what it is for.

    Args:
        function: Sync or async; every parameter has a type and can be given by name. One of
            type `IdempotencyKey` is no argument: the workbench fills it.
        **settings: ``name`` and ``description`` instead of the function's own; ``act``, what
            a call does; ``repeat``, one of pure, keyed, probeable, unsafe; ``danger``, the
            least level of any call; ``timeout_s``; for probeable tools ``probe``, a function
            ``(arguments, prepared)`` that tells whether a call has happened, by "done",
            "not_done", "unknown" or ``Done(result)``, and ``prepare``, a function
            ``(arguments)`` whose value is recorded before the call and handed to the probe.

    Raises:
        SignatureError: naming the parameter that has no type or cannot be given by name; a
            keyed tool takes no key, or a probeable one has no probe.
    """
    if function is None:
        return lambda decorated: _made(decorated, **settings)
    return _made(function, **settings)


def _made(  # noqa: PLR0913 - the settings of `tool`, all named
    function: Callable[..., Any],
    *,
    name: str | None = None,
    description: str | None = None,
    act: Act = "compute",
    repeat: Repeat | str = "unsafe",
    danger: Danger | str = "MEDIUM",
    timeout_s: float = 60.0,
    probe: Probe | None = None,
    prepare: Callable[[dict[str, Any]], Any] | None = None,
) -> Tool:
    if _repeat(repeat) is not Repeat.PROBEABLE and (probe or prepare):
        raise SignatureError(
            f"tool {name or function.__name__!r} is {repeat}, so nothing would ask its probe",
            hint="Say repeat='probeable', or leave probe and prepare out",
        )
    key_name = key_parameter(function)
    fields = parameters_of(function, without=key_name)
    return Tool(
        name=name or function.__name__,
        description=summary(inspect.getdoc(function) or "") if description is None else description,
        parameters=schema_of(fields),
        act=act,
        repeat=_repeat(repeat),
        floor=_danger(danger),
        function=_reviving(function, fields, key_name),
        timeout_s=timeout_s,
        probe=probe,
        prepare=prepare,
        fields=fields,
    )


def _repeat(word: Repeat | str) -> Repeat:
    known = [repeat.value for repeat in Repeat]
    if word not in known:
        raise UnknownName("repeat class", str(word), known)
    return Repeat(word)


def _danger(word: Danger | str) -> Danger:
    if isinstance(word, Danger):
        return word
    if word not in Danger.__members__:
        raise UnknownName("danger level", word, Danger.__members__)
    return Danger[word]


def _reviving(
    function: Callable[..., Any], fields: tuple[Field, ...], key_name: str
) -> Callable[..., Any]:
    """The function, taking JSON where its parameters are records, choices or models.

    Arguments come from a row, as JSON; the author of the tool wrote types.
    """

    def revived(arguments: dict[str, Any]) -> dict[str, Any]:
        filled = {key_name: arguments.pop(key_name)} if key_name in arguments else {}
        return {**read_fields(fields, arguments), **filled}

    if not any(isinstance(kind, Named) for f in fields for kind in walk(f.type)):
        return function
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def call_async(**arguments: Any) -> Any:
            return await function(**revived(arguments))

        return call_async

    @wraps(function)
    def call(**arguments: Any) -> Any:
        return function(**revived(arguments))

    return call
