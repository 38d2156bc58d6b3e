"""Ollama's API on loopback: chat, tags, show, pull, embed, ps, version; by script."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.http_server import Asked, Fault, HttpServer, Out, Say, words

NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model the server has."""

    name: str
    capabilities: tuple[str, ...] = ("completion", "tools")
    context: int = 4096
    size: int = 1_000_000


@dataclass(slots=True)
class OllamaServer(HttpServer):
    """The models in ``shelf`` are there; those in ``library`` can be pulled."""

    shelf: list[Pulled] = field(default_factory=lambda: [Pulled("tiny:latest")])
    library: tuple[str, ...] = ("qwen3:4b",)
    pull_breaks: bool = False
    pull_pause_s: float = 0.0
    """Between the news of a pull."""

    async def answer(self, asked: Asked, out: Out) -> None:
        match asked.path:
            case "/api/version":
                await out.whole(200, {"version": "0.0.0-double"})
            case "/api/tags" | "/api/ps":
                await out.whole(200, {"models": [_listed(model) for model in self.shelf]})
            case "/api/show":
                await self._show(asked, out)
            case "/api/pull":
                await self._pull(asked, out)
            case "/api/embed" | "/api/chat" | "/api/generate":
                await self._infer(asked, out)
            case _:
                await out.whole(404, {"error": f"no path {asked.path}"})

    async def _infer(self, asked: Asked, out: Out) -> None:
        body = asked.body
        if not self._has(body["model"]):
            await out.whole(404, {"error": f"model '{body['model']}' not found"})
        elif asked.path == "/api/embed":
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            vectors = [[float(len(text)), 1.0] for text in texts]
            await out.whole(200, {"model": body["model"], "embeddings": vectors})
        elif asked.path == "/api/generate":
            await out.whole(200, {"model": body["model"], "response": "", "done": True})
        else:
            step = self.script.popleft() if self.script else default_answer(body)
            await self._chat(step, body, out)

    async def _chat(self, step: Say | Fault, body: Any, out: Out) -> None:
        if body.get("stream", True) or isinstance(step, Fault):
            await self.play(step, body, out, NDJSON)
            return
        last = json.loads(self.pieces(step, body)[-1])
        last["message"] = {"role": "assistant", "content": step.text, "tool_calls": _calls(step)}
        await out.whole(200, last)

    def pieces(self, say: Say, body: Any) -> list[bytes]:
        model = body["model"]
        found = [_line(model, thinking=word) for word in words(say.thinking)]
        found += [_line(model, content=word) for word in words(say.text)]
        if say.calls:
            found.append(_line(model, tool_calls=_calls(say)))
        reason = say.finish or "stop"
        counts = {"prompt_eval_count": say.tokens[0], "eval_count": say.tokens[1]}
        return [*found, _line(model, done=True, done_reason=reason, **counts)]

    def broken(self, message: str) -> bytes:
        return json.dumps({"error": message}).encode() + b"\n"

    def _has(self, name: str) -> bool:
        return any(model.name == _full(name) for model in self.shelf)

    async def _show(self, asked: Asked, out: Out) -> None:
        found = [model for model in self.shelf if model.name == _full(asked.body["model"])]
        if not found:
            await out.whole(404, {"error": f"model '{asked.body['model']}' not found"})
            return
        facts = {"general.architecture": "llama", "llama.context_length": found[0].context}
        shown = {"capabilities": list(found[0].capabilities), "model_info": facts}
        await out.whole(200, {**shown, "details": {"family": "llama"}})

    async def _pull(self, asked: Asked, out: Out) -> None:
        name = asked.body["model"]
        await out.start(NDJSON)
        await out.send(b'{"status": "pulling manifest"}\n')
        if name not in self.library:
            await out.send(b'{"error": "pull model manifest: file does not exist"}\n')
        else:
            for done in (0, 50, 100):
                if self.pull_pause_s and not await out.pause(self.pull_pause_s):
                    return
                news = {"status": "pulling aa", "digest": "aa", "total": 100, "completed": done}
                await out.send(json.dumps(news).encode() + b"\n")
            if not self.pull_breaks:
                self.shelf.append(Pulled(name))
                await out.send(b'{"status": "success"}\n')
        await out.end()


def _full(name: str) -> str:
    return name if ":" in name else f"{name}:latest"


def default_answer(body: Any) -> Say:
    """Without a script: the last thing said comes back, as JSON when a schema is given."""
    messages = body.get("messages") or [{"content": ""}]
    said = str(messages[-1].get("content") or "")
    match body:
        case {"format": {"properties": {**names}}}:
            return Say(json.dumps(dict.fromkeys(names, said[:40])))
        case _:
            return Say(f"You said: {said[:200]}")


def _calls(say: Say) -> list[dict[str, Any]]:
    ids = say.call_ids or tuple(f"call_{i}" for i in range(len(say.calls)))
    return [
        {"id": call_id, "function": {"index": i, "name": name, "arguments": arguments}}
        for i, ((name, arguments), call_id) in enumerate(zip(say.calls, ids, strict=True))
    ]


def _line(model: str, *, done: bool = False, **rest: Any) -> bytes:
    message = {"role": "assistant", "content": rest.pop("content", "")}
    for name in ("thinking", "tool_calls"):
        if name in rest:
            message[name] = rest.pop(name)
    part = {"model": model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": done}
    return json.dumps({**part, **rest}).encode() + b"\n"


def _listed(model: Pulled) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.name,
        "modified_at": "2026-01-01T00:00:00Z",
        "size": model.size,
        "digest": f"digest-of-{model.name}",
        "details": {"format": "gguf", "family": "llama"},
    }
