"""Patterns: named workflows that coordinate agents, with parameters a person can read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar, overload

from workbench.errors import InputError, UsageError, nearest
from workbench.workflow.source import Source, bare, source_of

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a pattern, as its author declared it."""

    name: str
    type: str
    """The annotation's text, empty when there is none."""
    doc: str = ""
    default: Any = inspect.Parameter.empty

    @property
    def is_required(self) -> bool:
        """Whether a run must name it."""
        return self.default is inspect.Parameter.empty


@dataclass(frozen=True, eq=False)
class Pattern(Generic[P, R]):
    """A workflow with a name. Calling it gives its coroutine, to be awaited inside another."""

    function: Callable[P, Coroutine[Any, Any, R]]
    name: str
    version: str = "1"
    origin: str = ""
    """Where it was found: a file, or an installed package."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __call__(self, *arguments: P.args, **named: P.kwargs) -> Coroutine[Any, Any, R]:
        """The workflow's coroutine: it does nothing until a run drives it."""
        return self.function(*arguments, **named)

    @cached_property
    def doc(self) -> str:
        """The docstring, cleaned."""
        return inspect.getdoc(bare(self.function) or self.function) or ""

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a run can be given, in order."""
        docs = _argument_docs(self.doc)
        return tuple(
            Parameter(p.name, _annotation(p.annotation), docs.get(p.name, ""), p.default)
            for p in inspect.signature(self.function).parameters.values()
        )

    @property
    def source(self) -> Source:
        """What the code is made of."""
        return source_of(self.function)

    @property
    def source_digest(self) -> str:
        """A digest of what the code does: comments and layout do not count."""
        return self.source.digest

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Refuse inputs that are unknown or missing. Raises InputError naming the nearest."""
        known = [p.name for p in self.parameters]
        for name in inputs:
            if name not in known:
                guess = nearest(name, known)
                hint = f"Did you mean {guess!r}?" if guess else f"It takes: {', '.join(known)}"
                raise InputError(f"pattern {self.name!r} takes no {name!r}", hint=hint, field=name)
        for parameter in self.parameters:
            if parameter.is_required and parameter.name not in inputs:
                raise InputError(
                    f"pattern {self.name!r} needs {parameter.name!r} ({parameter.type or 'any'})",
                    hint=parameter.doc,
                    field=parameter.name,
                )


@overload
def pattern(function: Callable[P, Coroutine[Any, Any, R]], /) -> Pattern[P, R]: ...
@overload
def pattern(
    *, name: str = "", version: str = "1"
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Pattern[P, R]]: ...
def pattern(function: Any = None, /, *, name: str = "", version: str = "1") -> Any:
    """Make a pattern of an ``async def``; its name is the function's unless another is given."""

    def made(function: Callable[..., Coroutine[Any, Any, Any]]) -> Pattern[..., Any]:
        inner = bare(function)
        if inner is None or not inspect.iscoroutinefunction(function):
            raise UsageError(f"{function!r} is not an async function, so it is no pattern")
        return Pattern(function, name or inner.__name__, version, inner.__code__.co_filename)

    return made(function) if function is not None else made


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    return re.sub(r"[A-Za-z_][\w.]*\.", "", inspect.formatannotation(annotation))


def _argument_docs(doc: str) -> dict[str, str]:
    """What the ``Args:`` section of a Google docstring says of each argument."""
    found: dict[str, str] = {}
    _, _, section = doc.partition("Args:\n")
    name = ""
    for line in section.splitlines():
        if line and not line.startswith(" "):
            break
        head, colon, text = line.strip().partition(":")
        if colon and head.isidentifier() and line.startswith("    ") and line[4:5] != " ":
            name = head
            found[name] = text.strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found
