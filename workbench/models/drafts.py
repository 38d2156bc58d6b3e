"""Drafts: what has arrived of an answer, until it is whole.

A stream that broke off, an answer with nothing in it and a tool call cut in the middle must never
look like a reply. So providers pour what arrives into a `Draft`, and only `Draft.whole` makes a
`ModelReply`, once the provider has said that it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import orjson

from workbench.agent.conversation import ModelReply, OnDelta, ToolCall, Usage
from workbench.models.failures import failed

REPLY_LIMIT = 4 * 1024 * 1024
"""Characters of text, thinking and arguments taken for one answer."""


@dataclass(slots=True)
class Draft:
    """An answer as it arrives; ``who`` names the model in errors."""

    who: str
    on_delta: OnDelta
    texts: list[str] = field(default_factory=list[str])
    thoughts: list[str] = field(default_factory=list[str])
    calls: list[ToolCall] = field(default_factory=list[ToolCall])
    size: int = 0

    def say(self, text: str) -> None:
        """Take a piece of text and tell whoever watches."""
        if text:
            self._grow(len(text))
            self.texts.append(text)
            self.on_delta(text)

    def think(self, text: str) -> None:
        """Take a piece of thinking, which is kept but never shown as the answer."""
        if text:
            self._grow(len(text))
            self.thoughts.append(text)

    def call(self, name: Any, arguments: Any) -> None:
        """Take one whole tool call; arguments as an object or as JSON text."""
        if not isinstance(name, str) or not name:
            raise failed(f"{self.who} called a tool without naming it", "malformed")
        if isinstance(arguments, str):
            self._grow(len(arguments))
            arguments = self._read(name, arguments)
        else:
            self._grow(len(orjson.dumps(arguments)))
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, Mapping):
            raise failed(
                f"{self.who} called {name!r} with arguments that are no object", "malformed"
            )
        self.calls.append(ToolCall(name, dict(cast("Mapping[str, Any]", arguments))))

    def whole(self, *, model: str, usage: Usage, cut: bool = False) -> ModelReply:
        """The finished reply; ``cut`` says that the model stopped at its token limit.

        Raises:
            ModelError: nothing was said, or a tool call may be incomplete.
        """
        text = "".join(self.texts)
        if self.calls and cut:
            raise failed(
                f"{self.who} reached its token limit within a tool call",
                "truncated",
                hint="Raise max_tokens",
                usage=asdict(usage),
            )
        if not self.calls and not text.strip():
            raise failed(
                f"{self.who} answered nothing"
                + (" but its thinking" if self.thoughts else "")
                + (" before its token limit" if cut else ""),
                "empty",
                usage=asdict(usage),
            )
        finish = "tools" if self.calls else "length" if cut else "stop"
        thinking = "".join(self.thoughts)
        return ModelReply(text, tuple(self.calls), usage, model, finish, thinking)

    def _grow(self, count: int) -> None:
        self.size += count
        if self.size > REPLY_LIMIT:
            raise failed(
                f"{self.who} answered more than {REPLY_LIMIT // 1024 // 1024} MiB", "too_big"
            )

    def _read(self, name: str, arguments: str) -> Any:
        try:
            return orjson.loads(arguments) if arguments.strip() else {}
        except orjson.JSONDecodeError as error:
            raise failed(
                f"{self.who} called {name!r} with arguments that are not JSON: {error}", "malformed"
            ) from None
