"""Probes: how a tool can tell, after a crash, whether a call whose end nobody knows has happened.

A probe is a function ``probe(arguments, prepared)``, sync or async, that only looks. It says
``"done"``, ``"not_done"`` or ``"unknown"``; `Done` says it with what the call would have returned.
Whatever else it says, raises, or takes too long for, is "unknown", and the person who is asked
then reads why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from workbench.foreign import Raised, Returned, attempt
from workbench.values import copied

Verdict: TypeAlias = Literal["done", "not_done", "unknown"]


@dataclass(frozen=True, slots=True)
class Done:
    """What a probe returns when the call has happened: with what the call would have returned."""

    result: Any = None


Probe: TypeAlias = Callable[[dict[str, Any], Any], "Verdict | Done | Any"]
"""``(arguments, prepared)``, prepared being what the tool's ``prepare`` returned beforehand."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a probe."""

    verdict: Verdict
    result: Any = None
    """Of a call that has happened: what it would have returned."""
    said: str = ""
    """For the person who is asked: what was found, or why nothing was."""


def read_probe(ended: Returned[Any] | Raised) -> Probed:
    """What a probe meant by how it ended."""
    if isinstance(ended, Raised):
        error = ended.error
        return Probed("unknown", said=f"the probe failed: {type(error).__name__}: {error}")
    match ended.value:
        case "done" | "not_done" | "unknown" as verdict:
            return Probed(verdict)
        case Done(result):
            value = attempt(copied, result)
            if isinstance(value, Raised):
                said = f"the probe says done with a result that cannot be kept: {value.error}"
                return Probed("unknown", said=said)
            return Probed("done", value.value)
        case other:
            said = f"the probe returned {_shown(other)}; it says done, not_done, unknown or Done(…)"
            return Probed("unknown", said=said)


def _shown(value: Any) -> str:
    shown = attempt(repr, value)
    text = f"a {type(value).__name__}" if isinstance(shown, Raised) else shown.value
    return text if len(text) <= 200 else text[:199] + "…"
