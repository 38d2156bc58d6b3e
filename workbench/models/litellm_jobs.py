"""What the litellm worker does: complete, embed, list. Imported in the worker process only.

litellm's types are looser than its behaviour, so this is the border where `Any` stands.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import litellm

from workbench.models.drafts import REPLY_LIMIT

if TYPE_CHECKING:
    from workbench.models.litellm_worker import Worker

Message = dict[str, Any]
lib: Any = litellm

LOCAL = frozenset({"ollama", "ollama_chat", "lm_studio", "llamafile", "hosted_vllm"})
"""Providers that cost nothing, because the machine is the user's."""


_PRICES = ("input_cost_per_token", "output_cost_per_token")
_KINDS = {"chat": "chat", "responses": "chat", "embedding": "embedding"}


class BrokenOff(Exception):  # its name travels as the class of the failure
    """A stream ended without saying why it was finished."""


class TooBig(Exception):
    """An answer grew past what is taken."""


def prepare() -> None:
    """Turn off what litellm would do on its own."""
    lib.telemetry = False
    lib.suppress_debug_info = True
    lib.num_retries = 0
    lib.drop_params = False
    lib.callbacks = []
    httpx.AsyncClient.send = _unled(httpx.AsyncClient.send)
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _unled(send: Any) -> Any:
    """`httpx.AsyncClient.send` that follows no redirect, whatever the client was told.

    A server could lead a conversation to a host that nobody named; neither litellm nor the clients
    it is made of can be told not to follow.
    """

    async def sent(client: Any, request: Any, **more: Any) -> Any:
        return await send(client, request, **{**more, "follow_redirects": False})

    return sent


async def complete(worker: Worker, job: Message) -> Message:
    """Stream one answer and return it whole."""
    local = job["provider"] in LOCAL
    if local and job["model"] not in worker.known:
        # Otherwise litellm asks a host of its own choice about the model before each call.
        worker.known.add(job["model"])
        price = {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0}
        about = {"litellm_provider": job["provider"], "mode": "chat", **price}
        lib.register_model({job["model"]: {**about, "supports_function_calling": True}})
    stream = await lib.acompletion(**arguments(job))
    answer = _Answer()
    async for chunk in stream:
        if text := answer.take(chunk):
            worker.say({"id": job["id"], "text": text})
    # litellm makes up an end for a stream that broke off; what it received says the truth.
    ended = stream.received_finish_reason or stream.intermittent_finish_reason
    if ended is None:
        raise BrokenOff(f"the stream broke off after {answer.size} characters")
    usage = answer.usage
    return {
        "thinking": "".join(answer.thoughts),
        "calls": [[name, "".join(parts)] for name, parts in answer.calls.values()],
        "finish": answer.finish or str(ended),
        "model": answer.model or job["model"],
        "usage": [int(usage.prompt_tokens or 0), int(usage.completion_tokens or 0)]
        if usage
        else [0, 0],
        "cost_usd": 0.0 if local else price_of(job, usage),
    }


async def embed(_: Worker, job: Message) -> Message:
    """One vector for each text."""
    keys = ("model", "input", "timeout", "api_key", "api_base")
    given = {key: job[key] for key in keys if job.get(key) is not None}
    found = await lib.aembedding(**given, num_retries=0, max_retries=0)
    return {"vectors": [list(item["embedding"]) for item in found.data]}


async def models(_: Worker, job: Message) -> Message:
    """The models of the providers whose keys are set and of the places that are configured."""
    names = set(lib.get_valid_models(check_provider_endpoint=False))
    found = [_listed(name, lib.model_cost.get(name) or {}) for name in sorted(names)]
    failed: list[str] = []
    for told in job["places"]:
        try:
            found += await _at_place(told, job["timeout"] / 2)
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            failed.append(f"{told['place']} at {told['api_base']}: {type(error).__name__} {error}")
    chatting = {item["name"]: item for item in found if item["mode"] == "chat"}
    return {"models": list(chatting.values()), "failed": failed}


async def _at_place(told: Message, timeout_s: float) -> list[Message]:
    """What a configured place has: what a server of the user's says, else what the table says."""
    place, provider = told["place"], told["provider"]
    if not told["api_base"]:
        known = sorted(lib.models_by_provider.get(provider) or ())
        return [
            _listed(f"{place}/{name.removeprefix(f'{provider}/')}", lib.model_cost.get(name) or {})
            for name in known
        ]
    headers = {"authorization": f"Bearer {told['api_key']}"} if told["api_key"] else {}
    async with httpx.AsyncClient(timeout=timeout_s, follow_redirects=False) as client:
        answer = await client.get(f"{told['api_base'].rstrip('/')}/models", headers=headers)
    answer.raise_for_status()
    names = [str(item["id"]) for item in answer.json()["data"]]
    return [_listed(f"{place}/{name}", {}) for name in names]


async def about(_: Worker, job: Message) -> Message:
    """What is known of one model, as the fields of `Capabilities`."""
    provider, model = job["provider"], job["model"]
    known = lib.model_cost.get(f"{provider}/{model}") or lib.model_cost.get(model)
    found: Message = known or {}

    def says(key: str) -> bool | None:
        """A table that knows the model and is silent about this means no."""
        return bool(found.get(key)) if known else None

    mode = found.get("mode") if known else None
    params = lib.get_supported_openai_params(model=model, custom_llm_provider=provider) or ()
    able: Message = {
        "context_tokens": found.get("max_input_tokens") or found.get("max_tokens"),
        "tools": says("supports_function_calling"),
        "schema": "response_format" in params if params else None,
        "images": says("supports_vision"),
        "audio": says("supports_audio_input"),
        "documents": says("supports_pdf_input"),
        "thinking": says("supports_reasoning"),
        "embeddings": mode == "embedding" if mode else None,
        "chat": mode in {"chat", "completion", "responses"} if mode else None,
    }
    return {"able": able, "listed": _listed(f"{provider}/{model}", found)}


def _listed(name: str, about: Mapping[str, Any]) -> Message:
    provider, mode = str(about.get("litellm_provider") or ""), about.get("mode") or "chat"
    known = all(about.get(key) is not None for key in _PRICES)
    return {
        "name": name if "/" in name or not provider else f"{provider}/{name}",
        "mode": mode,
        "kind": [_KINDS[mode]] if mode in _KINDS else [],
        "able": [
            word
            for word, key in (
                ("tools", "supports_function_calling"),
                ("vision", "supports_vision"),
                ("thinking", "supports_reasoning"),
            )
            if about.get(key)
        ],
        "context": about.get("max_input_tokens") or about.get("max_tokens"),
        "price": [round(about[key] * 1e6, 6) for key in _PRICES] if known else None,
    }


def arguments(job: Message) -> Message:
    """The keyword arguments of one completion."""
    found: Message = {
        "model": job["model"],
        "messages": job["messages"],
        # The worker ends the whole request in time; this only frees the connection.
        "timeout": job["timeout"] + 1,
        "stream": True,
        "stream_options": {"include_usage": True},
        "num_retries": 0,
        "max_retries": 0,
        **job["options"],
    }
    if job.get("api_key") is not None:
        found["api_key"] = job["api_key"]
    if job["tools"]:
        found["tools"] = job["tools"]
    if job["schema"] is not None and takes_schema(job):
        form = {"name": "reply", "schema": job["schema"], "strict": strict(job["schema"])}
        found["response_format"] = {"type": "json_schema", "json_schema": form}
    return found


def takes_schema(job: Message) -> bool:
    """Whether the provider has a schema mode that does not forbid the tools offered."""
    if job["tools"] and job["provider"] not in {"openai", "azure"}:
        return False
    name = job["model"].partition("/")[2]
    known = lib.get_supported_openai_params(model=name, custom_llm_provider=job["provider"])
    return "response_format" in (known or ())


def strict(schema: Any) -> bool:
    """Whether a schema is of the kind the strict mode takes: everything required and closed."""
    match schema:
        case {"type": "object", "properties": {**parts}, **rest}:
            closed = rest.get("additionalProperties") is False
            whole = set(rest.get("required") or ()) == set(parts)
            return closed and whole and all(strict(part) for part in parts.values())
        case {"type": "object"} | {"anyOf": _} | {"$ref": _} | {"allOf": _} | {"oneOf": _}:
            return False
        case {"items": items}:
            return strict(items)
        case _:
            return True


def price_of(job: Message, usage: Any) -> float | None:
    """What a call cost by litellm's own table, or None where that is not known."""
    base = str(job["options"].get("api_base") or "")
    if usage is None or (job["provider"] == "openai" and base and "openai.com" not in base):
        return None
    if job["model"] not in lib.model_cost and job["model"].partition("/")[2] not in lib.model_cost:
        return None
    response = lib.ModelResponse(model=job["model"], usage=usage)
    return float(lib.completion_cost(completion_response=response, model=job["model"]))


@dataclass(slots=True)
class _Answer:
    """The pieces of one stream, put together."""

    thoughts: list[str] = field(default_factory=list[str])
    calls: dict[Any, tuple[str, list[str]]] = field(
        default_factory=dict[Any, tuple[str, list[str]]]
    )
    ids: dict[int, str] = field(default_factory=dict[int, str])
    finish: str = ""
    model: str = ""
    usage: Any = None
    size: int = 0

    def take(self, chunk: Any) -> str:
        """Take one chunk; the text in it is returned."""
        self.usage = getattr(chunk, "usage", None) or self.usage
        self.model = chunk.model or self.model
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        self.finish = choice.finish_reason or self.finish
        delta = choice.delta
        text: str = delta.content or ""
        if thought := getattr(delta, "reasoning_content", None):
            self.thoughts.append(thought)
            self.size += len(thought)
        for call in delta.tool_calls or ():
            self.take_call(call)
        self.size += len(text)
        if self.size > REPLY_LIMIT:
            raise TooBig(f"more than {REPLY_LIMIT // 1024 // 1024} MiB were answered")
        return text

    def take_call(self, call: Any) -> None:
        """Pieces belong together by index; some servers give every call the index 0."""
        index = int(call.index or 0)
        name: str = call.function.name or ""
        if name and index in self.ids and call.id and call.id != self.ids[index]:
            index = len(self.calls) + 1000
        if call.id or index not in self.ids:
            self.ids.setdefault(index, call.id or "")
        known, parts = self.calls.setdefault(index, ("", []))
        if name and not known:
            self.calls[index] = (name, parts)
        piece: str = call.function.arguments or ""
        parts.append(piece)
        self.size += len(piece)
