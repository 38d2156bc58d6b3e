"""Idempotency keys: how a function says that it wants the one of the effect it performs.

A parameter of type `IdempotencyKey` is filled by the gate. It is no argument: neither a model nor
a workflow gives it, no schema shows it, and no fingerprint covers it. The key is the same for
every attempt of one effect and another one in a fork.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from workbench.errors import SignatureError
from workbench.foreign import Raised, attempt
from workbench.workflow.effects import Repeat


class IdempotencyKey(str):
    """32 hexadecimal digits that name one effect of one run, however often it is attempted."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def key_parameter(function: Callable[..., Any]) -> str:
    """The name of the parameter that takes the idempotency key, or the empty string.

    Raises:
        SignatureError: there are two, or it cannot be given by name.
    """
    found = [name for name, kind in _annotations(function).items() if _is_key(kind)]
    if len(found) > 1:
        raise SignatureError(f"{_name(function)} takes its idempotency key twice, as {found}")
    if not found:
        return ""
    parameter = inspect.signature(function).parameters[found[0]]
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise SignatureError(f"{_name(function)}: parameter {found[0]!r} cannot be given by name")
    return found[0]


def check_keyed(function: Callable[..., Any], repeat: Repeat, what: str) -> str:
    """The key's parameter; SignatureError when something keyed could not be given its key."""
    name = key_parameter(function)
    if repeat is Repeat.KEYED and not name:
        raise SignatureError(
            f"{what} is keyed, and nothing gives it its idempotency key",
            hint="Add a parameter for it: key: IdempotencyKey",
        )
    return name


def check_call(
    function: Callable[..., Any],
    repeat: Repeat,
    arguments: Sequence[Any],
    named: Mapping[str, Any],
) -> None:
    """Whether a function can be called like this by another attempt. Raises SignatureError."""
    what = f"a call of {_name(function)}"
    if repeat is Repeat.PROBEABLE:
        raise SignatureError(
            f"{what} is probeable, and a plain function has no probe",
            hint="Make it a tool: @tool(repeat='probeable', probe=…)",
        )
    name = check_keyed(function, repeat, what)
    if name and (name in named or name in _names(function)[: len(arguments)]):
        raise SignatureError(
            f"{what} is given {name!r}, which the gate fills",
            hint="Leave it out, and give what stands after it by name",
        )


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    """By parameter. Where a name of another one means nothing, each is left as it is written."""
    read = attempt(lambda: inspect.signature(function, eval_str=True))
    if isinstance(read, Raised):
        read = attempt(inspect.signature, function)
    if isinstance(read, Raised):  # some built-in ones have no signature
        return {}
    return {name: parameter.annotation for name, parameter in read.value.parameters.items()}


def _is_key(kind: Any) -> bool:
    if isinstance(kind, str):
        return kind.strip().rpartition(".")[2] == IdempotencyKey.__name__
    return kind is IdempotencyKey


def _names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def _name(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
