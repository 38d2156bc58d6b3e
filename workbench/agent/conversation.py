"""What an agent and a model say to each other: entries, requests, replies.

These are the values that cross the one seam to models (`complete(request, on_delta) -> reply`).
A conversation is a chain: each entry is named by a digest that covers everything before it, so
a request in the log names its conversation by the newest digest and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from workbench.values import digest, dumps

OnDelta: TypeAlias = Callable[[str], None]
"""Told each piece of text as it streams in; live only, never a row."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have a tool called. ``id`` is ours, given at the gate."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing said: by the user, by the assistant (with its tool calls), or by a tool."""

    role: Literal["user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    """For a tool's entry: which call it answers."""
    name: str = ""
    """For a tool's entry: the tool."""
    failed: bool = False
    """For a tool's entry: the call was denied or failed, and ``text`` says why."""


@dataclass(frozen=True, slots=True)
class Shown(Entry):
    """A tool's entry whose result is an image or audio: the next request carries it."""

    media: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Attached:
    """An image or audio as it goes with a request: its bytes, and the entry they belong to."""

    at: int
    what: Literal["image", "audio"]
    type: str
    """As in ``image/png``, found by content."""
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Conversation:
    """Entries in order; ``head`` names them all, ``sent`` counts those a request has named."""

    entries: tuple[Entry, ...] = ()
    head: str = ""
    sent: int = 0

    def add(self, *entries: Entry) -> Conversation:
        """The conversation with more said."""
        head = self.head
        for entry in entries:
            head = digest(head.encode() + dumps(entry), 12)
        return Conversation((*self.entries, *entries), head, self.sent)

    def named(self) -> Conversation:
        """The same, with every entry counted as named by a request."""
        return Conversation(self.entries, self.head, len(self.entries))


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it."""

    name: str
    description: str
    parameters: dict[str, Any]
    """A JSON schema of type object."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One whole request, rendered: all a provider needs, and what a playbook matches on."""

    model: str
    """``provider:name`` as configured: ``ollama:qwen3:4b``, ``playbook:tour``."""
    system: str
    entries: Sequence[Entry]
    tools: Sequence[ToolSpec] = ()
    schema: Mapping[str, Any] | None = None
    """JSON schema the final answer must follow, when the signature has one."""
    agent: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The signature's inputs of this turn."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """``temperature``, ``seed``, ``max_tokens``, ``think``: what was set, nothing else."""
    timeout_s: float = 120.0
    media: Sequence[Attached] = ()
    """Images and audio, by the places of their entries."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call cost. ``cost_usd`` None means the price is unknown, which is not free."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole, finished answer. A stream that broke off never becomes one."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str = ""
    """What really answered, as the provider names it."""
    finish: Literal["stop", "length", "tools"] = "stop"
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model that is there: what it can do and what it costs, as far as known."""

    name: str
    """With its provider: ``ollama:qwen3:4b``."""
    capabilities: tuple[str, ...] = ()
    """Of ``chat tools vision audio thinking embedding``."""
    context_tokens: int | None = None
    size_bytes: int | None = None
    usd_per_million: tuple[float, float] | None = None
    """Input and output price; None when unknown, zeros when free."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can take and do. None means that nobody knows, which is no refusal."""

    context_tokens: int | None = None
    """As it will be asked: what a request and its answer have to fit into."""
    tools: bool | None = None
    schema: bool | None = None
    """Whether the provider can bind an answer to a JSON schema."""
    images: bool | None = None
    audio: bool | None = None
    documents: bool | None = None
    """PDF and the like as they are, without their text being taken out first."""
    thinking: bool | None = None
    embeddings: bool | None = None
    chat: bool | None = None


class Model(Protocol):
    """The seam: whoever can answer a request. One instance per provider and host."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer, or raise a `ModelError` (never an empty or partial reply)."""
        ...

    async def models(self) -> list[ModelInfo]:
        """What can be asked for here."""
        ...

    async def capabilities(self, name: str) -> Capabilities:
        """What a model of this provider can do; asked once, then known."""
        ...

    async def close(self) -> None:
        """Let go of connections and workers."""
        ...
