"""Failures of models: each becomes one typed error that says whether asking again can help.

Every provider fails in its own words; the gate retries, counts and charges by ours. So the words
are chosen here and nowhere else: ``data["reason"]`` is one of `Reason`, ``data["retry"]`` is a
bool, ``data["retry_after_s"]`` what the provider asked us to wait, or None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeAlias

from workbench.errors import ModelError, ModelUnreachable, nearest

Reason: TypeAlias = Literal[
    "unreachable",
    "timeout",
    "rate_limited",
    "server",
    "refused",
    "unknown_model",
    "unsupported",
    "too_long",
    "too_big",
    "truncated",
    "malformed",
    "empty",
    "worker",
]
"""``server``: it failed within · ``refused``: key, right or request not accepted · ``too_long``:
more was asked than the model's context holds · ``too_big``: more was answered than is taken."""

RETRYABLE: frozenset[str] = frozenset(
    {"unreachable", "timeout", "rate_limited", "server", "truncated", "malformed", "empty"}
    | {"worker"}
)
_HINTS: Mapping[Reason, str] = {
    "rate_limited": "Wait, or name another model in models.fallback",
    "server": "Its server has to mend that: look at its own log",
    "refused": "Look at its address and its key",
    "too_long": "Shorten the conversation, or raise ollama.context_tokens",
    "unsupported": "Take a model that can: kaizen-tui models show NAME",
}
"""Who must act."""
_BUSY = frozenset({408, 425, 429})


def failed(
    message: str,
    reason: Reason,
    *,
    hint: str = "",
    retry_after_s: float | None = None,
    **data: Any,
) -> ModelError:
    """Compose the error of one failed request."""
    kind = ModelUnreachable if reason == "unreachable" else ModelError
    retry = bool(data.pop("retry", reason in RETRYABLE))
    return kind(message, hint=hint, reason=reason, retry=retry, retry_after_s=retry_after_s, **data)


def refused(who: str, status: int, text: str, headers: Mapping[str, str]) -> ModelError:
    """The error of an HTTP answer that is not a success."""
    said = " ".join(text.split())[:300]
    message = f"{who} answered {status}" + (f": {said}" if said else "")
    reason = reason_of(status, said)
    return failed(
        message,
        reason,
        hint=_HINTS.get(reason, ""),
        retry_after_s=retry_after(headers),
        retry=status in _BUSY or status >= 500,
        status=status,
    )


def unknown_model(who: str, name: str, known: Iterable[str], remedy: str = "") -> ModelError:
    """The error of a model that is not there, with the nearest that is."""
    names = list(known)
    guess = nearest(name, names)
    hint = f"Did you mean {guess!r}?" if guess else remedy
    return failed(
        f"{who} has no model {name!r}", "unknown_model", hint=hint, name=name, nearest=guess
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds a server asks us to wait: ``Retry-After`` as a number or as a date."""
    said = next((value for key, value in headers.items() if key.lower() == "retry-after"), "")
    if not said:
        return None
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (then.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def reason_of(status: int, said: str) -> Reason:
    """What an HTTP status and its words mean."""
    lowered = said.lower()
    if status == 429:
        return "rate_limited"
    if status == 408:
        return "timeout"
    if status >= 500 or status == 425:
        return "server"
    if "context" in lowered and ("length" in lowered or "exceed" in lowered):
        return "too_long"
    if "does not support" in lowered:
        return "unsupported"
    return "unknown_model" if status == 404 and "model" in lowered else "refused"
