"""The OpenAI API on loopback: chat completions as SSE or whole, models, embeddings; by script."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.doubles.http_server import Asked, Fault, HttpServer, Out, Say, words

SSE = "text/event-stream"


@dataclass(slots=True)
class OpenAIServer(HttpServer):
    """Any model name is answered."""

    async def answer(self, asked: Asked, out: Out) -> None:
        match asked.path.removeprefix("/v1"):
            case "/models":
                models = [{"id": "double", "object": "model", "owned_by": "tests", "created": 0}]
                await out.whole(200, {"object": "list", "data": models})
            case "/embeddings":
                await self._embed(asked.body, out)
            case "/chat/completions":
                await self._chat(asked.body, out)
            case _:
                await out.whole(404, {"error": {"message": f"no path {asked.path}"}})

    async def _embed(self, body: Any, out: Out) -> None:
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [
            {"object": "embedding", "index": i, "embedding": [float(len(text)), 1.0]}
            for i, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 3, "total_tokens": 3}
        listed = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        await out.whole(200, listed)

    async def _chat(self, body: Any, out: Out) -> None:
        step = self.script.popleft() if self.script else default_answer(body)
        if body.get("stream") or isinstance(step, Fault):
            await self.play(step, body, out, SSE)
            return
        message = {"role": "assistant", "content": step.text or None, "tool_calls": _calls(step)}
        choice = {"index": 0, "message": message, "finish_reason": _finish(step)}
        await out.whole(200, {**_common(body), "choices": [choice], "usage": _usage(step)})

    def pieces(self, say: Say, body: Any) -> list[bytes]:
        found = [self._piece(body, {"role": "assistant", "content": ""})]
        found += [self._piece(body, {"reasoning_content": word}) for word in words(say.thinking)]
        found += [self._piece(body, {"content": word}) for word in words(say.text)]
        for call in _calls(say):
            text = call["function"].pop("arguments")
            found.append(self._piece(body, {"tool_calls": [call]}))
            for start in range(0, len(text), max(16, len(text) // 8)):
                part = {
                    "index": call["index"],
                    "function": {"arguments": text[start:][: max(16, len(text) // 8)]},
                }
                found.append(self._piece(body, {"tool_calls": [part]}))
        found.append(self._piece(body, {}, _finish(say)))
        match body:
            case {"stream_options": {"include_usage": True}}:
                part = {**_common(body, "chat.completion.chunk"), "usage": _usage(say)}
                found.append(self.framed(json.dumps({**part, "choices": []}).encode()))
            case _:
                pass
        return [*found, self.framed(b"[DONE]")]

    def _piece(self, body: Any, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        part = {**_common(body, "chat.completion.chunk"), "choices": [choice]}
        return self.framed(json.dumps(part).encode())

    def framed(self, data: bytes) -> bytes:
        return b"data: " + data + b"\n\n"

    def broken(self, message: str) -> bytes:
        return self.framed(json.dumps({"error": {"message": message, "code": 500}}).encode())

    def refusal(self, fault: Fault) -> Any:
        return {"error": {"message": fault.message, "type": "scripted", "code": None}}


def default_answer(body: Any) -> Say:
    """Without a script: the last thing said comes back, as JSON when a schema is given."""
    said = str(body["messages"][-1].get("content") or "")
    match body:
        case {"response_format": {"json_schema": {"schema": {"properties": {**names}}}}}:
            return Say(json.dumps(dict.fromkeys(names, said[:40])))
        case _:
            return Say(f"You said: {said[:200]}")


def _calls(say: Say) -> list[dict[str, Any]]:
    ids = say.call_ids or tuple(f"call_{i}" for i in range(len(say.calls)))
    return [
        {
            "index": i,
            "id": call_id,
            "type": "function",
            "function": {
                "name": name,
                "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments),
            },
        }
        for i, ((name, arguments), call_id) in enumerate(zip(say.calls, ids, strict=True))
    ]


def _finish(say: Say) -> str:
    return say.finish or ("tool_calls" if say.calls else "stop")


def _common(body: Any, kind: str = "chat.completion") -> dict[str, Any]:
    return {"id": "chatcmpl-double", "object": kind, "created": 0, "model": body["model"]}


def _usage(say: Say) -> dict[str, int]:
    asked, said = say.tokens
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
