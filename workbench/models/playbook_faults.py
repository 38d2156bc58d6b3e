"""The faults a playbook can stage: what would have failed, told as the real providers tell it.

``garbage`` and ``unknown_tool`` are no errors of a model: they are whole replies that the signature
and the turn have to refuse. ``slow`` only drips. The others raise.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from workbench.errors import ModelError
from workbench.models.failures import Reason, failed

FaultName: TypeAlias = Literal[
    "timeout",
    "unreachable",
    "rate_limited",
    "malformed",
    "truncated",
    "garbage",
    "empty",
    "unknown_tool",
    "slow",
]

GARBAGE = "]]} 7f3a \u00a4\u00a4 {verdict: this is no answer"
NO_TOOL = "no_such_tool"
DRIP_PER_S = 2.0
"""Tokens a second of ``slow``, unless the answer says another pace."""

_RAISED: dict[FaultName, tuple[Reason, str]] = {
    "timeout": ("timeout", "did not finish in time"),
    "unreachable": ("unreachable", "does not answer"),
    "rate_limited": ("rate_limited", "answered 429: too many requests"),
    "malformed": ("malformed", "sent a line that is not JSON"),
    "truncated": ("truncated", "broke off in mid-answer"),
    "empty": ("empty", "answered nothing"),
}


def staged(name: FaultName, who: str, retry_after_s: float | None) -> ModelError | None:
    """The error of a staged fault, or None for those that are replies."""
    if name not in _RAISED:
        return None
    reason, words = _RAISED[name]
    return failed(f"{who} {words} (staged)", reason, retry_after_s=retry_after_s)
