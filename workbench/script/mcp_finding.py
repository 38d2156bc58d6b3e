"""Which tool, server or agent fits some words: ranked, each with the reasons for its place.

The score is a sum of few parts that are said with it: how many of the words it covers (that
counts most), whether it is trusted already, whether it stays on this machine, what asking it
costs. Nobody is started or asked over a network for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workbench.bench import Workbench
from workbench.config.others import known_files, servers_in
from workbench.errors import ConfigError
from workbench.permission.danger import Danger

_WORD: Final = re.compile(r"[a-z0-9]+")
_STEM: Final = 4
"""Longer words fit by how they begin: files, file."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One thing that may be of use."""

    name: str
    kind: str
    score: float
    """0 to 1."""
    reasons: tuple[str, ...]
    next: str = ""
    """What to do to have it; empty when an agent can be given it as it is."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    name: str
    kind: str
    about: str
    trusted: bool
    local: bool
    paid: bool
    danger: Danger
    next: str = ""


def fits(bench: Workbench, words: str, most: int) -> list[Fit]:
    """What fits some words, best first."""
    wanted = _words(words)
    found = [_scored(one, wanted) for one in _candidates(bench)]
    found = [fit for fit in found if fit is not None]
    return sorted(found, key=lambda fit: (-fit.score, fit.name))[:most]


def _scored(one: _Candidate, wanted: list[str]) -> Fit | None:
    named, said = _words(one.name), _words(one.about)
    in_name = sum(any(_alike(word, other) for other in named) for word in wanted)
    somewhere = sum(any(_alike(word, other) for other in (*named, *said)) for word in wanted)
    if not somewhere:
        return None
    capability = (0.8 * somewhere + 0.2 * in_name) / len(wanted)
    safety = 1.0 - one.danger / len(Danger)
    score = 0.7 * capability + 0.12 * one.trusted + 0.08 * safety
    score += 0.05 * one.local + 0.05 * (not one.paid)
    reasons = (
        f"covers {somewhere} of {len(wanted)} words",
        "trusted" if one.trusted else "not trusted yet",
        f"each call is {one.danger.name} at least" if one.kind == "tool" else "asked like any agent"
        if one.kind == "agent" else "what it offers is not known yet",
        "on this machine" if one.local else "leaves this machine",
        "each answer may cost money" if one.paid else "no price is known of it",
    )  # fmt: skip
    return Fit(one.name, one.kind, round(score, 2), reasons, one.next)


def _candidates(bench: Workbench) -> Iterator[_Candidate]:
    servers = bench.mcp
    for name, tool in bench.tools.items():
        server = servers.server_of(tool) if servers is not None else None
        local = server is None or not server.url
        yield _Candidate(name, "tool", tool.description, True, local, False, tool.floor)
    for name, agent in bench.agents.items():
        model = agent.model or bench.default_model
        local = model.startswith(("ollama", "playbook", "recorded"))
        about = f"{agent.instructions} {agent.signature}"
        yield _Candidate(name, "agent", about, True, local, not local, Danger.SAFE)
    if servers is not None:
        for name, server in servers.servers.items():
            if servers.state(name) != "trusted":
                next_step = f"kaizen-tui mcp trust {name}"
                yield _Candidate(
                    name,
                    "server",
                    server.line,
                    False,
                    not server.url,
                    False,
                    Danger.HIGH,
                    next_step,
                )
    yield from _elsewhere(bench)


def _elsewhere(bench: Workbench) -> Iterator[_Candidate]:
    for program, path in known_files(bench.config.workspace):
        try:
            found = servers_in(path)
        except ConfigError:
            continue  # `mcp import` says what is wrong with it
        for one in found:
            if one.settings and one.name not in bench.config.mcp:
                about = (
                    f"{program} {one.settings.get('url', '')} {one.settings.get('command', '')} "
                )
                about += " ".join(one.settings.get("args", ()))
                local, step = "url" not in one.settings, f"kaizen-tui mcp import {path} {one.name}"
                yield _Candidate(one.name, "server", about, False, local, False, Danger.HIGH, step)


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(_WORD.findall(text.lower().replace("_", " "))))


def _alike(word: str, other: str) -> bool:
    if len(word) < _STEM or len(other) < _STEM:
        return word == other
    return word.startswith(other[: max(_STEM, len(other) - 2)]) or other.startswith(
        word[: max(_STEM, len(word) - 2)]
    )
