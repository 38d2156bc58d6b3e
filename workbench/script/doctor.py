"""`kaizen-tui doctor`: what works here, and the command that mends what does not."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.config import Config, load
from workbench.config.folders import shipped, state_folder
from workbench.config.trust import standing
from workbench.errors import WorkbenchError
from workbench.models.probe import base_url, reachable
from workbench.plugins import discover, installed
from workbench.script.amounts import shown
from workbench.store.disks import network_type
from workbench.store.store import Store
from workbench.tools.sandbox.detect import detect
from workbench.workspace.git import find_git

_CHECK_S = 2.0
"""How long the database is looked at; `kaizen-tui repair --check` goes through all of it."""

_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "MISTRAL_API_KEY")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    """False when something a user may want does not work; nothing here keeps a run from going."""
    what: str
    mend: str = ""
    """A command, or empty when there is nothing to mend."""


def examine(
    workspace: Path,
    environment: Mapping[str, str],
    check: Callable[[Config], object] | None = None,
) -> list[Finding]:
    """Look at everything, in order of what a user meets first. Changes nothing.

    Args:
        workspace: the folder.
        environment: variables.
        check: raises ConfigError for settings that only a front can judge.
    """
    try:
        config = load(environment=environment, workspace=workspace)
        if check is not None:
            check(config)
    except WorkbenchError as error:
        # A settings file that cannot be read hides nothing else from this list.
        finding = Finding("settings", False, str(error), "kaizen-tui config show")
        return [finding, *_findings(Config(workspace=workspace), workspace, environment)]
    sources = dict.fromkeys(place for _, _, place in config.rows() if place != "default")
    found = ", ".join(sources) or "defaults"
    settings = Finding("settings", not config.notices, "; ".join(config.notices) or found)
    return [settings, *_findings(config, workspace, environment)]


def _findings(config: Config, workspace: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: terminal_findings(environment),
        _sandbox,
        _git,
        lambda: _ollama(config, environment),
        lambda: _keys(config, environment),
        lambda: _trust(workspace, environment),
        lambda: _plugins(config, workspace, environment),
        lambda: mcp_findings(config, environment),
        lambda: _database(config, workspace, environment),
    ]
    for check in checks:
        try:
            yield from check()
        except WorkbenchError as error:
            yield Finding("problem", False, str(error), error.hint)


def mcp_findings(config: Config, environment: Mapping[str, str]) -> Iterator[Finding]:
    """MCP servers that could not start, or that nobody is offered; none of them is started."""
    if not config.mcp:
        return
    from workbench.server_sources import servers_of, trusted_in  # noqa: PLC0415 - for who has some

    trusted = trusted_in(environment)
    for name, server in servers_of(config).items():
        word = server.command
        found = not word or shutil.which(word, path=environment.get("PATH")) is not None
        if "/" in word and not word.startswith("/"):
            found = (Path(server.cwd or Path.home()) / word).is_file()
        state = trusted.state(server) if server.enabled else "off"
        what = f"{server.line}: {state}" if found else f"there is no program {word!r}"
        mend = "" if state in ("trusted", "off") else f"kaizen-tui mcp trust {name}"
        mend = mend if found else f"install it, or: kaizen-tui mcp remove {name}"
        yield Finding(f"mcp {name}", found and not mend, what, mend)


def terminal_findings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The terminal that this process has; the screen has put something else before it."""
    given, out = sys.__stdin__, sys.__stdout__
    size = shutil.get_terminal_size()
    if given is None or out is None or not (given.isatty() and out.isatty()):
        yield Finding("terminal", True, "none: scripts and commands work, the screen does not")
        return
    fits = size.columns >= 80 and size.lines >= 24
    mend = "" if fits else "make the window at least 80 columns and 24 lines"
    yield Finding("terminal", fits, f"{size.columns} columns, {size.lines} lines", mend)
    true = environment.get("COLORTERM", "") in {"truecolor", "24bit"}
    colours = "16 million" if true else environment.get("TERM", "unknown")
    if environment.get("NO_COLOR"):
        colours = "switched off by NO_COLOR"
    yield Finding("colours", True, colours, "" if true else "export COLORTERM=truecolor")
    utf8 = "UTF-8" in (out.encoding or "").upper()
    yield Finding("characters", utf8, out.encoding, "" if utf8 else "export LANG=C.UTF-8")


def _sandbox() -> Iterator[Finding]:
    report = detect()
    full = report.level == "full"
    mend = "" if full else "sudo apt-get install bubblewrap"
    yield Finding("sandbox", full, f"{report.level}: {report.why}", mend)


def _git() -> Iterator[Finding]:
    program = find_git()
    what = program or "not found: commands run, but what they change cannot be brought back"
    mend = "" if program else "sudo apt-get install git"
    yield Finding("git", program is not None, what, mend)


def _ollama(config: Config, environment: Mapping[str, str]) -> Iterator[Finding]:
    if not config.has("ollama"):
        yield Finding("ollama", True, "switched off by features.ollama")
        return
    # Left open, OLLAMA_HOST decides: as where models are looked for.
    is_open = "ollama.hosts" not in config.sources
    hosts = {"ollama": environment.get("OLLAMA_HOST", "")} if is_open else config.ollama.hosts
    for prefix, host in hosts.items():
        answers = asyncio.run(reachable(host, 1.0))
        where = base_url(host)
        what = f"{where} answers" if answers else f"{where} does not answer; others stand in"
        yield Finding(prefix, answers, what, "" if answers else "ollama serve")


def _keys(config: Config, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Names only: a key is never read here."""
    found = [name for name in _KEYS if environment.get(name)]
    yield Finding("keys", True, ", ".join(found) or "none in the environment")
    for provider, secret in config.litellm.keys.items():
        there = secret.is_there(environment)
        mend = "" if there else f"export {secret.rest}=…"
        yield Finding(f"key {provider}", there, str(secret), mend)


def _trust(workspace: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    stands = standing(workspace, environment)
    if not stands.files:
        yield Finding("trust", True, "this folder brings nothing that could act")
    elif stands.trusted:
        yield Finding("trust", True, f"{len(stands.files)} files of this folder are trusted")
    else:
        yield Finding("trust", False, " ".join(stands.lines()), "kaizen-tui trust")


def _plugins(config: Config, workspace: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    stands = standing(workspace, environment)
    ours = shipped("plugins")
    own = None if (workspace / "plugins").resolve() == ours.resolve() else workspace
    found = discover(
        ours,
        workspace=own,
        trusted=stands.files if stands.trusted else None,
        allowed=config.plugins,
    )
    what = f"{len(found.plugins)} loaded, {len(found.things('pattern'))} patterns"
    yield Finding("plugins", True, what)
    for name, why in found.broken.items():
        yield Finding(f"plugin {name}", False, why, "kaizen-tui plugins")
    for name in set(installed()) - set(config.plugins):
        yield Finding(f"plugin {name}", True, "installed, not allowed", f'plugins = ["{name}"]')


def _database(config: Config, workspace: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    folder = state_folder(workspace, environment)
    path = folder / "workbench.db"
    if not path.exists():
        yield Finding("database", True, f"{path} is made when it is first needed")
        return
    store = Store.open(path, readonly=True)
    try:
        count, fault = store.count_runs(), store.first_fault(_CHECK_S)
        short = store.short_of(int(config.min_free_mib * 2**20))
        stale = store.shared.stale_locks()
    finally:
        store.close()
    if stale:
        more = ", ".join(stale[:5]) + (f" and {len(stale) - 5} more" if len(stale) > 5 else "")
        what = f"of processes that were killed, harmless; of runs {more}"
        yield Finding("stale locks", True, what, f"kaizen-tui resume {stale[0]}")
    if kind := network_type(folder):
        what = f"{folder} is on a network disk ({kind}), where locks may not hold"
        yield Finding("disk", False, what, "kaizen-tui init in a folder of this machine")
    writable = os.access(path, os.W_OK)
    what = f"{path}: {count} runs" + ("" if writable else ", and it cannot be written")
    yield Finding("database", writable, what, "" if writable else f"chmod u+w {path}")
    words = fault or "no fault in its pages"
    yield Finding("pages", not fault, words, "kaizen-tui repair" if fault else "")
    free = f"{shown(shutil.disk_usage(folder).free)} left, {config.min_free_mib:g} MiB needed"
    mend = "kaizen-tui gc --older-than 30d" if short else ""
    yield Finding("room", not short, short or f"{free} before anything is done", mend)


def finding_lines(found: list[Finding]) -> list[str]:
    """The findings for people."""
    width = max(len(one.name) for one in found)
    lines: list[str] = []
    for one in found:
        lines.append(f"{'ok' if one.ok else '! '} {one.name:<{width}}  {one.what}")
        lines += [f"   {'':<{width}}  {one.mend}"] if one.mend else []
    return lines
