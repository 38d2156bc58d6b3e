"""A provider and a model in full: where it is, how it stands, what it can do and costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workbench.models.survey import Provider
from workbench.plain import Plain, one_line
from workbench.tui.keymap import short
from workbench.tui.written import BLANK, Written, labelled, text_lines

if TYPE_CHECKING:
    from workbench.tui.front_overviews import Models


def state_words(provider: Provider) -> str:
    """How it stands, or the key that asks it."""
    return provider.state or f"not asked yet: {short('models.check')} asks"


def size_words(size_bytes: int) -> Plain:
    """``2.5 GiB``; empty when it is not known."""
    if not size_bytes:
        return Plain("")
    mib = size_bytes / 2**20
    return Plain(f"{mib / 1024:.1f} GiB" if mib >= 100 else f"{mib:.1f} MiB")


def provider_text(prefix: str, known: Models, width: int) -> Iterator[Written]:
    """A provider in full."""
    provider = next(one for one in known.providers if one.prefix == prefix)
    yield ((one_line(provider.prefix), "strong"),)
    yield from labelled("where", provider.where, width)
    if provider.is_remote:
        yield from labelled("state", state_words(provider), width)
        if provider.mend:
            yield from labelled("mend", provider.mend, width)
    yield from labelled("models", str(len(provider.models)) if provider.state else "-", width)
    yield BLANK
    yield from text_lines(help_words(provider.prefix), width, role="dim")


def help_words(prefix: str) -> str:
    """What a kind of provider is."""
    return _HELP.get(prefix, _HELP["ollama"])


_HELP = {
    "ollama": "Models that run on a machine of yours, at no cost. A key here, or `kaizen-tui models"
    " pull qwen3:4b`, fetches one; OLLAMA_HOST, or ollama.hosts in the settings, says where it"
    " answers.",
    "litellm": "Everybody else's models, which cost money: openai/…, anthropic/… and so on. A key"
    " in the environment, or litellm.keys in the settings, opens a provider. Asking starts"
    " litellm, which takes some seconds the first time.",
    "playbook": "Answers from a readable file, with no LLM behind them: NAME.playbook.yaml in the"
    " workspace or its folder of examples.",
    "recorded": "Answers from the log of an earlier run. Enter writes the command; the run's id"
    " follows.",
}


def model_text(name: str, known: Models, width: int) -> Iterator[Written]:
    """A model in full."""
    yield ((one_line(name), "strong"),)
    if name == known.chosen:
        yield from labelled(
            "chosen", f"for agents without a model of their own: {known.why}", width, role="good"
        )
    agents = known.named.get(name)
    if agents:
        yield from labelled("agents", ", ".join(agents), width)
    info = next((one for p in known.providers for one in p.models if one.name == name), None)
    if info is None:
        yield from labelled(
            "known", "it is named here, and its provider has not said that it has it", width
        )
        return
    yield from labelled("can", ", ".join(info.capabilities), width)
    if info.context_tokens:
        yield from labelled("context", f"{info.context_tokens} tokens", width)
    if info.size_bytes:
        yield from labelled("size", str(size_words(info.size_bytes)), width)
    if info.usd_per_million is None:
        yield from labelled("price", "not known", width)
    else:
        asked, answered = info.usd_per_million
        words = f"${asked:g} and ${answered:g} for a million tokens asked and answered"
        yield from labelled("price", words if asked or answered else "free", width)
