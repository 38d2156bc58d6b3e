"""The attempts of one model call: which model is asked next, after how long, and when it is over.

Pure decisions. A model that failed in a way that another attempt may mend is asked again; one that
nobody will reach soon, or that cannot hold what is asked, gives way at once to the next of its
chain. All attempts together have a limit. A chain holds only models that somebody named, and no
refusal (of a budget, a permission, a key) leads to another model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from workbench.errors import ModelError

GIVES_WAY: Final = frozenset(
    {"unreachable", "rate_limited", "too_long", "server", "timeout", "truncated", "worker"}
)
"""Reasons for which the next model of a chain is asked."""
_AT_ONCE: Final = frozenset({"unreachable", "rate_limited", "too_long"})
"""Of those, the ones where asking the same model again would only cost time."""
_BACK_OFF_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)


def chain_of(
    model: str, own: Sequence[str], fallback: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """The models of a call in order, each once.

    Args:
        model: the one that is asked first.
        own: what the agent names after it; it comes before the settings.
        fallback: of the settings, by model; ``*`` for those that have none.
    """
    after = own or fallback.get(model) or fallback.get("*") or ()
    return tuple(dict.fromkeys((model, *after)))


@dataclass(slots=True)
class Trying:
    """Where the attempts of one call stand."""

    chain: Sequence[str]
    most: int
    """Attempts of one model."""
    left_s: float
    """Of what all attempts may take together, pauses included."""
    passed: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The models that gave way, and why: ``model reason message``."""
    tried: int = 0
    """Attempts of the present model that have failed."""

    @property
    def model(self) -> str:
        """Who is asked now."""
        return self.chain[len(self.passed)]

    @property
    def said(self) -> dict[str, Any]:
        """For the rows of the call: nothing, or who did not answer."""
        return {"instead_of": [*self.passed]} if self.passed else {}

    def after(self, error: BaseException, took_s: float) -> float:
        """How long to wait before the next attempt, which is of `model`.

        Args:
            error: how the last attempt failed.
            took_s: how long it took.

        Raises:
            BaseException: the error itself, when there is no next attempt.
        """
        self.left_s -= took_s
        self.tried += 1
        if not isinstance(error, ModelError):
            raise error
        reason = str(error.data.get("reason") or "")
        has_next = reason in GIVES_WAY and len(self.passed) + 1 < len(self.chain)
        pause_s = self._pause(error)
        if pause_s is not None and not (has_next and reason in _AT_ONCE):
            if pause_s < self.left_s:
                self.left_s -= pause_s
                return pause_s
            if not has_next:
                error.hint = error.hint or _too_late(pause_s)
        if not has_next or self.left_s <= 0:
            raise error
        self.passed.append({"model": self.model, "reason": reason, "message": error.message})
        self.tried = 0
        return 0.0

    def _pause(self, error: ModelError) -> float | None:
        """Seconds before the same model may be asked again; None when that cannot help."""
        if not error.data.get("retry") or self.tried >= self.most:
            return None
        asked_for = error.data.get("retry_after_s")
        if asked_for is not None:
            return float(asked_for)
        return _BACK_OFF_S[min(self.tried, len(_BACK_OFF_S)) - 1]


def _too_late(pause_s: float) -> str:
    return f"The next attempt would be in {pause_s:g} s, which models.wait_s does not leave"


def passed_words(data: Mapping[str, Any]) -> str:
    """Of a row, which models gave way before the one that answered, and why; mostly nothing."""
    passed = data.get("instead_of")
    if not isinstance(passed, list):
        return ""
    # Rows of an imported run may hold anything.
    named = (cast("Any", one) for one in cast("list[Any]", passed) if isinstance(one, dict))
    words = ", ".join(f"{one.get('model', '?')} ({one.get('reason', '?')})" for one in named)
    return f"instead of {words}: "
