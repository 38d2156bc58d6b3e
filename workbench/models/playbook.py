"""The playbook: an offline model that answers from a file, the same thing every time.

It keeps no state. Which answer applies is found from the request alone (who asks, with which inputs
and instructions, what was said so far), so a resumed, forked or repeated run gets the same answers.
Where no answer fits, one is made from the signature's schema: every agent runs without a model.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.agent.conversation import (
    Capabilities,
    ModelInfo,
    ModelReply,
    ModelRequest,
    OnDelta,
    ToolCall,
    Usage,
)
from workbench.errors import ConfigError, UnknownName
from workbench.models.failures import failed
from workbench.models.playbook_faults import DRIP_PER_S, staged
from workbench.models.playbook_file import DEFAULT, Answer, Playbook, read_playbook
from workbench.models.playbook_match import fits, given, made, spelled

SUFFIX = ".playbook.yaml"


@dataclass(slots=True)
class PlaybookModel:
    """All playbooks in some folders; a name is looked up in their order, files are read late."""

    folders: Sequence[Path] = ()
    _read: dict[Path, tuple[tuple[int, int], Playbook]] = field(
        default_factory=dict[Path, tuple[tuple[int, int], Playbook]]
    )

    async def complete(self, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
        """Answer as the request's playbook says."""
        return await perform(self.find(request.model), request, on_delta)

    async def models(self) -> list[ModelInfo]:
        """Every playbook there is, ``default`` first."""
        names = ["default", *sorted(set(self.names()) - {"default"})]
        able = ("chat", "tools")
        return [ModelInfo(f"playbook:{name}", able, None, None, (0.0, 0.0)) for name in names]

    async def capabilities(self, name: str) -> Capabilities:
        """Whatever is asked of it: it reads nothing of what a model would have to understand."""
        self.find(name)
        return Capabilities(None, True, True, True, True, True, True, embeddings=False, chat=True)

    async def close(self) -> None:
        """Forget what was read."""
        self._read.clear()

    def names(self) -> list[str]:
        """Names of the playbooks in the folders."""
        files = (path for folder in self.folders for path in sorted(folder.glob(f"*{SUFFIX}")))
        return [path.name.removesuffix(SUFFIX) for path in files]

    def find(self, model: str) -> Playbook:
        """The playbook of ``playbook:NAME``.

        Raises:
            UnknownName: there is none; names the nearest.
            ConfigError: its file cannot be read.
        """
        name = model.removeprefix("playbook").removeprefix(":") or "default"
        if re.fullmatch(r"[\w-][\w.-]*", name):
            for folder in self.folders:
                path = folder / f"{name}{SUFFIX}"
                if path.is_file():
                    return self._load(path)
        if name == "default":
            return DEFAULT
        raise UnknownName("playbook", name, {"default", *self.names()})

    def _load(self, path: Path) -> Playbook:
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if path not in self._read or self._read[path][0] != stamp:
                self._read[path] = (stamp, read_playbook(path.read_text("utf-8"), str(path)))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read: {error}", file=str(path)) from None
        return self._read[path][1]


async def perform(book: Playbook, request: ModelRequest, on_delta: OnDelta) -> ModelReply:
    """Answer one request from one playbook, at its pace, within the request's time."""
    who = f"playbook:{book.name}"
    answer = next((one for one in book.answers if fits(one, request)), None)
    pace = answer or _pace_of(book)
    error = staged(answer.fault, who, answer.retry_after_s) if answer and answer.fault else None
    text, calls = given(answer, request) if answer else (made(request), ())
    per_s = pace.tokens_per_s or (DRIP_PER_S if pace.fault == "slow" else 0.0)
    if error is not None:
        text = text[: len(text) // 2] if error.data["reason"] == "truncated" else ""
    try:
        async with asyncio.timeout(request.timeout_s):
            await asyncio.sleep(pace.latency_s)
            await stream(text, per_s, on_delta)
    except TimeoutError:
        raise failed(f"{who} did not finish within {request.timeout_s:g} s", "timeout") from None
    if error is not None:
        raise error
    if not text.strip() and not calls:
        raise failed(f"{who} answered nothing", "empty", hint=f"See {book.where}:{pace.line}")
    usage = Usage(_asked_words(request), len(text.split()) + _call_words(calls), 0.0)
    thinking = pace.thinking
    return ModelReply(text, calls, usage, book.name, "tools" if calls else "stop", thinking)


async def stream(text: str, tokens_per_s: float, on_delta: OnDelta) -> None:
    """Tell a text word by word at a pace, or at once without one."""
    if not tokens_per_s:
        if text:
            on_delta(text)
        return
    loop = asyncio.get_running_loop()
    began = loop.time()
    for count, piece in enumerate(re.findall(r"\s*\S+\s*$|\s*\S+", text)):
        wait = began + count / tokens_per_s - loop.time()
        if wait > 0.002:
            await asyncio.sleep(wait)
        on_delta(piece)


def _pace_of(book: Playbook) -> Answer:
    """The file's own pace, for an answer it does not give."""
    return Answer(latency_s=book.latency_s, tokens_per_s=book.tokens_per_s)


def _asked_words(request: ModelRequest) -> int:
    said = sum(len(entry.text.split()) + _call_words(entry.calls) for entry in request.entries)
    return len(request.system.split()) + said


def _call_words(calls: Sequence[ToolCall]) -> int:
    return sum(1 + len(spelled(call.arguments).split()) for call in calls)
