"""The news of a pull, added up: layers come one after another, people want one bar. Pure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson

from workbench.models.failures import failed

PAUSE_S = 600.0
"""The longest silence of a pull: a server checks the digest of 40 GB without a word."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull is: of all layers together that are known so far."""

    status: str
    completed_bytes: int = 0
    total_bytes: int = 0
    """0 while it is unknown."""


OnProgress: TypeAlias = Callable[[PullProgress], None]


@dataclass(slots=True)
class Pulling:
    """One pull as far as it was told."""

    name: str
    who: str
    last: str = ""
    layers: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """By digest: bytes that are there, and bytes in all."""

    def take(self, line: bytes) -> PullProgress:
        """Take one line of news. Raises ModelError for one that says it failed."""
        try:
            news: Any = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise failed(f"{self.who} sent a line that is not JSON", "malformed") from None
        match news:
            case {"error": error}:
                raise self._failed(str(error))
            case {"status": str(status), **rest}:
                self.last = status
            case _:
                raise failed(f"{self.who} sent news without a status", "malformed")
        digest, done, total = rest.get("digest"), rest.get("completed"), rest.get("total")
        if isinstance(digest, str) and isinstance(total, int):
            self.layers[digest] = (done if isinstance(done, int) else 0, total)
        sizes = self.layers.values()
        return PullProgress(self.last, sum(s[0] for s in sizes), sum(s[1] for s in sizes))

    def check_whole(self) -> None:
        """Raise ModelError unless it ended as a pull does."""
        if self.last != "success":
            raise failed(f"the pull of {self.name!r} broke off at {self.last!r}", "truncated")

    def _failed(self, said: str) -> Exception:
        text = " ".join(said.split())[:300]
        if "file does not exist" in text or "not found" in text:
            hint = "Names are as on ollama.com/library, for example qwen3:4b"
            message = f"{self.who} finds no model {self.name!r} to pull: {text}"
            return failed(message, "unknown_model", hint=hint)
        return failed(f"{self.who} could not pull {self.name!r}: {text}", "server")


async def patient(lines: AsyncIterator[bytes], who: str) -> AsyncIterator[bytes]:
    """The lines, as long as no pause between two is longer than a pull's may be."""
    while True:
        try:
            async with asyncio.timeout(PAUSE_S):
                line = await anext(lines, None)
        except TimeoutError:
            raise failed(f"{who} is silent since {PAUSE_S:g} s", "timeout") from None
        if line is None:
            return
        yield line
