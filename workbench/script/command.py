"""Commands: what a line can ask for, as values that know their arguments, help and completion.

The same objects serve the screen's command line, scripts and line mode. A command takes its
arguments by position or by name; what it has no parameter for is an input (where it takes some)
or an error that names the nearest parameter.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from workbench.errors import UnknownName, UsageError
from workbench.script.language import Line
from workbench.values import Json

if TYPE_CHECKING:
    from workbench.script.session import Session

What: TypeAlias = Literal[
    "agent", "checkpoint", "command", "file", "filter", "mode", "model", "number", "pattern",
    "rule", "run", "text", "tool",
]  # fmt: skip
"""What an argument names: decides what completion offers."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a command."""

    name: str
    doc: str
    what: What = "text"
    required: bool = False
    rest: bool = False
    """Takes all remaining words, with a space between them."""
    named_only: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A command with its arguments bound."""

    line: Line
    given: Mapping[str, Any]
    """By parameter."""
    inputs: Mapping[str, Json]
    """What was given by name and is no parameter: inputs of a pattern, say."""
    key: str
    """The same whenever this very call is tried again: what it starts gets ids made of it."""

    def text(self, name: str, default: str = "") -> str:
        """An argument as text."""
        value = self.given.get(name)
        return default if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Output:
    """What a command has to say: lines for people, data for programs."""

    lines: tuple[str, ...] = ()
    data: Any = None
    """A JSON value."""


Perform: TypeAlias = "Callable[[Session, Call], Awaitable[Output]]"


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    name: str
    summary: str
    """One sentence; what ``help`` lists."""
    perform: Perform
    parameters: tuple[Parameter, ...] = ()
    takes_inputs: bool = False
    can_background: bool = False
    is_setting: bool = False
    """It only settles how the session goes on: done again when a script is resumed."""
    is_looking: bool = False
    """What it says is there to be looked up again: a script's log does not keep it."""
    details: str = ""
    examples: tuple[str, ...] = field(default=())

    @property
    def usage(self) -> str:
        """``fork [run] [model=…] [key=value…]``."""
        words = [self.name]
        for parameter in self.parameters:
            shown = f"{parameter.name}=…" if parameter.named_only else parameter.name
            shown += "…" if parameter.rest else ""
            words.append(shown if parameter.required else f"[{shown}]")
        words += ["[key=value…]"] if self.takes_inputs else []
        words += ["[&]"] if self.can_background else []
        return " ".join(words)

    def bind(self, line: Line, key: str = "") -> Call:
        """Put a line's words and pairs into the parameters. Raises UsageError."""
        if line.background and not self.can_background:
            raise UsageError(f"{self.name!r} cannot run in the background", hint=self._hint())
        given = self._by_position(line.words)
        inputs: dict[str, Json] = {}
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in line.named.items():
            if name in known and name in given:
                raise UsageError(f"{self.name!r} is given {name!r} twice", hint=self._hint())
            if name in known:
                given[name] = value
            elif self.takes_inputs:
                inputs[name] = value
            else:
                raise UnknownName(f"argument of {self.name!r}", name, known)
        self._check(given)
        return Call(line, given, inputs, key or uuid.uuid4().hex)

    def _by_position(self, words: tuple[str, ...]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        left = list(words)
        for parameter in self.parameters:
            if parameter.named_only or not left:
                continue
            if parameter.rest:
                given[parameter.name] = " ".join(left)
                left = []
            else:
                given[parameter.name] = left.pop(0)
        if left:
            raise UsageError(f"{self.name!r} has no place for {left[0]!r}", hint=self._hint())
        return given

    def _check(self, given: Mapping[str, Any]) -> None:
        for parameter in self.parameters:
            value = given.get(parameter.name)
            if parameter.required and (value is None or value == ""):
                raise UsageError(f"{self.name!r} needs {parameter.name!r}", hint=self._hint())
            if parameter.choices and value is not None and value not in parameter.choices:
                raise UnknownName(parameter.name, str(value), parameter.choices)

    def _hint(self) -> str:
        return f"Usage: {self.usage}"


def said(*lines: str, data: Any = None) -> Output:
    """An output."""
    return Output(tuple(lines), data)
