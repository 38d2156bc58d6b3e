"""The command `models`: which there are, one in full, fetch one, free its memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from workbench.agent.conversation import ModelInfo
from workbench.errors import Denied, ModelError, UsageError
from workbench.models.details import ModelDetails, info_json
from workbench.models.ollama import OllamaModel
from workbench.models.ollama_pull import PullProgress
from workbench.models.survey import NO_KEYS, Provider
from workbench.plain import one_line
from workbench.script.amounts import shown
from workbench.script.command import Call, Command, Output, Parameter, said
from workbench.script.session import Session

_ACTS = ("list", "show", "pull", "unload")


async def _models(session: Session, call: Call) -> Output:
    act, name = call.text("act", "list"), call.text("name")
    if act == "list":
        return await listed(session)
    if not name:
        raise UsageError(f"'models {act}' needs a model", hint="kaizen-tui models lists them")
    if act == "show":
        found = await session.bench.hub.details(name)
        return Output(tuple(detail_lines(found)), found.to_json())
    model, name = session.bench.hub.pulls(name)
    if act == "unload":
        await model.unload(name)
        return said(f"{name} is out of memory", data={"unloaded": name})
    return await _pull(session, model, name, agreed=str(call.given.get("yes")).lower() == "true")


async def listed(session: Session) -> Output:
    """Every provider with its models; one that does not answer is named, with what mends it."""
    bench = session.bench
    providers = await bench.providers()
    if any(one.prefix == "litellm" and one.where != NO_KEYS for one in providers):
        session.notice("asking litellm, which takes some seconds to start")
    found = await asyncio.gather(*(bench.ask_provider(one) for one in providers))
    lines = [line for one in found for line in provider_lines(one, bench.default_model)]
    data = {
        "chosen": bench.default_model,
        "why": bench.model_reason,
        "providers": [_provider_json(one) for one in found],
    }
    return Output((*lines, f"{bench.default_model} answers: {bench.model_reason}"), data)


def provider_lines(provider: Provider, chosen: str) -> Iterator[str]:
    """A provider and its models, for people."""
    state = "" if provider.prefix == "recorded" or not provider.is_remote else provider.state
    yield one_line("  ".join(filter(None, (provider.prefix, state, provider.where)))).strip()
    if provider.mend:
        yield one_line(f"    {provider.mend}")
    width = max((len(info.name) for info in provider.models), default=0)
    for info in provider.models:
        mark = "*" if info.name == chosen else " "
        words = " ".join(info.capabilities)
        figures = "  ".join((price_words(info), _context_words(info), _size_words(info)))
        yield one_line(f"  {mark} {info.name:<{min(width, 50)}}  {figures}  {words}").rstrip()


def price_words(info: ModelInfo) -> str:
    """``free``, ``$1/$5`` for a million tokens asked and answered, or that nobody knows."""
    if info.usd_per_million is None:
        return f"{'price unknown':<15}"
    asked, answered = info.usd_per_million
    return f"{f'${asked:g}/${answered:g}' if asked or answered else 'free':<15}"


def _context_words(info: ModelInfo) -> str:
    return f"{info.context_tokens or '':>9}"


def _size_words(info: ModelInfo) -> str:
    return f"{shown(info.size_bytes) if info.size_bytes else '':>9}"


def detail_lines(found: ModelDetails) -> Iterator[str]:
    """One model in full, for people."""
    info, able = found.info, found.able
    yield info.name
    named = {
        "chat": able.chat,
        "tools": able.tools,
        "bound to a schema": able.schema,
        "images": able.images,
        "audio": able.audio,
        "documents": able.documents,
        "thinking": able.thinking,
        "embeddings": able.embeddings,
    }
    for verdict, label in ((True, "can"), (False, "cannot"), (None, "not known")):
        words = [name for name, value in named.items() if value is verdict]
        if words:
            yield f"  {label:<10} {', '.join(words)}"
    if info.context_tokens:
        asked = able.context_tokens
        less = f", asked to hold {asked}" if asked and asked != info.context_tokens else ""
        yield f"  {'context':<10} {info.context_tokens} tokens{less}"
    yield f"  {'price':<10} {_price_sentence(info)}"
    if info.size_bytes:
        yield f"  {'size':<10} {shown(info.size_bytes)}"
    for name, value in found.facts.items():
        yield one_line(f"  {name:<10} {value}")


def _price_sentence(info: ModelInfo) -> str:
    if info.usd_per_million is None:
        return "not known, which is not free"
    asked, answered = info.usd_per_million
    if not asked and not answered:
        return "free"
    return f"${asked:g} for a million tokens asked, ${answered:g} for a million answered"


async def _pull(session: Session, model: OllamaModel, name: str, *, agreed: bool) -> Output:
    """Fetch a model once somebody has agreed; without, say what would be fetched."""
    bench = session.bench
    if not bench.config.has("network"):
        raise Denied("the settings switch the network off", hint="Set features.network = true")
    if not agreed:
        lines = await plan_lines(model, name)
        data = {"would_pull": name, "host": model.url}
        return said(*lines, f"yes=true fetches it: models pull {name} yes=true", data=data)
    bench.store.audit.enter("model.pulled", {"name": name, "by": "user"})
    last = PullProgress("")
    with session.fetching(name) as moved:

        def told(news: PullProgress) -> None:
            nonlocal last
            last = news
            moved(news.completed_bytes, news.total_bytes)

        try:
            await model.pull(name, told)
        except asyncio.CancelledError:
            session.notice(cancelled_words(name, last))
            raise
    size = f" ({shown(last.total_bytes)})" if last.total_bytes else ""
    data = {"pulled": name, "host": model.url, "bytes": last.total_bytes}
    return said(f"{name} is there{size}; use it with: model {name}", data=data)


def cancelled_words(name: str, last: PullProgress) -> str:
    """What became of a pull that was cancelled."""
    part = f" at {shown(last.completed_bytes)} of {shown(last.total_bytes)}"
    where = part if last.total_bytes else ""
    return f"the pull of {name} was cancelled{where}; the next one goes on from there"


async def plan_lines(model: OllamaModel, name: str) -> list[str]:
    """What a pull would do, for the person who is asked."""
    bare = model.host.bare(name)
    place = bare.partition("/")[0]
    library = place if "." in place and "/" in bare else "the library at ollama.com"
    lines = [f"Ollama at {model.url} fetches {bare} from {library}, over the network, to its disk"]
    try:
        there = {info.name: info for info in await model.models()}
    except ModelError as error:
        return [*lines, error.message]
    full = name if ":" in bare else f"{name}:latest"
    if full in there:
        size = shown(there[full].size_bytes or 0)
        return [*lines, f"it is there already ({size}); only what is newer is fetched"]
    return [*lines, "its size is known once it has begun; most take 1 to 50 GiB"]


def _provider_json(provider: Provider) -> dict[str, Any]:
    return {
        "prefix": provider.prefix,
        "where": provider.where,
        "state": provider.state,
        "mend": provider.mend,
        "models": [info_json(info) for info in provider.models],
    }


COMMAND = Command(
    "models",
    "List the models that can be asked, show one, fetch one, free its memory.",
    _models,
    (
        Parameter("act", "what to do", choices=_ACTS),
        Parameter("name", "provider:name", "model"),
        Parameter("yes", "pull: true, or it only says what would be fetched", named_only=True),
    ),
    is_setting=True,
    details="'models pull' has Ollama fetch a model over the network.",
    examples=("models", "models show ollama:qwen3:4b", "models pull qwen3:4b yes=true"),
)
