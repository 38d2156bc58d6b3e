"""Budgets: reserved before an effect, settled after it, never overshot.

Only leaf effects reserve. What does not fit waits while a running effect may still give
something back; when nothing is left to settle, the limit is reached and whoever asked says so.
A price that is unknown is not free: it counts as one that any money limit refuses.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from workbench.agent.conversation import Usage
from workbench.errors import ConfigError, LimitReached, UnknownName


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one run; None means none. ``seconds`` count from start or resume."""

    usd: float | None = None
    tokens: int | None = None
    steps: int | None = None
    seconds: float | None = None

    @staticmethod
    def read(values: Mapping[str, Any]) -> Limits:
        """Limits from a mapping; misspelt keys are errors naming the nearest."""
        known = {f.name for f in fields(Limits)}
        for key, value in values.items():
            if key not in known:
                raise UnknownName("limit", key, known)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, (int, float))
            ):
                raise ConfigError(f"the limit {key!r} is {value!r}, which is no number")
        return Limits(**values)

    def to_json(self) -> dict[str, Any]:
        """The ceilings that are set."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}


@dataclass(slots=True)
class Spent:
    """What a run has used, or what one effect has reserved."""

    usd: float = 0.0
    tokens: int = 0
    steps: int = 0
    unpriced: int = 0
    """Calls whose price nobody knows."""

    def add(self, other: Spent, sign: int = 1) -> None:
        """Take in, or give back, another amount."""
        self.usd += sign * other.usd
        self.tokens += sign * other.tokens
        self.steps += sign * other.steps
        self.unpriced += sign * other.unpriced


_ROUNDING = 1e-9
"""Sums of money are floats: so little is no overshoot."""


class Budget:
    """What one run may still use."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock, self._since = clock, clock()
        self._is_free = not limits.to_json()
        self.spent = Spent()
        self.reserved = Spent()
        self._dearest: Spent | None = None
        """The most that one model call has used so far."""
        self._open = 0
        self._settled = asyncio.Event()

    def expected(self, kind: str) -> Spent:
        """What an effect may take: a model call as much as the dearest so far.

        Before the first has ended nobody knows, so it gets all there is and the others wait.
        """
        if kind != "model" or self._is_free:
            return Spent(steps=1)
        if self._dearest is not None:
            return Spent(self._dearest.usd, self._dearest.tokens, 1)
        limits, spent = self.limits, self.spent
        usd = 0.0 if limits.usd is None else max(limits.usd - spent.usd, 0.0)
        tokens = 1 if limits.tokens is None else max(limits.tokens - spent.tokens, 1)
        return Spent(usd, tokens, 1)

    async def reserve(self, kind: str) -> Spent:
        """Set aside what an effect may take. Raises LimitReached when it can never fit."""
        while (short := self._short_of(wanted := self.expected(kind))) is not None:
            if self._open == 0:
                name, limit, used = short
                raise LimitReached(
                    f"the run's limit of {limit:g} {name} is reached ({used:g} used)",
                    hint=f"Raise it with: budget {name}=…",
                    limit=name,
                    most=limit,
                    used=used,
                )
            self._settled.clear()
            await self._settled.wait()
        self.reserved.add(wanted)
        self._open += 1
        return wanted

    def has_room(self, wanted: Spent) -> bool:
        """Whether an amount fits now."""
        return self._short_of(wanted) is None

    def settle(self, reserved: Spent, usage: Usage | None) -> None:
        """Give a reservation back and count what was really used."""
        self.reserved.add(reserved, -1)
        self._open -= 1
        self.spent.steps += reserved.steps
        if usage is not None:
            self.charge(usage)
        self._settled.set()

    def charge(self, usage: Usage) -> None:
        """Count a use that no reservation stands for: an attempt that failed, a replayed row."""
        tokens, usd = usage.input_tokens + usage.output_tokens, usage.cost_usd or 0.0
        self.spent.add(Spent(usd, tokens, unpriced=usage.cost_usd is None))
        most = self._dearest or Spent(tokens=1)
        self._dearest = Spent(max(most.usd, usd), max(most.tokens, tokens))

    def recall(self, data: Mapping[str, Any]) -> None:
        """Count a step that an earlier process performed."""
        self.spent.steps += 1
        usage = data.get("usage")
        if usage is not None:
            self.charge(Usage(usage["input_tokens"], usage["output_tokens"], usage["cost_usd"]))

    def extend(self, limits: Limits) -> None:
        """Change the ceilings; whoever waits tries again."""
        self.limits = limits
        self._is_free = not limits.to_json()
        self._settled.set()

    def _short_of(self, wanted: Spent) -> tuple[str, float, float] | None:
        if self._is_free:
            return None
        spent_s = self._clock() - self._since
        if self.limits.seconds is not None and spent_s > self.limits.seconds:
            return "seconds", self.limits.seconds, spent_s
        for name in ("usd", "tokens", "steps"):
            limit = getattr(self.limits, name)
            used = getattr(self.spent, name)
            asked = used + getattr(self.reserved, name) + getattr(wanted, name)
            if limit is None:
                continue
            if asked > limit + _ROUNDING or (name == "usd" and self.spent.unpriced):
                return name, limit, used
        return None
