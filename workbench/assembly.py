"""Putting the parts together: from settings and folders to everything a `World` is made of.

One function in one order, so that what depends on what can be read from top to bottom. Nothing
slow happens here that can wait: models open at their first request, the sandbox is probed at the
first command, and the tools' network side is imported when a tool needs it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.agent.agent import Agent
from workbench.agent.files import load_agents
from workbench.agent.tool import Tool
from workbench.config import Config, load
from workbench.config.folders import copies_folder, make_state_folder, shipped
from workbench.config.text import SUFFIXES
from workbench.config.trust import Standing, standing
from workbench.credentials import credentials_of
from workbench.engine.local import LocalWorkers
from workbench.errors import PluginError, StoreError, WorkbenchError
from workbench.journal.events import Event
from workbench.model_sources import model_sources
from workbench.models.hub import Hub
from workbench.permission.doubting import DoubtRule
from workbench.permission.policy import Policy
from workbench.permission.rule import Rule
from workbench.placed import PlacedTools
from workbench.plugins import Discovered, discover
from workbench.redaction import Redaction
from workbench.run.hooks import Hook, Hooks
from workbench.run.room import Room
from workbench.run.shared import Budgets
from workbench.run.waiting import Inbox, Waiting
from workbench.run.world import Live, World
from workbench.store.daily import clean_up
from workbench.store.disks import network_type
from workbench.store.memory import MemoryStore
from workbench.store.retention import Retention
from workbench.store.store import Store
from workbench.tools.place import Place
from workbench.tools.sandbox.report import SandboxReport
from workbench.values import digest, dumps
from workbench.workspace.copies import Copies

if TYPE_CHECKING:
    from workbench.tools.mcp.servers import McpServers

_RULES = "rules"
"""The setting under which rules kept for the workspace stand."""


@dataclass
class Parts:
    """What was put together; owned by one `Workbench`."""

    config: Config
    store: Store | MemoryStore
    state: Path
    toolbox: PlacedTools
    copies: Copies
    models: Hub
    policy: Policy
    discovered: Discovered
    agents: dict[str, Agent]
    tools: dict[str, Tool]
    default_model: str
    model_reason: str
    redaction: Redaction
    servers: McpServers | None = None
    notices: list[str] = field(default_factory=list[str])

    @property
    def doubts(self) -> tuple[DoubtRule, ...]:
        """What the settings say about doubts."""
        return tuple(DoubtRule.from_setting(told) for told in self.config.doubts)

    def world(self, publish: Callable[[Event | Live], None]) -> World:
        """The surroundings of runs."""
        hooks = Hooks()
        if self.config.has("hooks"):
            for hook in (*self.discovered.things("hook").values(), *self._hook_commands()):
                hooks.add(hook)

        def changed(waiting: Waiting, what: str) -> None:
            data = {"id": waiting.id, "what": what}
            publish(Live("waiting", waiting.run_id, waiting.key, data))

        return World(
            log=self.store,
            models=self.models,
            toolbox=self.toolbox,
            copies=self.copies,
            engine=LocalWorkers(),
            inbox=Inbox(changed),
            publish=publish,
            policy=self.policy,
            doubts=self.doubts,
            default_model=self.default_model,
            memory=self.store.memory,
            redaction=self.redaction,
            hooks=hooks,
            room=Room(lambda: self.store.short_of(int(self.config.min_free_mib * 2**20))),
            agents=self.agents,
            tools=self.tools,
            missing=self.servers.missing if self.servers else lambda _name: None,
            patterns=dict(self.discovered.things("pattern")),
            approval_timeout_s=self.config.approval_timeout_s or None,
            checkpoints=self.config.checkpoints,
            fork_files=self.config.fork_files,
            check_model=self.models.check,
            model_timeout_s=self.config.models.timeout_s,
            model_wait_s=self.config.models.wait_s,
            fallback=self.config.models.fallback,
            budgets=Budgets(self.config.limits),
        )

    def _hook_commands(self) -> Iterable[Hook]:
        if not self.config.hooks:
            return ()
        from workbench.hook_commands import hooks_of  # noqa: PLC0415 - for those who have some

        return hooks_of(self.config.hooks, self.toolbox.unconfined)

    def keep_rules(self, policy: Policy) -> None:
        """Keep the rules that are meant for the workspace."""
        kept = [rule.definition() for rule in policy.rules if rule.scope == "workspace"]
        self.store.set_setting(_RULES, list(kept))

    async def close(self) -> None:
        """Let go of servers, models and the store."""
        if self.servers is not None:
            await self.servers.close()
        await self.models.close()
        self.store.close()


async def assemble(
    path: str | Path | None,
    *,
    workspace: str | Path | None = None,
    config: Config | Mapping[str, Any] | str | Path | None = None,
    readonly: bool = False,
    tools: tuple[Tool, ...] = (),
    agents: tuple[Agent, ...] = (),
) -> Parts:
    """Put everything together for a workspace. See `workbench.bench.Workbench.open`."""
    folder = _real(workspace)
    held = config if isinstance(config, Config) else load(config, workspace=folder)
    state = _state(path, folder)
    store = _store(path, state, held, readonly=readonly)
    cleaned = [] if readonly else await _cleaned_up(held, store)
    stands = standing(folder, os.environ)
    found = _discovered(held, folder, stands)
    redaction, copies = Redaction.of(os.environ), _copies(state, store)
    secrets = credentials_of(held.secrets, os.environ, redaction)
    place = Place(folder, state, grants=held.grants, credentials=secrets, contents=copies)
    models, servers = model_sources(held, folder, store, redaction), _servers(held, store)
    noter, sandboxed = _sandbox_noter(store), held.has("sandbox")
    parts = Parts(
        held,
        store,
        state,
        PlacedTools(place, sandboxed=sandboxed, found=noter, servers=servers),
        copies,
        models,
        _policy(held, store, folder),
        found,
        {**found.things("agent"), **_agents(held, folder, stands), **{a.name: a for a in agents}},
        {**_tools(held, found), **_offered(held, servers), **{t.name: t for t in tools}},
        *await models.choose(held.model),
        redaction,
        servers,
        [*held.notices, *found.notices, *cleaned],
    )
    if not readonly:
        _write_down(parts, stands)
    return parts


def _copies(state: Path, store: Store | MemoryStore) -> Copies:
    own = copies_folder(state, os.environ)
    return Copies(state, own, store.blobs, lost=store.shared.has_lost)


async def _cleaned_up(config: Config, store: Store | MemoryStore) -> list[str]:
    """Clean up if the settings want that by itself; a sentence for the user when runs went."""
    if not config.keep.auto:
        return []
    freed = await asyncio.to_thread(clean_up, store, kept_by(config), time.time())
    if freed is None or not freed.runs:
        return []
    return [f"cleaned up: {len(freed.runs)} old runs were deleted (the settings' keep.*)"]


def kept_by(config: Config) -> Retention:
    """The retention of the settings."""
    keep = config.keep
    return Retention(
        None if keep.days is None else keep.days * 86_400,
        keep.runs,
        None if keep.mib is None else int(keep.mib * 2**20),
    )


def _real(workspace: str | Path | None) -> Path:
    return Path(workspace or ".").resolve()


def _state(path: str | Path | None, folder: Path) -> Path:
    if path is None or path == ":memory:":
        return make_state_folder(folder, os.environ)
    return Path(path).resolve().parent


def _store(
    path: str | Path | None, state: Path, config: Config, *, readonly: bool
) -> Store | MemoryStore:
    if path == ":memory:":
        return MemoryStore()
    file = Path(path).resolve() if path is not None else state / "workbench.db"
    if not readonly and not config.network_disk and (kind := network_type(state)):
        raise StoreError(
            f"{state} is on a network disk ({kind}), where two machines could drive one run",
            hint="Keep runs on a disk of this machine (KAIZEN_TUI_DATA_HOME), or set "
            "network_disk = true if no other machine uses them",
        )
    store = Store.open(file, synchronous=config.synchronous, readonly=readonly)
    if not readonly:
        _clear_spools(state, store)
    return store


def _clear_spools(state: Path, store: Store) -> None:
    """Take away what was kept of commands of runs that have ended since."""
    from workbench.tools.spool import clear  # noqa: PLC0415 - tools load when they are needed

    def has_ended(run_id: str) -> bool | None:
        try:
            run = store.run(run_id)
        except WorkbenchError:
            return None
        return run.status not in {"running", "suspended"} if run.run_id == run_id else None

    clear(state, has_ended)


def _discovered(config: Config, folder: Path, stands: Standing) -> Discovered:
    if not config.has("plugins"):
        return discover(shipped("plugins"))
    trusted = stands.files if stands.trusted else None
    ours = shipped("plugins")
    own = None if (folder / "plugins").resolve() == ours.resolve() else folder
    return discover(ours, workspace=own, trusted=trusted, allowed=config.plugins)


def _agents(config: Config, folder: Path, stands: Standing) -> dict[str, Agent]:
    """Agents defined in files of the workspace, once the folder is trusted."""
    found: dict[str, Agent] = {}
    where = folder / config.agents
    if not where.is_dir() or not stands.trusted:
        return found
    for file in sorted(p for p in where.iterdir() if p.suffix in SUFFIXES):
        for agent in load_agents(file.read_text(encoding="utf-8"), file.suffix, str(file)):
            if agent.name in found:
                raise PluginError(f"agent {agent.name!r} is defined twice, again in {file}")
            found[agent.name] = agent
    return found


def _servers(config: Config, store: Store | MemoryStore) -> McpServers | None:
    if not config.mcp:
        return None
    from workbench.server_sources import server_sources  # noqa: PLC0415 - for those who have some

    return server_sources(config, os.environ, store.audit.enter)


def _offered(config: Config, servers: McpServers | None) -> dict[str, Tool]:
    if servers is None:
        return {}
    from workbench.server_sources import offered  # noqa: PLC0415

    return offered(config, servers)


def _tools(config: Config, found: Discovered, servers: McpServers | None = None) -> dict[str, Tool]:
    from workbench.tools.catalogue import BUILT_IN, classed  # noqa: PLC0415 - schemas

    extra: dict[str, Tool] = found.things("tool")
    for name in extra:
        if name in BUILT_IN:
            raise PluginError(f"tool {name!r} is built in, and a plugin may not replace it")
    known = {**BUILT_IN, **extra}
    return {
        name: classed(tool, config.tools.get(name, {}).get("repeat"))
        for name, tool in known.items()
        if config.tools.get(name, {}).get("enabled", True)
    }


def _policy(config: Config, store: Store | MemoryStore, folder: Path) -> Policy:
    kept: Any = store.get_setting(_RULES) or []
    written = [{**values, "scope": "config"} for values in config.rules]
    rules = [Rule.from_definition(values) for values in (*written, *kept)]
    return Policy(config.mode, tuple(rules), str(folder))


def _write_down(parts: Parts, stands: Standing) -> None:
    """Catalogue what there is, pack old memories, and audit what decisions will stand on."""
    _catalogue(parts)
    parts.store.memory.pack()
    policy, audit = parts.policy, parts.store.audit
    rules = len(policy.rules)
    audit.note("policy.found", {"mode": policy.mode, "rules": rules, "digest": policy.version})
    if parts.servers is not None:
        audit.note("mcp.found", parts.servers.standing())
    said = {"trusted": stands.trusted, "files": len(stands.files)}
    audit.note("trust.found", {**said, "digest": digest(dumps(dict(stands.files)))})


def _sandbox_noter(store: Store | MemoryStore) -> Callable[[SandboxReport], None]:
    def note(report: SandboxReport) -> None:
        store.audit.note("sandbox.found", {"level": report.level, "backend": report.backend})

    return note


def _catalogue(parts: Parts) -> None:
    """Write down what there is, when it is not what was there last time."""
    entries = [entry for plugin in parts.discovered.plugins for entry in plugin.entries()]
    entries += [
        {"kind": "agent", "name": a.name, "version": "1", "origin": parts.config.agents,
         "source_digest": digest(dumps(a.definition()), 8), "doc": a.instructions,
         "parameters": [{"name": f.name, "type": str(f.type)} for f in a.signature.inputs]}
        for a in parts.agents.values()
    ]  # fmt: skip
    mark = digest(dumps(entries), 8)
    if parts.store.get_setting("catalogue") == mark:
        return
    for kind in ("plugin", "pattern", "agent", "tool"):
        ours = [e for e in entries if e["kind"] == kind]
        rows = [{k: v for k, v in entry.items() if k != "kind"} for entry in ours]
        parts.store.catalogue(kind, rows)
    parts.store.set_setting("catalogue", mark)
