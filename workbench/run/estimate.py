"""What a model call may take, before anybody knows: what is reserved for it.

A prompt is measured by its bytes, at first with a wide margin and from the first reply on with
what that model made of bytes before. An answer may take what the agent's own ``max_tokens`` says,
else twice the longest it gave so far. What is reserved for the answer is also sent as its limit,
so that a provider that honours it cannot overshoot; an answer that hits this limit is asked for
again with a larger one (`workbench.run.ask_model`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from workbench.agent.conversation import ModelRequest, Usage
from workbench.journal.usage import Amount
from workbench.values import dumps

ANSWER_TOKENS: Final = 4096
"""For the answer of an agent that has given none yet and sets no ``max_tokens``."""
_FEWEST, _MOST = 1 / 4, 1 / 3
"""Tokens for a byte of a prompt, as long as the model has not said: of prose, and of code."""
_SOMETHING_USD: Final = 1e-6
"""What a call of unknown price costs at least: not nothing."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call needs to be made at all, and what it is better given."""

    need: Amount
    want: Amount
    prompt: tuple[int, int]
    """Tokens of the prompt: surely, and at most."""
    prompt_usd: float = 0.0
    token_usd: float = 0.0
    """Of the answer."""

    def answer_limit(self, held: Amount) -> int:
        """How long the answer may be on a reservation."""
        surely, most = self.prompt
        tokens = held.tokens - (most if held.tokens > most else surely)
        if self.token_usd and held.usd < self.want.usd:
            tokens = min(tokens, int((held.usd - self.prompt_usd) / self.token_usd))
        return max(1, tokens)


STEP: Final = Expected(Amount(steps=1), Amount(steps=1), (0, 0))
"""What everything takes that is no model call."""


class Habits:
    """What calls took so far in this opening, by model and by agent."""

    def __init__(self) -> None:
        self._per_byte: dict[str, tuple[float, float]] = {}
        self._usd_per_token: dict[str, float] = {}
        self._answers: dict[str, int] = {}

    def expected(
        self, request: ModelRequest, size: int, price: tuple[float, float] | None
    ) -> Expected:
        """What a call may take.

        Args:
            request: as it will be sent.
            size: its `size_of`.
            price: dollars for a million tokens asked and answered; None when nobody knows.
        """
        fewest, most = self._per_byte.get(request.model, (_FEWEST, _MOST))
        surely, at_most = math.ceil(size * fewest), math.ceil(size * most)
        answer = self._answer(request)
        need, want = Amount(tokens=surely + 1, steps=1), Amount(tokens=at_most + answer, steps=1)
        known = self._usd_per_token.get(request.model)
        if price is None and known is None:
            need.usd, want.usd = _SOMETHING_USD, math.inf
            return Expected(need, want, (surely, at_most))
        asked, said = (price[0] / 1e6, price[1] / 1e6) if price else (known or 0.0, known or 0.0)
        need.usd, want.usd = surely * asked + said, at_most * asked + answer * said
        return Expected(need, want, (surely, at_most), at_most * asked, said)

    def _answer(self, request: ModelRequest) -> int:
        own: Any = request.options.get("max_tokens")
        if isinstance(own, int) and own > 0:
            return own
        longest = self._answers.get(request.agent)
        return ANSWER_TOKENS if longest is None else 2 * max(1, longest)

    def learn(self, request: ModelRequest, size: int, usage: Usage) -> None:
        """Take in what a call really took; a usage without tokens teaches nothing."""
        tokens = usage.input_tokens + usage.output_tokens
        if not tokens:
            return
        if usage.input_tokens:
            seen = usage.input_tokens / size
            fewest, most = self._per_byte.get(request.model, (seen, seen))
            self._per_byte[request.model] = (min(fewest, seen), max(most, seen))
        if usage.cost_usd is not None:
            each = usage.cost_usd / tokens
            dearest = self._usd_per_token.get(request.model, 0.0)
            self._usd_per_token[request.model] = max(dearest, each)
        longest = self._answers.get(request.agent, 0)
        self._answers[request.agent] = max(longest, usage.output_tokens)


def limited(request: ModelRequest, most: int) -> ModelRequest:
    """The request with a limit of its answer, where it does not set a lower one itself."""
    own: Any = request.options.get("max_tokens")
    if isinstance(own, int) and 0 < own <= most:
        return request
    return replace(request, options={**request.options, "max_tokens": most})


_A_MEDIUM = 6_000
"""Bytes of text that an image or a sound is counted as: models count them in tokens, not bytes."""


def size_of(request: ModelRequest) -> int:
    """The size in bytes of everything a model reads."""
    said = sum(len(entry.text.encode("utf-8", "replace")) + 16 for entry in request.entries)
    calls = [[call.arguments for call in entry.calls] for entry in request.entries if entry.calls]
    rest: Mapping[str, Any] = {"tools": list(request.tools), "schema": request.schema or {}}
    system = len(request.system.encode("utf-8", "replace"))
    media = _A_MEDIUM * len(request.media)
    return 1 + system + said + media + len(dumps([calls, rest]))
